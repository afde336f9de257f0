"""Executive: what leadership reads on Monday."""

from app.figures.cardinality import cardinality
from app.figures.cost import allocation, budget, movers, outlook, spend
from app.figures.coverage import coverage, start
from app.report import FIRST_CARDS
from app.web import show

page = show.Page("Executive", "What did we spend, who spent it, will we stay in budget?")

# %% What does a new book lack?
lacking = page.get(start.still_to_do)
if lacking.rows:
    page.part("What does the book still need?")
    page.show(lacking)

# %% What happened?
moved = page.get(movers.movers)
page.lead(
    page.get(spend.headline).finding,
    *([moved.finding] if moved.chart else []),
    page.get(budget.against_budget).finding,
)
page.cards(
    page.get(spend.headline),
    page.get(outlook.forecast),
    page.get(budget.against_budget),
    page.get(allocation.parts),
    page.get(coverage.headline),
    page.get(cardinality.headline),
    labels=FIRST_CARDS,
)

# %%
page.part("Who spends, day by day?")
page.show(page.get(spend.daily))

# %%
page.part("Where did it go?")
page.show(page.get(allocation.parts), (page.get(spend.by_service), page.get(spend.by_namespace)))
page.show(moved)

# %%
page.part("Will we stay in budget?")
page.show(page.get(budget.against_budget))
page.show(page.get(outlook.forecast))

# %%
page.part("What is out of the ordinary?")
page.show(page.get(outlook.anomalies))

# %%
page.part("What does every team cost, and what of it can be seen?")
page.show(page.get(spend.teams))

# %%
page.part("Is it the bill?")
page.show(page.get(allocation.reconciliation))
