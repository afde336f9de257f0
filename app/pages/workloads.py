"""Workloads: what they use of what they ask for, and what they should ask for."""

import streamlit as st

from app import show, words
from app.figures import performance, workloads
from app.figures.workloads import PROFILES

page = show.Page("Workloads", "What is paid for and not used, and what should be asked for?")

# %% How well?
left, _ = st.columns([1, 3])
profile = left.selectbox(
    "Profile",
    list(PROFILES),
    format_func=PROFILES.__getitem__,
    key="profile",
    bind="query-params",
    help="How near to the use a request may be.",
)
efficiency, sizes = page.get(workloads.efficiency), page.get(workloads.rightsizing, profile)
page.cards(efficiency, sizes)
page.lead(efficiency.finding, sizes.finding)

# %% By whom?
page.show(efficiency)

# %% What to ask for?
page.show(sizes)

# %% Cost against performance?
units = page.get(performance.per_thousand)
page.show(units)
spaces = sorted(set(units.data["namespace"]))
if spaces:
    space = st.selectbox(
        "Namespace", spaces, format_func=words.entity, key="space", bind="query-params"
    )
    page.show(page.get(performance.day_by_day, space))
