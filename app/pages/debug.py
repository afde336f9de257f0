"""Debug: whether the book is fresh, complete and sound."""

from app.figures.cost import allocation
from app.figures.coverage import sources
from app.figures.platform import health, quality
from app.web import show

page = show.Page("Debug", "Is the book fresh, complete and sound?")

# %% Is it sound?
page.lead(page.get(allocation.reconciliation).finding, page.get(health.deliveries).finding)
page.cards(
    page.get(allocation.reconciliation),
    page.get(health.deliveries),
    page.get(health.runs),
    page.get(health.checks),
)

# %%
page.part("Does the ledger match the bill?")
page.show(page.get(allocation.reconciliation))
page.show(page.get(allocation.reconciliation_days))

# %%
page.part("Is it fresh?")
page.show(page.get(health.freshness), page.get(health.collector))

# %%
page.part("Which bills are in force, which rows could not be read?")
page.show(page.get(health.deliveries))
page.show(page.get(health.rejected))

# %%
page.part("What was restated, and do bills keep to FOCUS?")
page.show(page.get(health.restatements))
page.show(page.get(health.conformance))

# %%
page.part("What did the last build do, and what must hold?")
page.show(page.get(health.checks))
page.show(page.get(health.runs))

# %%
page.part("Is a fact about containers told twice?")
page.show(page.get(sources.fact_sources))

# %%
page.part("How much of the bill do telemetry and tags explain?")
page.show(page.get(quality.telemetry))
page.show(page.get(quality.tags))
