"""What to do first: the gentlest change that saves nearly as much as the best, one per metric."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transforms.cardinality.advice import advice
from transforms.cardinality.cardinality import cardinality_day
from transforms.cardinality.metric_use import metric_use, read_dashboard, uses
from transforms.cardinality.savings import Prices
from warehouse.tables import BY_NAME, raw

DAY = date(2026, 10, 2)
NONE = raw.SERIES.empty().lazy()
NO_HISTOGRAMS = raw.HISTOGRAM.empty().lazy()
Labels = Mapping[str, object]
Rows = Sequence[tuple[str, Labels]]


def advised(
    telemetry: Any, rows: Rows, queries: Sequence[str] = (), budget: int = 1000
) -> pl.DataFrame:
    """Give the advice for series of (metric, labels), and queries of one dashboard."""
    builder = type(telemetry)()
    for metric, labels in rows:
        builder.add(metric, {}, labels=labels, kind="counter")
    prices = Prices(Decimal(6), top_values=2, metric_budget=budget)
    made = cardinality_day(builder.series, NONE, NO_HISTOGRAMS, DAY, prices)
    return of_marts(made, queries)


def of_marts(made: Mapping[str, pl.LazyFrame], queries: Sequence[str]) -> pl.DataFrame:
    """Give the advice from the marts of a day; no query means that use is unknown."""
    metrics, labels = made["mart_cardinality_metric"], made["mart_cardinality_label"]
    panels = ",".join(f'{{"expr": "{query}"}}' for query in queries)
    found = uses(read_dashboard(f'{{"panels": [{panels}]}}', "shop.json"))
    used = metric_use(metrics, labels, found, is_known=bool(queries))
    got = advice({**made, "mart_metric_use": used}, now=DAY + timedelta(days=1)).collect()
    return BY_NAME["mart_cardinality_advice"].check(got)


def first(frame: pl.DataFrame) -> tuple[Any, ...]:
    """Give what is to be done first."""
    return frame.select("metric", "action", "labels", "series_after_count", "verdict").row(0)


def users(count: int) -> list[tuple[str, Labels]]:
    """Give a metric whose series are the users of two routes."""
    return [("m", {"user": f"u{n:03}", "route": "ab"[n % 2]}) for n in range(count)]


def test_a_label_of_unknown_use_is_looked_at_first(telemetry: Any) -> None:
    """Without dashboards nobody knows; 60 series of 0.006 become two."""
    got = advised(telemetry, users(60))

    assert first(got) == ("m", "drop_label", "user", 2, "look_first")
    assert got["saved_cost"].to_list() == [Decimal("0.348")]
    assert got["use_state"].to_list() == ["unknown"]


def test_a_label_that_nobody_uses_goes(telemetry: Any) -> None:
    """A panel shows the metric by route, so users may go."""
    got = advised(telemetry, users(20), ["sum by (route) (rate(m_total[5m]))"])

    assert first(got) == ("m", "drop_unused_label", "user", 2, "unused")


def test_a_used_label_is_never_dropped(telemetry: Any) -> None:
    """Users are shown: the label stays. Only the route may go, which saves nothing here."""
    got = advised(telemetry, users(60), ["sum by (user) (rate(m_total[5m]))"])

    assert "user" not in " ".join(got["labels"])


def test_a_metric_that_nobody_uses_goes_as_a_whole(telemetry: Any) -> None:
    """Another metric is shown, this one is not."""
    got = advised(telemetry, [*users(60), ("n", {})], ["n_total"])

    assert first(got) == ("m", "drop_metric", "", 0, "unused")
    assert got["saved_cost"].to_list() == [Decimal("0.36")]


def test_paths_are_folded_before_they_are_dropped(telemetry: Any) -> None:
    """A template leaves one path of 80; dropping leaves as few series, and takes the path too."""
    rows = [("m", {"path": f"/orders/{n}", "method": "GET"}) for n in range(80)]

    assert first(advised(telemetry, rows)) == ("m", "path_template", "path", 1, "loses_detail")


def test_of_ids_none_stands_for_the_rest(telemetry: Any) -> None:
    """Of queues the top two and `other` are kept; of numbered users no two are."""
    queues = [("m", {"queue": "in" if n < 9 else "out", "n": n}) for n in range(18)]
    queues += [("m", {"queue": f"a{'b' * n}", "n": 0}) for n in range(16)]
    shown = ["sum by (n) (m_total)"]

    assert first(advised(telemetry, queues))[1:4] == ("top_k", "queue", 19)
    assert first(advised(telemetry, queues[-16:], shown))[1] == "drop_unused_label"
    assert first(advised(telemetry, [("m", {"user": f"u{n:03}"}) for n in range(60)]))[1] == (
        "drop_label"
    )


def test_a_sparse_product_is_advised_as_a_set(telemetry: Any) -> None:
    """Neither label saves by itself; both together leave the two routes."""
    rows = [("m", {"user": n, "session": n * 7, "route": "ab"[n % 2]}) for n in range(60)]

    got = advised(telemetry, rows, budget=10)

    assert first(got)[1:4] == ("drop_equivalent", "session + user", 2)


def test_half_the_bounds_before_a_label(telemetry: Any) -> None:
    """Ten histograms of one service: bounds are all that can be saved."""
    for n in range(10):
        telemetry.add("h", {"pod": f"p{n}"}, kind="histogram")
    points = pl.LazyFrame(
        [{"series_id": n + 1, "bounds": [1.0, 2.0, 4.0, 8.0], "quantiles": []} for n in range(10)],
        schema={name: raw.HISTOGRAM.schema[name] for name in ("series_id", "bounds", "quantiles")},
    )
    made = cardinality_day(telemetry.series, NONE, points, DAY, Prices(None))

    got = of_marts(made, ())

    assert first(got) == ("h", "half_the_bounds", "", 10, "loses_detail")
    counts = got.select("stored_series_count", "stored_after_count", "saved_cost").row(0)
    assert counts == (70, 50, None)


def test_labels_of_few_values_are_not_guessed_at(telemetry: Any) -> None:
    """A direction has two values: to add both up is wrong, though it would halve the series."""
    rows = [("m", {"pod": f"p{n}", "direction": way}) for n in range(30) for way in ("in", "out")]

    assert advised(telemetry, rows).is_empty()


def test_gauges_keep_their_labels(telemetry: Any) -> None:
    """How gauges meet in one is not guessed; as a whole one may go."""
    for n in range(60):
        telemetry.add("g", {}, labels={"user": f"u{n:03}"})
    telemetry.add("shown", {})
    made = cardinality_day(telemetry.series, NONE, NO_HISTOGRAMS, DAY, Prices(Decimal(6)))

    assert of_marts(made, ()).is_empty()
    assert first(of_marts(made, ["shown"])) == ("g", "drop_metric", "", 0, "unused")


def test_the_label_that_made_it_grow_is_named_for_two_weeks(telemetry: Any) -> None:
    """Users came yesterday, today nothing grew: two series have become 60 all the same."""
    frames: dict[str, list[pl.LazyFrame]] = {}
    before = NONE
    for back, rows in (
        (2, [("m", {"route": one}) for one in "ab"]),
        (1, users(60)),
        (0, users(60)),
    ):
        builder = type(telemetry)()
        for metric, labels in rows:
            builder.add(metric, {}, labels=labels, kind="counter")
        prices = Prices(Decimal(6), guard_series=10)
        day = DAY - timedelta(days=back)
        made = cardinality_day(builder.series, before, NO_HISTOGRAMS, day, prices)
        before = builder.series
        for name, frame in made.items():
            frames.setdefault(name, []).append(frame)

    got = of_marts({name: pl.concat(days) for name, days in frames.items()}, ())

    assert got.select("root_cause_label", "growth_count").row(0) == ("user", 58)


def test_a_day_that_still_runs_is_not_the_base(telemetry: Any) -> None:
    """The list is that of the day before, unless there is no other."""
    both: dict[str, list[pl.LazyFrame]] = {}
    for day, count in ((DAY, 70), (DAY + timedelta(days=1), 60)):
        builder = type(telemetry)()
        for metric, labels in users(count):
            builder.add(metric, {}, labels=labels, kind="counter")
        made = cardinality_day(builder.series, NONE, NO_HISTOGRAMS, day, Prices(Decimal(6)))
        for name, frame in made.items():
            both.setdefault(name, []).append(frame)

    got = of_marts({name: pl.concat(frames) for name, frames in both.items()}, ())
    only = of_marts({name: frames[1] for name, frames in both.items()}, ())

    assert got.select("day", "series_count").row(0) == (DAY, 70)
    assert only.select("day", "series_count").row(0) == (DAY + timedelta(days=1), 60)


@pytest.mark.parametrize(("count", "actions"), [(50, ["drop_label"]), (49, [])])
def test_fifty_values_are_many(telemetry: Any, count: int, actions: list[str]) -> None:
    """Of unknown use a label of fifty values may go; one of 49 may tell things apart."""
    assert advised(telemetry, users(count))["action"].to_list() == actions


@pytest.mark.parametrize(("count", "actions"), [(50, ["drop_equivalent"]), (49, [])])
def test_fifty_values_of_each_label_are_a_set(
    telemetry: Any, count: int, actions: list[str]
) -> None:
    """Two labels that say the same are offered from fifty values on."""
    rows = [("m", {"user": n, "session": n * 7, "route": "ab"[n % 2]}) for n in range(count)]

    assert advised(telemetry, rows, budget=10)["action"].to_list() == actions


@pytest.mark.parametrize(("words", "action"), [(10, "path_template"), (11, "drop_label")])
def test_nine_tenths_of_the_best_are_nearly_as_much(
    telemetry: Any, words: int, action: str
) -> None:
    """Of 101 paths dropping saves 100; a template that leaves 11 saves 90, one of 12 saves 89."""
    paths = [f"/{chr(97 + n)}" for n in range(words)]
    paths += [f"/orders/{n}" for n in range(101 - words)]

    got = advised(telemetry, [("m", {"path": path}) for path in paths])

    assert got["action"].to_list() == [action]


@pytest.mark.parametrize(("top", "actions"), [(17, ["top_k"]), (16, [])])
def test_a_top_bears_half_of_the_series(telemetry: Any, top: int, actions: list[str]) -> None:
    """Two queues with 17 of 34 series may stand for the others, with 16 they may not."""
    busy: list[tuple[str, Labels]] = [
        ("m", {"queue": "in" if n < 9 else "out", "n": n}) for n in range(top)
    ]
    rest: list[tuple[str, Labels]] = [("m", {"queue": f"a{'b' * n}"}) for n in range(34 - top)]

    assert advised(telemetry, busy + rest)["action"].to_list() == actions


@pytest.mark.parametrize(("ago", "growth", "cause"), [(14, 58, "user"), (15, 0, "")])
def test_growth_is_that_of_14_days(telemetry: Any, ago: int, growth: int, cause: str) -> None:
    """Two series of 14 days ago have become 60; those of 15 days ago are not looked at.

    So it is with the label that explained the growth on that day.
    """
    frames: dict[str, list[pl.LazyFrame]] = {}
    for back, rows in ((ago, users(2)), (0, users(60))):
        builder = type(telemetry)()
        for metric, labels in rows:
            builder.add(metric, {}, labels=labels, kind="counter")
        day = DAY - timedelta(days=back)
        made = dict(cardinality_day(builder.series, NONE, NO_HISTOGRAMS, day, Prices(Decimal(6))))
        is_cause = (pl.col("label") == "user") & pl.lit(back == ago)
        made["mart_cardinality_label"] = made["mart_cardinality_label"].with_columns(
            is_root_cause=is_cause
        )
        for name, frame in made.items():
            frames.setdefault(name, []).append(frame)

    got = of_marts({name: pl.concat(days) for name, days in frames.items()}, ())

    assert got.select("growth_count", "root_cause_label").rows() == [(growth, cause)]


@pytest.mark.parametrize("kept", ["service.name", "team"])
def test_labels_that_say_whose_series_they_are_stay(telemetry: Any, kept: str) -> None:
    """They save most, and are not offered."""
    got = advised(telemetry, [("m", {kept: f"x{n}", "n": n % 3}) for n in range(60)])

    assert kept not in " ".join(got["labels"])


@settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["x", "y"]),
            st.fixed_dictionaries({}, optional={key: st.integers(0, 4) for key in "abc"}),
        ),
        min_size=1,
        max_size=30,
    ),
    shown=st.sampled_from(["", "x_total", "sum by (a) (x_total)", "count(y_total) by (b, c)"]),
)
def test_savings_add_up(telemetry: Any, rows: Any, shown: str) -> None:
    """One change per metric, each saves what it costs less, never more than all; ranks in order."""
    got = advised(telemetry, rows, [shown] if shown else [])

    assert got["metric"].is_unique().all()
    ranked = got.sort("advice_rank")
    assert ranked["saved_cost"].is_sorted(descending=True)
    for row in got.to_dicts():
        assert row["saved_cost"] == Decimal("0.006") * (
            row["stored_series_count"] - row["stored_after_count"]
        )
        assert 0 < row["saved_cost"] <= row["monthly_cost"]
        assert row["use_state"] != "used" or row["verdict"] == "loses_detail"
