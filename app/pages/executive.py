"""Executive: what leadership reads on Monday."""

from app import show
from app.figures import allocation, spend

page = show.Page("Executive", "What did we spend, who spent it, and does it match the bill?")

# %% What happened?
page.cards(page.get(spend.headline), page.get(allocation.parts))
page.lead(page.get(spend.headline).finding, page.get(spend.movers).finding)

# %% Who spends, day by day?
page.show(page.get(spend.daily))

# %% On what?
page.show(page.get(spend.by_namespace), page.get(spend.by_service))

# %% What moved, and where did the money go?
page.show(page.get(spend.movers), page.get(allocation.parts))

# %% Every team
page.show(page.get(spend.teams))

# %% Is it the bill?
page.show(page.get(allocation.reconciliation))
