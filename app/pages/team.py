"""Team: what one team costs, what of it cannot be seen, and what to fix first."""

import streamlit as st

from app.figures.cardinality import cardinality
from app.figures.cost import budget, outlook, spend, team
from app.figures.coverage import coverage, score, standing
from app.fixes import fix_panel
from app.kit.filters import ALL
from app.web import show

page = show.Page("Team", "What does a team cost, what of it cannot be seen, what to fix first?")

# %% Which team?
if page.filters.team == ALL:
    page.lead("Choose a team at the left, or open one here.")
    page.show(page.get(spend.teams))
    page.show(page.get(coverage.by_team))
    st.stop()

# %% How does it stand?
page.lead(page.get(spend.headline).finding, page.get(coverage.headline).finding)
page.cards(
    page.get(spend.headline),
    page.get(budget.against_budget),
    page.get(coverage.headline),
    labels=("Spend", "Change", "A day", budget.CARD, "Coverage M7", "Dark services"),
)

# %%
page.part("What does it cost?")
page.show(page.get(team.trend))
page.show(page.get(spend.by_namespace), page.get(spend.by_service))

# %%
page.part("What to fix first, and how much does it help?")
page.show(page.get(coverage.fixes))
fix_panel.draw(page.get(coverage.fixes))
page.show(page.get(score.rules, ALL))

# %%
page.part("What of it cannot be seen?")
page.cards(page.get(standing.standing))
page.show(page.get(coverage.every))

# %%
page.part("Where does the month end, and what is out of the ordinary?")
page.show(page.get(outlook.forecast))
page.show(page.get(outlook.anomalies))

# %%
page.part("Which of its metrics are large?")
page.show(page.get(cardinality.top_metrics))
