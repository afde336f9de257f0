"""Figures: their sums, their SQL, their words, for a full and an empty snapshot."""

import csv as csv_reader
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
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
from app.figures.platform.whole_day import last_whole
from app.fixes import fix_panel
from app.kit import table
from app.kit.choices import can_compare, choices, first_look
from app.kit.figure import MAX_CHART_ROWS, Figure, chart_rows, csv, figure, sources
from app.kit.filters import Filters, days_of
from app.kit.reader import Reader
from app.kit.target import short_of
from app.report import SECTIONS
from meterbook.base.home import Home
from warehouse.store.snapshot import current

ROOT = Path(__file__).parents[3]
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


def _looks(reader: Reader) -> list[Filters]:
    look = first_look(reader)
    through = date(2026, 11, 22)
    return [
        look,
        replace(look, team="payments", cost="billed", is_compared=False),
        Filters(*days_of("90d", through), currency=look.currency, team="__idle__"),
    ]


@every
def test_the_sql_beside_a_figure_gives_its_rows(
    make: Callable[..., Figure], choice: tuple[str, ...], reader: Reader
) -> None:
    """A reader can ask the snapshot again, with the text that is shown, and gets the same rows."""
    for filters in _looks(reader):
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
        for filters in _looks(source):
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


def test_a_chart_of_too_many_rows_is_refused() -> None:
    """5,001 rows are an error of ours, not a slow page."""
    with pytest.raises(ValueError, match="5001 rows"):
        chart_rows(pl.DataFrame({"n": range(MAX_CHART_ROWS + 1)}))


def test_spend_is_the_sum_of_the_days(book: Any, reader: Reader) -> None:
    """The card, the team table, the parts, both groupings and the pivot give one sum."""
    for filters in _looks(reader):
        want = book.sum(filters.start, filters.end, None if filters.team == "all" else filters.team)
        if filters.cost == "billed":
            want *= 2

        sums = {
            "card": spend.headline(reader, filters).data["cost"][0],
            "days": spend.daily(reader, filters).data["cost"].sum(),
            "namespaces": spend.by_namespace(reader, filters).data["cost"].sum(),
            "teams": spend.teams(reader, filters).total[1],
            "parts": allocation.parts(reader, filters).total[1],
            "pivot": explore.pivot(reader, filters, "team", "service_name").data["cost"].sum(),
            "trend": team.trend(reader, filters).data["cost"].sum(),
            "departments": hierarchy.by_level(reader, filters, "department").total[2],
            "cost centres": hierarchy.daily_by_level(reader, filters, "cost_center")
            .data["cost"]
            .sum(),
        }

        assert set(sums.values()) == {want}


def test_a_department_is_the_sum_of_its_teams(book: Any, reader: Reader) -> None:
    """Five teams before m by name; mobile, payments and search have none; buckets stay apart."""
    filters = first_look(reader)
    shop = ("checkout", "catalog", "identity", "growth", "data-platform")
    want = sum(book.sum(filters.start, filters.end, name) for name in shop)

    made = hierarchy.by_level(reader, filters, "department")

    rows = {row["name"]: row for row in made.data.to_dicts()}
    assert rows["The Shop"]["cost"] == want
    assert (rows["The Shop"]["team_count"], rows["No department"]["team_count"]) == (5, 3)
    assert set(rows) == {
        "The Shop", "No department", "__idle__", "__unallocated__", "__no_telemetry__",
    }  # fmt: skip
    assert made.finding.startswith("The Shop is the dearest")


def test_the_csv_has_every_row_and_digit(book: Any, reader: Reader) -> None:
    """The rows that are downloaded add up to the card, in twelve decimals."""
    filters = first_look(reader)

    text = csv(spend.teams(reader, filters)).decode()

    rows = list(csv_reader.DictReader(io.StringIO(text)))
    assert sum(Decimal(row["cost"]) for row in rows) == book.sum(filters.start, filters.end)


def test_a_cell_that_looks_like_a_formula_is_text(reader: Reader) -> None:
    """A value that begins with `=` from telemetry is no formula in a spreadsheet."""
    made = one_metric.values(reader, first_look(reader), "checkout.cart.events", "user_id")

    text = csv(made).decode()

    rows = list(csv_reader.DictReader(io.StringIO(text)))
    assert {row["value"][:2] for row in rows} == {"'="}


def test_the_change_is_against_the_period_before(book: Any, reader: Reader) -> None:
    """(a - b) / b, by hand."""
    filters = first_look(reader)
    now = book.sum(filters.start, filters.end)
    before = book.sum(filters.previous_start, filters.previous_end)
    percent = ((now - before) / before * 100).quantize(Decimal("0.1"))

    card = spend.headline(reader, filters).cards[1]

    assert card.value == f"+{percent} %"
    assert card.tone == "bad"


def test_nothing_to_compare_with_is_said(reader: Reader) -> None:
    """Where the earlier period has no cost there is no movement and no infinity."""
    filters = Filters(*days_of("90d", date(2026, 11, 22)))

    made = movers.movers(reader, filters)

    assert not can_compare(reader, filters)

    assert made.chart is None
    assert "no cost" in made.finding.lower()


def test_a_history_of_one_day_is_reported_in_words(
    reader: Reader, publish_rows: Any, tmp_path: Any
) -> None:
    """Two dots are no line: with one day kept, the day on which history begins is said."""
    row = {
        "day": date(2026, 11, 22),
        "team": "__all__",
        "complete_count": 24,
        "expected_count": 30,
        "coverage_ratio": 0.8,
    }
    publish_rows(Home(tmp_path), {"mart_coverage_daily": [row]})
    young = _open(Home(tmp_path))

    made = history.history(young, first_look(young))

    assert made.chart is None
    assert made.empty.startswith("History begins on 22 Nov 2026")
    assert history.history(reader, first_look(reader)).chart is not None


def test_a_bucket_is_no_team(reader: Reader) -> None:
    """The dearest team is a team, however much is idle."""
    made = spend.by_group(reader, first_look(reader), "team")

    assert "dearest team" in made.finding
    assert not made.finding.startswith(("Idle", "Unallocated", "No telemetry"))


def test_every_figure_says_how_final_it_is(reader: Reader) -> None:
    """The last two days are estimated, last month is final, a budget holds a forecast."""
    look = first_look(reader)
    past = Filters(*days_of("last-month", date(2026, 11, 22)), currency=look.currency)

    assert "contains estimated days" in spend.headline(reader, look).provenance
    assert "contains estimated days" in allocation.reconciliation(reader, look).provenance
    assert "final" in spend.headline(reader, past).provenance
    assert "final" in allocation.reconciliation(reader, past).provenance
    assert "forecast" in budget.against_budget(reader, look).provenance
    assert "counted, not estimated" in coverage.headline(reader, look).provenance
    several = sources([spend.headline(reader, look), coverage.headline(reader, look)])
    assert several.endswith("contains estimated days")
    assert "mart_cost_daily_team, mart_coverage_service" in several


def test_m7_is_pooled(reader: Reader) -> None:
    """24 of 30 services: 80.0 %, and 5 more reach 95 % (29 of 30 are 96.7 %)."""
    made = coverage.headline(reader, first_look(reader))

    assert made.cards[0].value == "80.0 %"
    assert "5 more would reach the target of 95.0 %" in made.finding


@pytest.mark.parametrize(
    ("wanted", "complete", "expected", "short"),
    [("0.95", 12, 20, 7), ("0.95", 19, 20, 0), ("0.9", 0, 10, 9), ("1", 2, 3, 1), ("0.5", 0, 0, 0)],
)
def test_the_distance_to_the_target(wanted: str, complete: int, expected: int, short: int) -> None:
    """19 of 20 are 95 %; nothing is missing of nothing; counted in whole numbers."""
    assert short_of(Fraction(wanted), complete, expected) == short


def test_the_figures_beside_the_headline(reader: Reader, empty_reader: Reader) -> None:
    """Rounded down; the inventory's change and the cap of the letter are said."""
    made = standing.standing(reader, first_look(reader))
    payments = standing.standing(reader, replace(first_look(reader), team="payments"))

    assert [(card.label, card.value, card.note) for card in made.cards] == [
        ("Inventory", "30 services", "+3 since 22 Nov 2026"),
        ("Weighted index", "87.6 %", "by tier, with credit for each signal"),
        ("All three signals", "70.0 %", "whatever the kind of service"),
        ("Continuity, 7 days", "99.0 %", "1 service with gaps"),
        ("Grade", "C", "score 83.19, capped: a tier-1 service misses a signal"),
    ]
    assert payments.cards[4].note == "score 91.00, excellent"
    assert standing.standing(empty_reader, first_look(empty_reader)).cards == ()


def test_a_fix_tells_what_it_helps(reader: Reader) -> None:
    """All teams: 24 of 30 and one more are 83.3 %; payments' own first: 3 of 5 and one are 80 %."""
    everybody = coverage.fixes(reader, first_look(reader))
    own = coverage.fixes(reader, replace(first_look(reader), team="payments"))

    assert "adds +3.3 pp to M7, which is then 83.3 %" in everybody.finding
    assert "adds +20.0 pp to M7, which is then 80.0 %" in own.finding
    assert own.data["team_ratio_after"].to_list() == [0.8, 1.0]
    text = fix_panel.gain_text(own.data.row(0, named=True))
    assert "It misses traces. Mended, it adds +20.0 pp to the coverage of payments" in text


def test_findings_say_what_to_do(reader: Reader, empty_reader: Reader) -> None:
    """Each kind is counted in words; without any, so it is said."""
    made = findings.findings(reader, first_look(reader))

    assert made.finding == "1 name is borne by several services and 1 sender has no name."
    assert made.data["action"].to_list() == ["Set service.namespace", "Set OTEL_SERVICE_NAME"]
    assert "finds its service" in findings.findings(empty_reader, first_look(empty_reader)).finding


def test_dark_cost_is_never_added_over_currencies(reader: Reader) -> None:
    """Two dark services cost 400 dollars each, one of them 300 euros too: no sum of the two."""
    dollars = first_look(reader)
    euros = replace(dollars, currency="EUR")

    made, other = coverage.headline(reader, dollars), coverage.headline(reader, euros)

    assert made.cards[1].note == "$800 and €300 a month"
    assert other.cards[1].note == "€300 and $800 a month"
    assert dark.costs(reader, dollars).data.select("currency", "monthly_cost").rows() == [
        ("USD", Decimal(800)),
        ("EUR", Decimal(300)),
    ]
    columns = ["service_name", "monthly_cost", "other_cost"]
    assert dark.dark(reader, euros).data.select(columns).rows() == [
        ("payments-svc-4", Decimal(300), "USD 400.00"),
        ("growth-svc-4", None, "USD 400.00"),
    ]
    assert "their cost a month: €300 and $800." in dark.dark(reader, euros).finding


def test_dark_cost_is_one_sum_in_the_report_currency() -> None:
    """Where every part is converted the sum is told in the report currency; else each part."""
    rows = {
        "currency": ["EUR", "USD"],
        "monthly_cost": [Decimal(300), Decimal(800)],
        "report_currency": ["USD", "USD"],
    }

    whole = pl.DataFrame({**rows, "report_cost": [Decimal(330), Decimal(800)]})
    part = pl.DataFrame({**rows, "report_cost": [None, Decimal(800)]})

    assert dark.cost_text_of(whole) == "$1.13k"
    assert dark.cost_text_of(part) == "€300 and $800"


def test_a_score_tells_what_was_not_evaluated(reader: Reader, empty_reader: Reader) -> None:
    """Worst first, rounded down (50/70 is 71.42…), beside coverage, with `complete: false`."""
    made = score.services(reader, first_look(reader))

    assert made.data["service_name"].to_list()[0] == "(no service.name)"
    assert made.data.row(2, named=True)["score_applicable"] == 71.42
    assert made.data.row(2, named=True)["coverage"] == "complete"
    assert "0 of 3 services" in made.finding
    assert "(complete: false): SPA-003 is not evaluated" in made.finding
    assert "complete" not in score.services(empty_reader, first_look(empty_reader)).finding


def test_rules_come_with_evidence(reader: Reader) -> None:
    """The rule with most weight stands first; services of one rule are added up: 8 of 30."""
    every_service = score.rules(reader, first_look(reader), "all").data.row(0, named=True)
    one = score.rules(reader, first_look(reader), "payments-svc-0")

    assert every_service["rule"] == "RES-005"
    assert (every_service["violating_count"], every_service["checked_count"]) == (8, 30)
    assert one.data["verdict"].to_list() == ["failed", "passed", "not seen", "not evaluated"]
    assert one.data.row(0, named=True)["points_if_fixed"] == 8.51
    assert one.finding == "1 rule of 4 failed: RES-001."


def test_the_exploding_metric_is_first(reader: Reader) -> None:
    """What grew by a label comes before what is merely large."""
    made = cardinality.metrics(reader, first_look(reader))

    assert made.data["metric"][0] == "checkout.cart.events"
    assert made.data["worst_label"][0] == "user_id"
    assert "5,200 to 48,310 series" in made.finding


def test_the_team_over_budget_is_named(reader: Reader) -> None:
    """Spent over budget and forecast over budget are two different sentences."""
    made = budget.against_budget(reader, first_look(reader))

    assert "Over budget already: search" in made.finding
    assert "Heading over budget: payments" in made.finding


def test_the_difference_reads_zero_to_the_last_digit(reader: Reader) -> None:
    """Nothing rounds on the way to the proof."""
    made = allocation.reconciliation(reader, first_look(reader))

    assert "0.000000000000" in made.finding
    assert made.cards[0].value == "0"


def test_a_lost_atom_is_seen(publish_rows: Any, tmp_path: Any) -> None:
    """A ledger that lacks 1e-12 of the bill does not read as 0."""
    row = {
        "charge_date": date(2026, 11, 22),
        "currency": "USD",
        "bill_cost": Decimal("5.000000000001"),
        "ledger_cost": Decimal(5),
        "difference": Decimal("0.000000000001"),
        "line_count": 1,
    }
    publish_rows(Home(tmp_path), {"mart_reconciliation_daily": [row]})
    reader = _open(Home(tmp_path))

    made = allocation.reconciliation(reader, first_look(reader))

    assert made.cards[0].value == "0.000000000001"
    assert made.cards[0].tone == "bad"


def test_currencies_are_never_added(publish_rows: Any, tmp_path: Any) -> None:
    """Each currency has its own figures; the dearest is shown first."""
    day = date(2026, 11, 22)
    rows = [
        {
            "charge_date": day,
            "team": "a",
            "currency": currency,
            "direct_cost": cost,
            "effective_cost": cost,
            "billed_cost": cost,
        }
        for currency, cost in (("USD", Decimal(7)), ("EUR", Decimal(11)))
    ]
    bills = [
        {"charge_date": day, "currency": row["currency"], "bill_cost": row["effective_cost"]}
        for row in rows
    ]
    publish_rows(Home(tmp_path), {"mart_cost_daily_team": rows, "mart_reconciliation_daily": bills})
    reader = _open(Home(tmp_path))

    look = first_look(reader)

    assert choices(reader).currencies == ("EUR", "USD")
    assert spend.headline(reader, look).cards[0].value == "€11"
    assert spend.headline(reader, replace(look, currency="USD")).cards[0].value == "$7"


def test_every_part_of_the_report_is_made_once(reader: Reader) -> None:
    """A chart's place in the report is found by its name, so names are unique."""
    names = [
        figure(make, reader, first_look(reader)).name
        for section in SECTIONS
        for row in section.rows
        for make in row
    ]

    assert len(names) == len(set(names))


def _open(home: Home) -> Reader:
    return Reader(current(home.serving))


def test_the_list_of_what_to_do_first(reader: Reader) -> None:
    """What to do, what it saves of all, how sure that is, and what must be known before."""
    made = advice.advice(reader, first_look(reader))

    row = made.data.row(0, named=True)
    assert row["change"] == "Keep the top values of user_id"
    assert row["verdict"] == "loses detail"
    assert row["warning"] == (
        "user_id explains 8,000 more series in 14 days. All others become `other`. "
        "Used by shop.json: Carts."
    )
    assert made.finding == (
        "First: keep the top values of user_id of checkout.cart.events ($48.6 a month). "
        "All of the list saves $48.6 a month."
    )
    assert made.cards[0].value == "$48.6"
    assert made.cards[0].note.endswith("of all, 1 change")
    assert made.total[6] == Decimal("48.585")


def test_what_came_is_explained(reader: Reader) -> None:
    """Growth by the label without which it goes away, churn by the labels with new values."""
    found = one_metric.growth(reader, first_look(reader), "checkout.cart.events").finding

    assert "user_id explains the growth" in found
    assert found.endswith("10 have a new value of k8s.pod.name and k8s.pod.uid.")


def test_series_of_a_day_that_is_over(reader: Reader) -> None:
    """A period up to the day of the build ends with the last day before it that has series."""
    built = reader.snapshot.built_at.date()
    chosen = replace(first_look(reader), end=built)
    days = reader.ask("SELECT DISTINCT day FROM mart_cardinality_metric").frame["day"].to_list()

    found = last_whole(reader, chosen)

    assert found == max(day for day in days if day < built)
    assert last_whole(reader, replace(chosen, end=min(days))) == min(days)


def test_series_by_window_and_by_backend(reader: Reader) -> None:
    """A month saw four times the series of a day; the backend where a label costs most is named."""
    windows = savings.windows(reader, first_look(reader))
    backends = savings.backends(reader, first_look(reader), "checkout.cart.events", "user_id")

    assert windows.data["time_window"].to_list() == ["last hour", "last day", "7 days", "30 days"]
    assert windows.data["day_ratio"].to_list()[-1] == 4
    assert "30 days saw 36,000 series, the last day, 22 Nov 2026, 9,000" in windows.finding
    assert backends.finding == "Without user_id, meter costs $72 a month less."
    assert backends.data["backend"].to_list() == ["default", "meter"]


def test_a_new_book_says_what_is_still_to_do(reader: Reader, empty_reader: Reader) -> None:
    """Each of the four things that a book needs is told until it is there, then no more."""
    new = start.still_to_do(empty_reader, first_look(empty_reader))
    full = start.still_to_do(reader, first_look(reader))

    assert new.data["what"].to_list() == ["Bills", "Telemetry", "Owners", "Inventory"]
    assert new.finding == "The book has no bills, telemetry, owners and inventory yet."
    assert "Owners" not in full.data["what"].to_list()
    assert [path for path in new.data["guide"] if not (ROOT / path).exists()] == []


def test_changes_of_closed_months_name_their_cause(reader: Reader) -> None:
    """Of all teams both, the greater first; of one team its own; by delivery or by rules."""
    look = first_look(reader)
    name = "![x](http://evil.invalid/a.png)<img src=x onerror=alert(1)>$a$"

    both = figure(adjusted.adjustments, reader, look)
    mine = figure(adjusted.adjustments, reader, replace(look, team="payments", cost="billed"))

    assert both.data.select("team", "what", "why").rows() == [
        ("search", "Amazon S3, Usage, c/find", "rules r2 in place of r1"),
        ("payments", f"{name}, Usage", "restatement by delivery d41f in place of c30e"),
    ]
    assert both.finding == "2 changes of 2026-10: \u22124.500000000001 USD."
    assert mine.finding == "1 change of 2026-10: 3.000000000000 USD."
