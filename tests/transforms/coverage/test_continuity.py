"""Continuity: a healthy feed and a stray record do not look the same."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterbook.base.settings import InventorySettings
from transforms.coverage import coverage, expected, inventory, signals
from transforms.coverage.continuity import observed_hours
from warehouse.tables.core import SERVICE, SIGNAL_DAILY, WORKLOAD_DAILY
from warehouse.tables.mart_coverage import COVERAGE_SERVICE, COVERAGE_TEAM, SERVICE_COST
from warehouse.tables.raw import SIGNAL

NOW = datetime(2026, 11, 22, 12, 34, tzinfo=UTC)
DAY = NOW.date()
TERMS = expected.Expectations.of(InventorySettings())
FULL = (1 << 24) - 1
ALL = ("logs", "metrics", "traces")
Observed = tuple[str, str, int, int]
"""`namespace/name`, signal, days ago, hours as bits."""


def catalogue(*rows: str) -> pl.LazyFrame:
    """Give core_service of `namespace,name,kind,aliases,period`, seen by nobody else."""
    head = ",".join([*inventory.COLUMNS, "aliases", "period_hours"])
    lines = [head]
    for row in rows:
        space, name, kind, aliases, period = [*row.split(","), *[""] * 4][:5]
        lines.append(f"{space},{name},production,{kind or 'service'},t,2,,,{aliases},{period}")
    known = inventory.parse_inventory("\n".join(lines))
    billed = pl.LazyFrame(
        schema={**{name: SERVICE.schema[name] for name in SERVICE.key}, "sources": pl.String()}
        | {name: SERVICE.schema[name] for name in ("first_seen_at", "last_seen_at")}
    )
    nobody = WORKLOAD_DAILY.empty().lazy()
    return expected.services(known, nobody, billed, environments=["production"])


def observed(rows: list[Observed]) -> pl.LazyFrame:
    """Give core_signal_daily, received just now."""
    full = []
    for name, signal, ago, hours in rows:
        space, _, bare = name.rpartition("/")
        day = DAY - timedelta(days=ago)
        full.append((day, space, bare, "production", signal, 1, NOW, hours, hours.bit_count()))
    return pl.LazyFrame(full, schema=SIGNAL_DAILY.schema, orient="row")


def covered(
    known: pl.LazyFrame, sent: pl.LazyFrame, terms: expected.Expectations = TERMS
) -> pl.DataFrame:
    """Give mart_coverage_service, checked."""
    costs = SERVICE_COST.empty().lazy()
    made = coverage.coverage_service(known, sent, costs, now=NOW, terms=terms)
    return COVERAGE_SERVICE.check(made.collect())


def steady(name: str = "shop/web", *kinds: str) -> list[Observed]:
    """Give a feed of every hour of the last eight days and of today until now."""
    return [
        (name, kind, ago, FULL if ago else (1 << 12) - 1)
        for kind in kinds or ALL
        for ago in range(9)
    ]


def bits_of(kind: str, hours: int) -> list[Observed]:
    """Give a feed of the last so many whole hours before 12:00 today."""
    rows: list[Observed] = []
    for ago in range(8):
        last = 12 if ago == 0 else 24
        count = min(hours, last)
        rows.append(("shop/web", kind, ago, ((1 << count) - 1) << (last - count)))
        hours -= count
    return [row for row in rows if row[3]]


def test_a_stray_record_is_not_a_healthy_feed() -> None:
    """One hour of 168 a signal is fresh, so it counts in M7, and is said to have gaps."""
    known = catalogue("shop,web", "shop,api")
    stray: list[Observed] = [("shop/api", kind, 0, 1 << 11) for kind in ALL]

    frame = covered(known, observed([*steady(), *stray]))

    columns = ["service_name", "state", "heard_hours", "expected_hours", "has_gaps"]
    assert frame.select(columns).rows() == [
        ("api", "complete", 3, 504, True),
        ("web", "complete", 504, 504, False),
    ]
    assert frame["continuity_ratio"].to_list() == [3 / 504, 1.0]
    team = coverage.coverage_team(frame.lazy(), TERMS).collect()
    row = COVERAGE_TEAM.check(team).row(by_predicate=pl.col("team") == "t", named=True)
    assert (row["gap_count"], row["continuity_ratio"]) == (1, 507 / 1008)


def test_a_missing_signal_is_no_gap() -> None:
    """What sends logs every hour and nothing else is partial without gaps, at a third of it."""
    frame = covered(catalogue("shop,web"), observed(steady("shop/web", "logs")))

    assert frame.select("state", "has_gaps").rows() == [("partial", False)]
    assert frame["continuity_ratio"].to_list() == [pytest.approx(1 / 3)]


def test_the_window_is_the_last_168_whole_hours() -> None:
    """From 12:00 a week ago to 12:00 today; the hour under way and what is dated later are out."""
    inside: list[Observed] = [("shop/web", "logs", 7, 1 << 12), ("shop/web", "logs", 0, 1 << 11)]
    outside: list[Observed] = [
        ("shop/web", "traces", 7, 1 << 11),
        ("shop/web", "traces", 0, 1 << 12),
    ]

    frame = covered(
        catalogue("shop,web"), observed([*inside, *outside, ("shop/web", "logs", -1, 1)])
    )

    assert frame.select("logs_hours", "metrics_hours", "traces_hours").rows() == [(2, 0, 0)]


def test_an_hour_counts_once_whatever_the_name() -> None:
    """By its own name and by an alias in the same hours: those hours, not twice as many."""
    rows: list[Observed] = [("shop/web", "logs", 1, 0b0111), ("old", "logs", 1, 0b1110)]

    frame = covered(catalogue("shop,web,service,old"), observed(rows))

    assert frame["logs_hours"].to_list() == [4]


@pytest.mark.parametrize(
    ("period", "expected_hours", "hours", "ratio"),
    [("", 7, 3, 3 / 7), ("168", 1, 3, 1.0), ("400", 0, 3, None)],
)
def test_a_job_is_expected_once_a_period(
    period: str, expected_hours: int, hours: int, ratio: float | None
) -> None:
    """A nightly job has seven runs a week; more hours than runs add nothing."""
    rows: list[Observed] = [("batch/nightly", "logs", ago, 0b1) for ago in range(hours)]

    frame = covered(catalogue(f"batch,nightly,cronjob,,{period}"), observed(rows))

    row = frame.row(0, named=True)
    assert (row["expected_hours"], row["continuity_ratio"]) == (expected_hours, ratio)


def test_a_new_service_is_expected_since_it_was_seen() -> None:
    """A workload first seen 5 hours ago is not blamed for the week before."""
    known = catalogue("shop,web").with_columns(
        pl.lit(NOW - timedelta(hours=5)).alias("first_seen_at")
    )

    frame = covered(known, observed(steady()))

    assert frame.select("expected_hours", "heard_hours").rows() == [(15, 15)]


@pytest.mark.parametrize(
    ("missing", "has_gaps"),
    [(0, False), (83, False), (84, False), (85, True), (167, True), (168, False)],
)
def test_the_least_continuity_is_enough(missing: int, has_gaps) -> None:
    """With 0.5 asked for, 84 of 168 hours are enough, 83 are not.

    A signal of which no hour was heard is missing: that is no gap.
    """
    sent = [bits_of("logs", 168 - missing), bits_of("metrics", 168), bits_of("traces", 168)]

    frame = covered(catalogue("shop,web"), observed([row for rows in sent for row in rows]))

    assert frame["has_gaps"].to_list() == [has_gaps]


@pytest.mark.parametrize(("hours", "has_gaps"), [(9, False), (8, True)])
def test_the_least_continuity_is_met_to_the_last_digit(hours: int, has_gaps) -> None:
    """0.9, which no float is, is asked for: nine of ten hours are enough, eight are not."""
    terms = expected.Expectations.of(InventorySettings(least_continuity="0.9"))
    known = catalogue("shop,web").with_columns(
        pl.lit(NOW - timedelta(hours=10)).alias("first_seen_at")
    )
    sent = [row for kind in ALL for row in bits_of(kind, hours)]

    frame = covered(known, observed(sent), terms)

    assert frame.select("expected_hours", "has_gaps").rows() == [(30, has_gaps)]


def test_a_service_of_this_hour_is_expected_nothing_of() -> None:
    """First seen within the hour under way: no whole hour since, so no ratio and no gap."""
    known = catalogue("shop,web").with_columns(pl.lit(NOW.replace(minute=0)).alias("first_seen_at"))

    frame = covered(known, observed([("shop/web", kind, 0, 1 << 12) for kind in ALL]))

    assert frame.select("expected_hours", "heard_hours", "continuity_ratio", "has_gaps").rows() == [
        (0, 0, None, False)
    ]


def test_a_service_of_long_ago_is_expected_for_the_window_alone() -> None:
    """A year is 168 hours of the last week, a signal."""
    known = catalogue("shop,web").with_columns(
        pl.lit(NOW - timedelta(days=365)).alias("first_seen_at")
    )

    assert covered(known, observed(steady()))["expected_hours"].to_list() == [504]


def test_the_hours_of_a_day_are_kept_as_bits(telemetry: Any) -> None:
    """Two series of one hour and one of another: two hours of the day, bits 0 and 5."""
    resource = {"service.name": "web", "service.namespace": "shop"}
    for metric in ("queue.depth", "queue.wait", "queue.age"):
        telemetry.add(metric, resource, scope="shop.worker")
    is_last = pl.col("metric_name") == "queue.age"
    series = telemetry.series.with_columns(
        pl.when(is_last).then(1 << 5).otherwise("hours").cast(pl.Int32).alias("hours")
    )

    frame = signals.signals_seen(
        series,
        SIGNAL.empty().lazy(),
        date(2026, 10, 1),
        infrastructure_scopes=[],
        environment="production",
    ).collect()

    made = SIGNAL_DAILY.check(frame)
    assert made.select("hours", "hour_count", "item_count").rows() == [(0b100001, 2, 3)]


HOURS = st.lists(
    st.tuples(
        st.sampled_from(["shop/web", "web", "old"]),
        st.sampled_from(ALL),
        st.integers(-1, 9),
        st.integers(1, FULL),
    ),
    unique_by=lambda row: row[:3],
    max_size=20,
)


@settings(deadline=None, max_examples=40)
@given(HOURS, HOURS)
def test_more_telemetry_never_lowers_continuity(rows: list[Observed], more: list[Observed]) -> None:
    """Hours heard stay or rise, and are counted by hand: the distinct hours of the window."""
    known = catalogue("shop,web,service,old")
    merged = {row[:3]: row[3] for row in rows}
    for row in more:
        merged[row[:3]] = merged.get(row[:3], 0) | row[3]

    before = covered(known, observed(rows)).row(0, named=True)
    after = covered(known, observed([(*key, hours) for key, hours in merged.items()])).row(
        0, named=True
    )

    assert before["heard_hours"] <= after["heard_hours"]
    end = NOW.replace(minute=0)
    midnight = NOW.replace(hour=0, minute=0)
    by_hand = {
        (signal, at)
        for _, signal, ago, bits in rows
        for hour in range(24)
        if bits >> hour & 1
        and end - timedelta(hours=168) <= (at := midnight + timedelta(hours=hour, days=-ago)) < end
    }
    assert before["heard_hours"] == len(by_hand)


def test_hours_of_the_names_of_a_service_are_joined() -> None:
    """`shop/web` in hours 0 and 1, `old` in 1 and 2 of yesterday: three hours, not four.

    Seven days ago only the hours from 12:00 on are in the window: of hours 11 and 12 one. A name
    that is nobody's, and the hour that runs, count nothing.
    """
    rows = [
        ("shop/web", "logs", 1, 0b011), ("old", "logs", 1, 0b110), ("shop/web", "traces", 1, 1),
        ("shop/web", "logs", 7, 0b11 << 11), ("who", "logs", 1, FULL),
        ("shop/web", "logs", 0, 1 << 12),
    ]  # fmt: skip
    names = pl.DataFrame(
        [("shop", "web", "shop", "web"), ("", "old", "shop", "web"), ("", "who", None, None)],
        schema=["service_namespace", "service_name", "known_namespace", "known_name"], orient="row",
    ).with_columns(environment=pl.lit("production"))  # fmt: skip

    made = observed_hours(observed(rows), names, now=NOW, kinds=("logs", "traces"))

    assert made.rows() == [("shop", "web", "production", 4, 1)]
