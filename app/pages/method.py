"""Method: what every figure means, and how it came about."""

from pathlib import Path

import streamlit as st

from app.figures.cost import allocation
from app.figures.explain import method
from app.web import show

page = show.Page("Method", "What does every figure mean, and how did it come about?")

# %% What do the words mean, how does cost find its team, how is it rounded?
st.markdown((Path(show.__file__).parent / "method.md").read_text(encoding="utf-8"))

# %%
page.part("Which rules decided, and does it match the bill?")
page.show(page.get(method.rules))
page.show(page.get(allocation.reconciliation))

# %%
page.part("What is in which column?")
page.show(page.get(method.columns))
