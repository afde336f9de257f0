"""Team: what one team costs, what of it cannot be seen, and what to fix first."""

import streamlit as st

from app import show, snippets, words
from app.figures import budget, cardinality, coverage, outlook, spend, team
from app.filters import ALL

page = show.Page("Team", "What does a team cost, what of it cannot be seen, what to fix first?")

# %% Which team?
if page.filters.team == ALL:
    page.lead("Choose a team at the left, or open one here.")
    page.show(page.get(spend.teams))
    page.show(page.get(coverage.by_team))
    st.stop()

# %% How does it stand?
page.cards(
    page.get(spend.headline),
    page.get(budget.against_budget),
    page.get(coverage.headline),
    labels=("Spend", "Change", "A day", "Forecast", "Coverage M7", "Dark services"),
)
page.lead(page.get(spend.headline).finding, page.get(coverage.headline).finding)

# %% What does it cost?
page.show(
    page.get(team.trend),
    (page.get(spend.by_namespace), page.get(spend.by_service)),
    widths=(1.5, 1),
)

# %% Where does the month end, and what is out of the ordinary?
page.show(page.get(outlook.forecast))
page.show(page.get(outlook.anomalies))

# %% What of it cannot be seen?
page.show(page.get(coverage.every))

# %% What to fix first?
fixes = page.get(coverage.fixes)
page.show(fixes)
for service in fixes.data.head(3).to_dicts():
    title = f"Fix for {words.md_escape(service['service_name'])}"
    with st.expander(f"{title}: set this, then restart it"):
        st.code(
            snippets.instrument(
                service["service_name"],
                service["service_namespace"],
                service["environment"],
                service["missing_signals"],
            ),
            language="bash",
        )
        st.caption("The endpoint is that of a collector beside the service; put in your own.")

# %% Which of its metrics are large?
page.show(page.get(cardinality.top_metrics))
