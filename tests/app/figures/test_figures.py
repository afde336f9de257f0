"""Every figure: its SQL, its words and its chart, for a full and an empty snapshot."""

from collections.abc import Callable

import pytest

from app.figures.cardinality import advice, cardinality, one_metric, savings
from app.figures.cost import (
    adjusted,
    allocation,
    budget,
    explore,
    hierarchy,
    movers,
    outlook,
    performance,
    spend,
    team,
)
from app.figures.coverage import (
    coverage,
    dark,
    findings,
    history,
    score,
    score_cost,
    standing,
    start,
)
from app.figures.coverage.sources import fact_sources
from app.figures.explain import explain, explain_shares, explain_steps, method
from app.figures.platform import health, quality, workloads
from app.kit import table
from app.kit.choices import first_look
from app.kit.figure import Figure, figure
from app.kit.reader import Reader
from tests.app.looks import looks

STEPPED = "05:00|c|n|payments-app|payments-app|payments||label|workload"
EVERY: tuple[tuple[Callable[..., Figure], tuple[str, ...]], ...] = (
    (spend.headline, ()),
    (spend.daily, ()),
    (spend.by_namespace, ()),
    (spend.by_service, ()),
    (spend.by_group, ("sub_account_id",)),
    (movers.movers, ()),
    (spend.teams, ()),
    (start.still_to_do, ()),
    (allocation.parts, ()),
    (allocation.reconciliation, ()),
    (allocation.reconciliation_days, ()),
    (budget.against_budget, ()),
    (explore.daily_by, ("service_name",)),
    (explore.pivot, ("team", "namespace")),
    (explore.pivot, ("team", "team")),
    (hierarchy.by_level, ("department",)),
    (hierarchy.by_level, ("cost_center",)),
    (hierarchy.daily_by_level, ("team",)),
    (team.trend, ()),
    (performance.per_thousand, ()),
    (performance.day_by_day, ("payments-api",)),
    (outlook.forecast, ()),
    (outlook.anomalies, ()),
    (outlook.runaways, ()),
    (adjusted.adjustments, ()),
    (explain.days, ()),
    (explain.lines, ("2026-11-20",)),
    (explain_shares.shares, ("2026-11-20", "line-20-payments")),
    (explain_steps.steps, ("2026-11-20", "line-20-payments", STEPPED)),
    (workloads.efficiency, ()),
    (workloads.rightsizing, ("balanced",)),
    (coverage.headline, ()),
    (coverage.by_team, ()),
    (coverage.fixes, ()),
    (coverage.every, ()),
    (dark.dark, ()),
    (dark.costs, ()),
    (history.history, ()),
    (coverage.sources, ()),
    (coverage.services, ("unregistered",)),
    (coverage.services, ("gaps",)),
    (standing.standing, ()),
    (standing.teams, ()),
    (findings.findings, ()),
    (score.services, ()),
    (score_cost.against_cost, ()),
    (score_cost.fixes, ()),
    (score_cost.first_fixes, ()),
    (score.rules, ("all",)),
    (score.rules, ("payments-svc-0",)),
    (score.advisories, ()),
    (advice.advice, ()),
    (advice.unused_labels, ()),
    (savings.windows, ()),
    (savings.backends, ("checkout.cart.events", "user_id")),
    (cardinality.headline, ()),
    (cardinality.price, ()),
    (cardinality.metrics, ()),
    (cardinality.top_metrics, ()),
    (one_metric.growth, ("checkout.cart.events",)),
    (one_metric.what_if, ("checkout.cart.events",)),
    (one_metric.values, ("checkout.cart.events", "user_id")),
    (savings.hotspots, ("money",)),
    (savings.hotspots, ("growth",)),
    (savings.teams, ()),
    (savings.unused, ()),
    (savings.use, ("checkout.cart.events", "user_id")),
    (savings.sets, ("checkout.cart.events",)),
    (savings.rewrites, ("checkout.cart.events",)),
    (health.freshness, ()),
    (health.deliveries, ()),
    (health.rejected, ()),
    (health.restatements, ()),
    (health.conformance, ()),
    (fact_sources, ()),
    (quality.tags, ()),
    (quality.telemetry, ()),
    (health.runs, ()),
    (health.checks, ()),
    (health.collector, ()),
    (method.rules, ()),
)
NOTHING = ("nan", "None", "NaT", "inf", "undefined", "__idle__", "__unallocated__")
every = pytest.mark.parametrize(
    ("make", "choice"), EVERY, ids=lambda it: getattr(it, "__name__", "")
)


@every
def test_the_sql_beside_a_figure_gives_its_rows(
    make: Callable[..., Figure], choice: tuple[str, ...], reader: Reader
) -> None:
    """A reader can ask the snapshot again, with the text that is shown, and gets the same rows."""
    for filters in looks(reader):
        made = figure(make, reader, filters, *choice)

        again = reader.ask(made.sql).frame

        assert again.equals(made.data)
        assert made.tables
        assert made.snapshot_id == reader.snapshot.id


@every
def test_words_stand_where_there_is_nothing(
    make: Callable[..., Figure], choice: tuple[str, ...], reader: Reader, empty_reader: Reader
) -> None:
    """No `nan`, `None` or bucket name is ever read, with rows or without."""
    for source in (reader, empty_reader):
        for filters in looks(source):
            made = figure(make, source, filters, *choice)

            cards = [part for card in made.cards for part in (card.value, card.note, card.help)]
            read = " ".join([made.title, made.finding, made.empty, made.note, *cards])
            words = f"{read} {table.render(made) if made.shown else ''}".replace(">", " ")
            assert not [word for word in NOTHING if word in words.replace("<", " ").split()]
            assert made.finding


@every
def test_a_chart_is_small_and_named(
    make: Callable[..., Figure], choice: tuple[str, ...], reader: Reader
) -> None:
    """A chart says in words what it shows, and never holds rows that SQL should have summed."""
    made = figure(make, reader, first_look(reader), *choice)

    if made.chart is not None:
        assert made.alt
        assert len(str(made.chart)) < 300_000
