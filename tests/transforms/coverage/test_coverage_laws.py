"""What holds of coverage whatever the inventory and the telemetry are."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from meterbook.base.settings import InventorySettings
from transforms.coverage import coverage, expected, inventory
from transforms.slo import sli
from warehouse.tables.core import SERVICE, SIGNAL_DAILY, WORKLOAD_DAILY
from warehouse.tables.mart_coverage import COVERAGE_SERVICE, COVERAGE_TEAM, SERVICE_COST

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = NOW.date()
TERMS = expected.Expectations.of(InventorySettings())
SIGNALS = ("logs", "metrics", "traces")
COUNTS = (
    *("complete_count", "partial_count", "dark_count", "expected_count", "literal_count"),
    *("gap_count", "unregistered_count", "exempt_count"),
)
Listed = tuple[str, str, str, str, int, bool]
"""Namespace, name, kind, team, tier, exempt."""
Observed = tuple[str, str, str, int, int, int]
"""Namespace, name, signal, days ago, hours since receipt, hours as bits."""

NAMES = ("api", "web", "db", "nightly")
INVENTORY = st.lists(
    st.tuples(
        st.sampled_from(["shop", "blog"]),
        st.sampled_from(NAMES),
        st.sampled_from(["service", "datastore", "cronjob", "third_party"]),
        st.sampled_from(["one", "two", ""]),
        st.integers(1, 3),
        st.booleans(),
    ),
    unique_by=lambda row: row[:2],
    max_size=7,
)
TELEMETRY = st.lists(
    st.tuples(
        st.sampled_from(["shop", "blog", "", "x"]),
        st.sampled_from([*NAMES, "stranger", "unknown_service:java"]),
        st.sampled_from(SIGNALS),
        st.integers(0, 8),
        st.integers(0, 60),
        st.integers(1, (1 << 24) - 1),
    ),
    unique_by=lambda row: row[:4],
    max_size=25,
)


def listed(rows: Sequence[Listed]) -> pl.LazyFrame:
    """Give core_service of an inventory that nothing else adds to."""
    lines = [",".join(inventory.COLUMNS)]
    for space, name, kind, team, tier, is_exempt in rows:
        exempt = "why,2027-01-01" if is_exempt else ","
        lines.append(f"{space},{name},production,{kind},{team},{tier},{exempt}")
    billed = pl.LazyFrame(
        schema={**{name: SERVICE.schema[name] for name in SERVICE.key}, "sources": pl.String()}
        | {name: SERVICE.schema[name] for name in ("first_seen_at", "last_seen_at")}
    )
    nobody = WORKLOAD_DAILY.empty().lazy()
    known = inventory.parse_inventory("\n".join(lines))
    return expected.services(known, nobody, billed, environments=["production"])


def sent(rows: Sequence[Observed]) -> pl.LazyFrame:
    """Give core_signal_daily."""
    full: list[tuple[Any, ...]] = [
        (
            *(DAY - timedelta(days=ago), space, name, "production", signal, 1),
            *(NOW - timedelta(hours=since), hours, hours.bit_count()),
        )
        for space, name, signal, ago, since, hours in rows
    ]
    return pl.LazyFrame(full, schema=SIGNAL_DAILY.schema, orient="row")


def covered(known: pl.LazyFrame, telemetry: pl.LazyFrame) -> pl.DataFrame:
    """Give mart_coverage_service, checked."""
    costs = SERVICE_COST.empty().lazy()
    made = coverage.coverage_service(known, telemetry, costs, now=NOW, terms=TERMS)
    return COVERAGE_SERVICE.check(made.collect())


def teams(frame: pl.DataFrame) -> pl.DataFrame:
    """Give mart_coverage_team, checked."""
    return COVERAGE_TEAM.check(coverage.coverage_team(frame.lazy(), TERMS).collect())


def everybody(frame: pl.DataFrame) -> dict[str, Any]:
    """Give the row of the organisation; zeros where nothing is known at all."""
    made = teams(frame).filter(pl.col("team") == coverage.EVERYBODY)
    return made.row(0, named=True) if made.height else dict.fromkeys(COUNTS, 0)


@settings(deadline=None, max_examples=40)
@given(INVENTORY, TELEMETRY, st.randoms())
def test_neither_order_nor_partition_changes_a_figure(
    rows: list[Listed], observed: list[Observed], chance: Any
) -> None:
    """Rows in any order, and a day's signals cut into any parts, give the same frames."""
    mixed, cut = list(observed), chance.randint(0, len(observed))
    chance.shuffle(mixed)
    parts = pl.concat([sent(mixed[cut:]), sent(mixed[:cut])])
    inventory_ = list(rows)
    chance.shuffle(inventory_)

    whole = covered(listed(rows), sent(observed))
    other = covered(listed(inventory_), parts)

    assert other.equals(whole)
    assert teams(other).equals(teams(whole))


@settings(deadline=None, max_examples=40)
@given(INVENTORY, TELEMETRY)
def test_teams_add_up_to_the_organisation(rows: list[Listed], observed: list[Observed]) -> None:
    """Each count of all is the sum of the teams'; the lists part what is expected."""
    frame = covered(listed(rows), sent(observed))
    made = teams(frame)
    whole = everybody(frame)

    parts = made.filter(pl.col("team") != coverage.EVERYBODY)
    assert {name: parts[name].sum() for name in COUNTS} == {name: whole[name] for name in COUNTS}
    live = sum(not row[5] for row in rows)
    assert whole["complete_count"] + whole["partial_count"] + whole["dark_count"] == live
    assert whole["expected_count"] == live
    if live:
        figure = sli.coverage_sli(made.lazy(), DAY).filter(pl.col("scope") == coverage.EVERYBODY)
        assert figure.collect()["denominator"].to_list() == [live]


@settings(deadline=None, max_examples=40)
@given(INVENTORY, TELEMETRY, TELEMETRY)
def test_a_signal_more_never_lowers_coverage(
    rows: list[Listed], observed: list[Observed], more: list[Observed]
) -> None:
    """M7, the literal figure, the weighted index and continuity stay or rise with any telemetry."""
    known = {row[:4]: row for row in observed}
    for row in more:
        had = known.get(row[:4], row)
        known[row[:4]] = (*row[:4], min(had[4], row[4]), had[5] | row[5])

    before = everybody(covered(listed(rows), sent(observed)))
    after = everybody(covered(listed(rows), sent(list(known.values()))))

    assert before["expected_count"] == after["expected_count"]
    for name in ("complete_count", "literal_count"):
        assert before[name] <= after[name]
    for name in ("coverage_ratio", "literal_ratio", "weighted_index", "continuity_ratio"):
        assert (before.get(name) or 0) <= (after.get(name) or 0)


@settings(deadline=None, max_examples=40)
@given(INVENTORY, TELEMETRY, st.sampled_from(["service", "cronjob"]), st.integers(1, 3))
def test_an_exempted_service_is_in_no_figure(
    rows: list[Listed], observed: list[Observed], kind: str, tier: int
) -> None:
    """With one exempted service more, numerators, denominators and fixes are as they were."""
    added: Listed = ("vault", "keys", kind, "one", tier, True)

    plain = covered(listed(rows), sent(observed))
    with_it = covered(listed([*rows, added]), sent([*observed, ("vault", "keys", "logs", 0, 1, 1)]))

    rest = with_it.filter(pl.col("service_namespace") != "vault")
    assert rest.equals(plain)
    before, after = everybody(plain), everybody(with_it)
    assert after["exempt_count"] == before["exempt_count"] + 1
    figures = [name for name in COUNTS if name != "exempt_count"]
    assert {name: after[name] for name in figures} == {name: before[name] for name in figures}
    for name in ("coverage_ratio", "literal_ratio", "weighted_index", "continuity_ratio"):
        assert after[name] == before.get(name)


@settings(deadline=None, max_examples=40)
@given(INVENTORY, TELEMETRY)
def test_fixes_lead_to_the_target(rows: list[Listed], observed: list[Observed]) -> None:
    """Each fix adds one service; after the last all are complete, in every team too."""
    frame = covered(listed(rows), sent(observed))
    fixes = frame.filter(pl.col("fix_rank").is_not_null()).sort("fix_rank")
    whole = everybody(frame)

    assert fixes["fix_rank"].to_list() == list(range(1, fixes.height + 1))
    assert fixes.height == whole["partial_count"] + whole["dark_count"]
    after = [(whole["complete_count"] + n) / whole["expected_count"] for n in fixes["fix_rank"]]
    assert fixes["ratio_after"].to_list() == after
    last = fixes.group_by("team").agg(pl.col("team_ratio_after").last())
    assert set(last["team_ratio_after"].to_list()) <= {1.0}
