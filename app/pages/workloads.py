"""Workloads: what they use of what they ask for, and what they should ask for."""

import streamlit as st

from app.figures.cost import performance
from app.figures.platform import workloads
from app.figures.platform.workloads import PROFILES
from app.kit import words
from app.web import show

page = show.Page("Workloads", "What is paid for and not used, and what should be asked for?")

# %% How well?
head = st.container()

# %%
page.part("What is paid for and not used?")
efficiency = page.get(workloads.efficiency)
page.show(efficiency)

# %%
page.part("What to ask for?")
profile = st.selectbox(
    "Profile",
    list(PROFILES),
    format_func=PROFILES.__getitem__,
    key="profile",
    bind="query-params",
    width=show.CHOICE,
    help="How near to the use a request may be.",
)
sizes = page.get(workloads.rightsizing, profile)
page.show(sizes)
with head:
    page.lead(efficiency.finding, sizes.finding)
    page.cards(efficiency, sizes)

# %%
page.part("What does a unit of work cost, and how fast is it?")
units = page.get(performance.per_thousand)
page.show(units)
spaces = sorted(set(units.data["namespace"]))
if spaces:
    space = st.selectbox(
        "Namespace",
        spaces,
        format_func=words.entity,
        key="space",
        bind="query-params",
        width=show.CHOICE,
    )
    page.show(page.get(performance.day_by_day, space))
