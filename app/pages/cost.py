"""Cost: by any two of its dimensions."""

import streamlit as st

from app.figures.cost import allocation, explore, hierarchy, movers, outlook, spend
from app.figures.cost.spend import GROUPS
from app.web import show

page = show.Page("Cost", "What is it spent on? Group it by any two dimensions.")

# %% How much?
page.lead(page.get(spend.headline).finding)
page.cards(
    page.get(spend.headline), page.get(allocation.parts), page.get(allocation.reconciliation)
)

# %%
page.part("Which department, which cost centre?")
level = st.segmented_control(
    "Level",
    list(hierarchy.LEVELS),
    default="department",
    required=True,
    format_func=hierarchy.LEVELS.__getitem__,
    key="level",
    bind="query-params",
)
page.show(page.get(hierarchy.daily_by_level, level), page.get(hierarchy.by_level, level))

# %%
page.part("What is it spent on, by two dimensions?")
left, right, _ = st.columns([1, 1, 2])
first = left.selectbox(
    "Group by",
    list(GROUPS),
    format_func=GROUPS.__getitem__,
    key="group",
    bind="query-params",
)
second = right.selectbox(
    "and by",
    list(GROUPS),
    index=list(GROUPS).index("service_name"),
    format_func=GROUPS.__getitem__,
    key="and",
    bind="query-params",
)
page.show(page.get(explore.daily_by, first))
moved = page.get(movers.movers)
grouped = page.get(spend.by_group, first)
if moved.chart:
    page.show(grouped, moved)
else:
    page.show(grouped)
    page.show(moved)
page.show(page.get(explore.pivot, first, second))

# %%
page.part("What runs away?")
page.show(page.get(outlook.runaways))
