"""Coverage: which services can be seen in an incident, and what to fix first."""

import streamlit as st

from app import collector_snippets, show, snippets, words
from app.figures import coverage, dark, score
from app.filters import ALL

page = show.Page("Coverage", "Which services cannot be seen in an incident, what to fix first?")

# %% How many can be seen?
page.cards(page.get(coverage.headline))
page.lead(page.get(coverage.headline).finding)

# %% Whose are they, and what do the dark ones cost?
page.show(page.get(coverage.by_team), (page.get(dark.dark), page.get(coverage.headline)))

# %% What to fix first?
fixes = page.get(coverage.fixes)
page.show(fixes)
if fixes.rows:
    names = [f"{row['fix_rank']}. {row['service_name']}" for row in fixes.data.to_dicts()]
    place = st.selectbox("Fix for", range(len(names)), format_func=lambda n: names[n], key="fix")
    chosen = fixes.data.row(place or 0, named=True)
    who = (chosen["service_name"], chosen["service_namespace"], chosen["environment"])
    missing = chosen["missing_signals"]
    with st.expander(f"What {words.md_escape(chosen['service_name'])} needs"):
        if chosen["kind"] in {"datastore", "third_party"}:
            st.caption("It sends nothing by itself: a Collector beside it does.")
        else:
            st.caption("Set this and restart it; or let a Collector send it, as below.")
            st.code(snippets.instrument(*who, missing), language="bash")
        st.code(
            collector_snippets.collector_pipeline(*who, chosen["kind"], missing), language="yaml"
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

# %% How good is what arrives?
scored = page.get(score.services)
page.show(scored)
if scored.rows:
    chosen_service = st.selectbox(
        "Rules of", [ALL, *scored.data["service_name"].to_list()], key="scored"
    )
    page.show(page.get(score.rules, chosen_service or ALL), page.get(score.advisories))
