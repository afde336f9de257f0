"""The metrics of services: what is kept of a day, and what breaks a rule in a window."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from tests.transforms.rows import rows
from tests.transforms.score.one_day import DAY, START, TERMS, series_of
from transforms.score import metrics
from warehouse.tables import raw
from warehouse.tables.mart_score import METRIC_DAILY

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NO_HISTOGRAMS = raw.HISTOGRAM.empty().lazy()


def sent(name: str, unit: str = "s", ago: int = 0, **more: Any) -> dict[str, Any]:
    """Give a row of core_score_metric_daily, so many days ago."""
    day = NOW.date() - timedelta(days=ago)
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    times = {"day": day, "first_seen_at": at, "last_seen_at": at}
    return {"service_name": "pay", "metric_name": name, "unit": unit, **times, **more}


def judged(rule: str, *days: dict[str, Any], limit: int = 10) -> tuple[int, int, list[str]]:
    """Give how many metrics a rule looked at, how many break it, and which are shown."""
    made = metrics.metric_findings(rows(METRIC_DAILY, *days).lazy(), NOW, limit=limit).collect()
    found = made.filter(rule=rule).select("checked_count", "violating_count", "samples").rows()
    return found[0] if found else (0, 0, [])


@pytest.mark.parametrize(("values", "widest"), [(9_999, 0), (10_000, 10_000)])
def test_values_of_a_key(values: int, widest: int) -> None:
    """MET-001 by its own limit: 10,000 series in an hour are looked into, and their key counted."""
    series = series_of(*({"labels": {"user": n, "region": "eu"}} for n in range(values)))

    made = metrics.metrics_seen(series, raw.HISTOGRAM.empty().lazy(), DAY, TERMS).collect()

    METRIC_DAILY.check(made)
    assert made["widest_key_count"].to_list() == [widest]


def test_values_count_per_hour() -> None:
    """Values of two hours are not added up: 2 in each hour stay 2, of 4 in the day."""
    series = series_of(*({"labels": {"user": n}, "hour": n // 2} for n in range(4)))

    made = metrics.metrics_seen(series, raw.HISTOGRAM.empty().lazy(), DAY, TERMS, limit=2).collect()

    assert made["widest_key_count"].to_list() == [2]


@pytest.mark.parametrize(
    ("metric", "unit", "is_in"),
    [
        ("http.request.duration_seconds", "s", True),
        ("latency.ms", "ms", True),
        ("http.server.request.duration", "s", False),
        ("seconds.of.bytes", "By", True),
        ("requests.by.user", "By", False),
        ("job_seconds", "", False),
        ("job_seconds", "By", False),
        ("job_seconds", "seconds", True),
        ("load.1", "1", False),
    ],
)
def test_a_name_holds_its_own_unit(metric: str, unit: str, *, is_in: bool) -> None:
    """MET-005 looks for whole words of the metric's own unit, and for no other's."""
    assert metrics.has_unit(metric, unit) is is_in


def test_layouts_are_bounds_in_words() -> None:
    """A histogram's bounds are its layout, once per series that has them; other kinds have none."""
    blank = dict.fromkeys(raw.HISTOGRAM.schema)
    points = [{**blank, "series_id": 0, "bounds": bounds} for bounds in ([0.5, 1.0], [0.5, 1.0])]
    points.append({**blank, "series_id": 1, "bounds": []})
    histograms = pl.LazyFrame(points, schema=raw.HISTOGRAM.schema)
    series = series_of({"metric_name": "a"}, {"metric_name": "b"})

    made = metrics.metrics_seen(series, histograms, DAY, TERMS).collect()

    assert made.select("metric_name", "layout").rows() == [("a", "0.5 1.0"), ("b", "")]


def test_a_metric_stands_once_per_unit_and_layout() -> None:
    """Two series of one unit are one row, from first hour to last; another unit is one more.

    A folded series (the SDK's own overflow) marks its row.
    """
    fold = {"labels": {"otel.metric.overflow": "true"}}
    series = series_of(
        {"hour": 2}, {"hour": 5, **fold}, {"unit": "ms"}, {"resource": {"service.name": "ord"}}
    )

    made = METRIC_DAILY.check(metrics.metrics_seen(series, NO_HISTOGRAMS, DAY, TERMS).collect())

    assert made.select("service_name", "unit", "is_overflow").rows() == [
        ("ord", "1", False), ("pay", "1", True), ("pay", "ms", False),
    ]  # fmt: skip
    whole = made.row(1, named=True)
    assert whole["first_seen_at"] == START + timedelta(hours=2)
    assert whole["last_seen_at"] == START + timedelta(hours=5)


@pytest.mark.parametrize(("widest", "broken"), [(9, 0), (10, 1), (11, 1)])
def test_a_key_has_fewer_values_than_the_limit(widest: int, broken: int) -> None:
    """MET-001: the limit itself is too many; whichever day of the window had them."""
    days = [sent("a", widest_key_count=widest), sent("a", ago=3)]

    assert judged("MET-001", *days) == (1, broken, ["a"] * broken)


def test_units_are_valid_and_not_in_the_name() -> None:
    """MET-002 and MET-005, each metric once: no unit, an unknown one, and one spelled out.

    A metric of two units breaks a rule if one of them does.
    """
    days = [sent("a", ""), sent("b", "seconds!"), sent("c_seconds"), sent("c_seconds", "By"),
            sent("d", ago=20)]  # fmt: skip

    assert judged("MET-002", *days) == (4, 2, ["a (no unit)", "b (seconds!)"])
    assert judged("MET-005", *days) == (4, 1, ["c_seconds (s)"])


def test_a_metric_is_not_called_like_an_attribute() -> None:
    """MET-006: `http.route` is an attribute of the conventions."""
    assert judged("MET-006", sent("http.route"), sent("mine")) == (2, 1, ["http.route"])


@pytest.mark.parametrize(("ago", "broken"), [(13, 1), (14, 0)])
def test_units_and_layouts_of_the_last_14_days_are_one(ago: int, broken: int) -> None:
    """MET-003 and MET-004: 14 days with today, so the fourteenth back is too old to count.

    What has no layout, as every metric but a histogram, is not asked for one.
    """
    units = [sent("a", "s"), sent("a", "ms", ago)]
    layouts = [sent("h", layout="1 2"), sent("h", layout="1 3", ago=ago), sent("plain")]

    assert judged("MET-003", *units)[:2] == (1, broken)
    assert judged("MET-004", *layouts)[:2] == (1, broken)
    shown = ["h: bounds 1 2", "h: bounds 1 3"] if broken else []
    assert judged("MET-004", *layouts)[2] == shown


def test_services_are_judged_apart() -> None:
    """One unit each in two services is one unit per name and service."""
    other = sent("a", "ms") | {"service_name": "ord"}
    made = metrics.metric_findings(rows(METRIC_DAILY, sent("a"), other).lazy(), NOW).collect()

    assert made.filter(rule="MET-003")["violating_count"].to_list() == [0, 0]


def test_the_evidence_is_of_what_breaks_the_rule() -> None:
    """First and last seen are those of the broken rows alone; nothing broken has none."""
    days = rows(METRIC_DAILY, sent("a", "", ago=5), sent("a", "", ago=3), sent("b"))
    made = metrics.metric_findings(days.lazy(), NOW).collect()

    broken = made.filter(rule="MET-002").row(0, named=True)
    assert (NOW - broken["first_seen_at"]).days == 5
    assert (NOW - broken["last_seen_at"]).days == 3
    assert made.filter(rule="MET-006")["first_seen_at"].to_list() == [None]


def test_nothing_sent_is_nothing_found() -> None:
    """No metrics are no rows: a service without any is not applauded for it."""
    assert metrics.metric_findings(METRIC_DAILY.empty().lazy(), NOW).collect().is_empty()
    none = metrics.metrics_seen(series_of(), NO_HISTOGRAMS, DAY, TERMS).collect()
    assert none.equals(pl.DataFrame(schema=METRIC_DAILY.schema))
