"""Method: what every figure means, and how it came about."""

import streamlit as st

from app import show
from app.figures import allocation, method

page = show.Page("Method", "What does every figure mean, and how did it come about?")

# %% What do the words mean?
page.text("What the figures mean", method.TERMS)

# %% How does cost find its team?
page.text("How cost finds its team", [("", rule) for rule in method.RULES])
page.show(page.get(method.rules))

# %% How is it rounded?
page.text("Numbers, days and currencies", [("", rule) for rule in method.ROUNDING])

# %% Is the bill matched?
page.show(page.get(allocation.reconciliation))

# %% What is in which column?
page.show(page.get(method.columns))
st.caption("The SQL behind each figure stands behind its </> sign.")
