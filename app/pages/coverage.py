"""Coverage: which services can be seen in an incident, and what to fix first."""

import streamlit as st

from app import show, snippets, words
from app.figures import coverage

page = show.Page("Coverage", "Which services cannot be seen in an incident, what to fix first?")

# %% How many can be seen?
page.cards(page.get(coverage.headline))
page.lead(page.get(coverage.headline).finding)

# %% Whose are they, and what do the dark ones cost?
page.show(page.get(coverage.by_team), (page.get(coverage.dark), page.get(coverage.headline)))

# %% What to fix first?
fixes = page.get(coverage.fixes)
page.show(fixes)
if fixes.rows:
    first = fixes.data.row(0, named=True)
    with st.expander(
        f"Fix for {words.md_escape(first['service_name'])}: set this, then restart it"
    ):
        st.code(
            snippets.instrument(
                first["service_name"],
                first["service_namespace"],
                first["environment"],
                first["missing_signals"],
            ),
            language="bash",
        )

# %% How did it go, and how far is the inventory to be trusted?
page.show(page.get(coverage.history), page.get(coverage.sources))

# %% Which services are in which list?
state = st.segmented_control(
    "List",
    ["dark", "partial", "unregistered", "complete", "exempt"],
    default="dark",
    required=True,
    format_func=str.capitalize,
    key="list",
    bind="query-params",
)
page.show(page.get(coverage.services, state or "dark"))
