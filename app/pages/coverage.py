"""Coverage: which services can be seen in an incident, and what to fix first."""

import streamlit as st

from app.figures.coverage import coverage, dark, findings, history, score, score_cost, standing
from app.fixes import fix_panel
from app.kit.filters import ALL
from app.web import show

page = show.Page("Coverage", "Which services cannot be seen in an incident, what to fix first?")

# %% How many can be seen, and of how many?
page.lead(page.get(coverage.headline).finding)
page.cards(page.get(coverage.headline))
page.cards(page.get(standing.standing))

# %%
page.part("Whose are they, and what do the dark ones cost?")
page.show(page.get(coverage.by_team), (page.get(dark.dark), page.get(coverage.headline)))
page.show(page.get(standing.teams))

# %%
page.part("What to fix first, and how much does it help?")
page.show(page.get(coverage.fixes))
fix_panel.draw(page.get(coverage.fixes))

# %%
page.part("How did it go, and how far is the inventory to be trusted?")
page.show(page.get(history.history), page.get(coverage.sources))

# %%
page.part("Which services are in which list?")
state = st.segmented_control(
    "List",
    ["dark", "partial", coverage.GAPS, "unregistered", "complete", "exempt"],
    default="dark",
    required=True,
    format_func=str.capitalize,
    key="list",
    bind="query-params",
)
page.show(page.get(coverage.services, state or "dark"))

page.show(page.get(findings.findings))

# %%
page.part("How good is what arrives?")
scored = page.get(score.services)
page.cards(page.get(score_cost.against_cost))
page.show(page.get(score_cost.against_cost))
page.show(page.get(score_cost.fixes))
page.show(scored)
if scored.rows:
    chosen_service = st.selectbox(
        "Rules of",
        [ALL, *scored.data["service_name"].to_list()],
        format_func=lambda name: "All services" if name == ALL else name,
        key="scored",
        width=show.CHOICE,
    )
    page.show(page.get(score.rules, chosen_service or ALL))
    page.show(page.get(score.advisories))
