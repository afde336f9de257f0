"""Executive: what leadership reads on Monday."""

from app import show
from app.figures import allocation, budget, cardinality, coverage, outlook, spend

page = show.Page("Executive", "What did we spend, who spent it, will we stay in budget?")

# %% What happened?
page.cards(
    page.get(spend.headline),
    page.get(budget.against_budget),
    page.get(allocation.parts),
    page.get(coverage.headline),
    page.get(cardinality.headline),
    labels=(
        "Spend",
        "Change",
        "A day",
        "Forecast",
        "Allocated",
        "Coverage M7",
        "Active series",
    ),
)
page.lead(
    page.get(spend.headline).finding,
    page.get(spend.movers).finding,
    page.get(budget.against_budget).finding,
)

# %% Who spends, day by day, and where did it go?
page.show(page.get(spend.daily), page.get(allocation.parts), widths=(1.75, 1))

# %% On what, and what moved?
page.show(page.get(spend.by_namespace), page.get(spend.by_service))
page.show(page.get(spend.movers))

# %% Will we stay in budget?
page.show(page.get(budget.against_budget))
page.show(page.get(outlook.forecast))

# %% What is out of the ordinary?
page.show(page.get(outlook.anomalies))

# %% Every team
page.show(page.get(spend.teams))

# %% Is it the bill?
page.show(page.get(allocation.reconciliation))
