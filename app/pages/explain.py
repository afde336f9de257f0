"""Explain: from a team's day down to bill lines, shares and rules."""

import polars as pl
import streamlit as st

from app.figures.cost import adjusted
from app.figures.explain import explain, explain_shares, explain_steps
from app.kit import words
from app.kit.filters import ALL
from app.web import show

page = show.Page("Explain", "Why is this mine? From a day down to bill lines, shares and rules.")

# %% Which day?
days = page.get(explain.days).data["day"].to_list()
if not days:
    st.info(
        f"No cost for {words.md_escape(page.filters.team_text)} in "
        f"{page.filters.period_text}. Choose another team or period on the left.",
        icon=":material/info:",
    )
    st.stop()
day = st.selectbox("Day (UTC)", days, key="day", bind="query-params", width=show.CHOICE)

# %% Which lines?
found = page.get(explain.lines, day)
names = {
    row["x_line_hash"]: f"{words.cents(row['cost'], page.filters.currency)}  {row['service']}  "
    f"{row['resource']}"
    for row in found.data.select("x_line_hash", "cost", "service", "resource").to_dicts()
}
page.lead(found.finding)
page.cards(found)
page.part("Which bill lines?")
page.show(found)

# %% What changed of months that were closed?
changed = page.get(adjusted.adjustments)
if changed.rows:
    page.part("What changed of closed months?")
    page.show(changed)

# %% By what was a line shared?
if not names:
    st.stop()
page.part("Who shares a line, and by what?")
line = st.selectbox(
    "Bill line", list(names), format_func=names.__getitem__, key="line", bind="query-params"
)
shared = page.get(explain_shares.shares, day, line)
page.show(shared)

# %% By which steps did a row come about?
mine = shared.data.filter((pl.col("team") == page.filters.team) | (page.filters.team == ALL))
receivers = {
    row["row"]: f"{words.exact(row['cost'])}  {row['hour']}  {words.entity(row['namespace'])}  "
    f"{words.entity(row['workload'])}  {words.entity(row['team'])}  {row['how']}"
    for row in mine.to_dicts()
}
if receivers:
    page.part("By which steps did a row come about?")
    row = st.selectbox(
        "Row",
        list(receivers),
        index=None,
        placeholder="Choose a row",
        format_func=receivers.__getitem__,
        key="row",
        bind="query-params",
    )
    if row is not None:
        page.show(page.get(explain_steps.steps, day, line, row))
