"""Cardinality: exact what-ifs, growth and churn, by worked examples and a real recount."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transforms.cardinality.cardinality import cardinality_day, what_if
from transforms.cardinality.fingerprint import wide
from transforms.cardinality.savings import Prices
from warehouse.tables import BY_NAME, raw

DAY = date(2026, 10, 2)
NONE = raw.SERIES.empty().lazy()
NO_HISTOGRAMS = raw.HISTOGRAM.empty().lazy()
PRICES = Prices(Decimal("6.5"), guard_series=0, guard_ratio=Decimal(0))
Labels = Mapping[str, object]


def series(builder: Any, rows: Sequence[Labels], metric: str = "m") -> pl.LazyFrame:
    """Give raw_series with one row per distinct set of labels."""
    telemetry = type(builder)()
    for row in rows:
        telemetry.add(metric, {}, labels=row, kind="counter")
    found: pl.LazyFrame = telemetry.series
    return found


def marts(today: pl.LazyFrame, before: pl.LazyFrame = NONE) -> dict[str, pl.DataFrame]:
    """Give the four marts of a day, each checked against its table."""
    made = cardinality_day(today, before, NO_HISTOGRAMS, DAY, PRICES)
    return {name: BY_NAME[name].check(frame.collect()) for name, frame in made.items()}


def column(frame: pl.DataFrame, name: str) -> dict[str, Any]:
    """Give a column by label."""
    return dict(zip(frame["label"], frame[name], strict=True))


def test_drop_one_label_every_label(telemetry: Any, case: Any) -> None:
    """2 x 2 x 3 series: every answer at once."""
    example = case("coverage-cardinality", "K01")
    want = example["expected"]

    made = marts(series(telemetry, example["input"]["series"]))

    labels = made["mart_cardinality_label"]
    assert made["mart_cardinality_metric"]["series_count"].to_list() == [want["series"]]
    assert column(labels, "distinct_count") == want["distinct"]
    assert column(labels, "series_without_count") == want["drop"]
    assert column(labels, "multiplier") == want["multiplier"]
    assert not any(labels["is_safe"])


def test_two_labels_that_say_the_same(telemetry: Any, case: Any) -> None:
    """Neither alone saves anything, so dropping either is safe."""
    example = case("coverage-cardinality", "K02")

    labels = marts(series(telemetry, example["input"]["series"]))["mart_cardinality_label"]

    assert column(labels, "series_without_count") == example["expected"]["drop"]
    assert column(labels, "is_safe") == {"pod": True, "ip": True, "code": False}


def test_two_labels_that_say_the_same_are_offered_together(telemetry: Any, case: Any) -> None:
    """The pair is one choice, and dropping both leaves the codes."""
    example = case("coverage-cardinality", "K02")
    want = example["expected"]

    sets = marts(series(telemetry, example["input"]["series"]))["mart_cardinality_set"]

    assert sets.select("set_kind", "labels", "series_without_count").rows() == [
        ("equivalent", "point:ip + point:pod", want["drop_sets"]["pod+ip"])
    ]
    assert want["equivalent"] == [["ip", "pod"]]


def test_the_label_that_explains_the_growth(telemetry: Any, case: Any) -> None:
    """A new label that multiplies the series explains all of it."""
    example = case("coverage-cardinality", "K05")
    want = example["expected"]
    today, before = (series(telemetry, example["input"][day]) for day in ("day2", "day1"))

    made = marts(today, before)

    labels = made["mart_cardinality_label"]
    assert column(labels, "explained_growth") == want["explained"]
    assert labels.filter("is_root_cause")["label"].to_list() == [want["root_cause"]]
    assert made["mart_churn_metric"]["root_cause_label"].to_list() == [want["root_cause"]]
    metric = made["mart_cardinality_metric"].row(0, named=True)
    assert [metric["previous_series_count"], metric["series_count"]] == want["series"]
    assert metric["series_count"] - metric["previous_series_count"] == want["growth"]
    assert column(labels, "series_without_count") == want["drop_day2"]
    first = column(marts(before)["mart_cardinality_label"], "series_without_count")
    assert (
        first | dict.fromkeys(want["new_labels"], metric["previous_series_count"])
        == (want["drop_day1"])
    )
    assert [label for label in want["drop_day2"] if label not in first] == want["new_labels"]


def test_money_saved(telemetry: Any, case: Any) -> None:
    """What series cost follows the price; here a thousandth of the worked example."""
    example = case("coverage-cardinality", "K11")
    count, left = example["input"]["series"] // 1000, example["input"]["after"] // 1000
    rows = [{"kept": n % left, "user": n} for n in range(count)]

    made = marts(series(telemetry, rows))

    saved = column(made["mart_cardinality_label"], "saved_cost")["user"]
    cost = made["mart_cardinality_metric"]["monthly_cost"].item()
    want = {key: Decimal(str(value)) for key, value in example["expected"].items()}
    assert (cost, saved) == (want["cost_now"] / 1000, want["saved_month"] / 1000)
    assert cost - saved == want["cost_after"] / 1000
    assert saved * 100 / cost == pytest.approx(want["saved_pct"], abs=Decimal("0.000001"))


def test_growth_below_the_guard_says_nothing(telemetry: Any) -> None:
    """Ten more of a hundred are within the guard of ten percent."""
    before = series(telemetry, [{"u": n} for n in range(100)])
    today = series(telemetry, [{"u": n} for n in range(110)])
    prices = Prices(None, guard_series=0, guard_ratio=Decimal("0.10"))

    labels = cardinality_day(today, before, NO_HISTOGRAMS, DAY, prices)["mart_cardinality_label"]

    assert labels.collect()["explained_growth"].to_list() == [None]
    assert labels.collect()["saved_cost"].to_list() == [None]


@pytest.mark.parametrize(("now", "is_reported"), [(15, False), (16, True)])
def test_growth_by_just_the_guard_says_nothing(telemetry: Any, now: int, is_reported) -> None:
    """Five more of ten are the guard of five series, though half as many; six are more."""
    before = series(telemetry, [{"u": n} for n in range(10)])
    today = series(telemetry, [{"u": n} for n in range(now)])
    prices = Prices(None, guard_series=5, guard_ratio=Decimal("0.10"))

    made = cardinality_day(today, before, NO_HISTOGRAMS, DAY, prices)["mart_cardinality_label"]

    labels = made.collect()
    assert labels["explained_growth"].to_list() == [1.0 if is_reported else None]
    assert labels["is_root_cause"].to_list() == [is_reported]


@pytest.mark.parametrize("top", [2, 3])
def test_so_many_values_are_kept(telemetry: Any, top: int) -> None:
    """Those with most series, in order, and no more of them; ties by value."""
    rows = [{"u": text, "n": n} for n, text in enumerate(["b", "b", "c", "c", "a", "d"])]

    made = cardinality_day(
        series(telemetry, rows), series(telemetry, []), NO_HISTOGRAMS, DAY,
        Prices(None, top_values=top),
    )["mart_cardinality_value"]  # fmt: skip

    values = made.filter(pl.col("label") == "u").sort("value_rank").collect()
    assert values["value"].to_list() == ["b", "c", "a"][:top]
    assert values["value_rank"].to_list() == [1, 2, 3][:top]


def test_churn_is_counted_by_metric(telemetry: Any) -> None:
    """Equal labels under two metrics are two series; yesterday + new - gone = today."""
    before = pl.concat(
        [series(telemetry, [{"u": n} for n in range(4)], name) for name in ("a", "b")]
    ).with_columns(series_id=pl.int_range(pl.len(), dtype=pl.UInt64))
    today = pl.concat(
        [series(telemetry, [{"u": n} for n in range(2, 7)], name) for name in ("a", "c")]
    ).with_columns(series_id=pl.int_range(pl.len(), dtype=pl.UInt64))

    churn = marts(today, before)["mart_churn_metric"]

    assert churn.select("metric", "new_count", "gone_count").rows() == [
        ("a", 3, 2),
        ("b", 0, 4),
        ("c", 5, 0),
    ]


def test_addresses_are_redacted(telemetry: Any) -> None:
    """No mail address and no IP stands in the mart of values."""
    rows = [{"who": "ann@example.org"}, {"who": "bob@example.org"}, {"who": "at 10.1.2.3:80"}]

    values = marts(series(telemetry, rows))["mart_cardinality_value"]

    assert values.select("value", "series_count").rows() == [
        ("at …redacted…:80", 1),
        ("…redacted…", 2),
    ]


def test_an_overflow_point_makes_a_lower_bound(telemetry: Any) -> None:
    """When an SDK gave up counting, the figure says so."""
    rows: list[Labels] = [{"u": 1}, {"otel.metric.overflow": "true"}]

    metric = marts(series(telemetry, rows))["mart_cardinality_metric"]

    assert metric["is_lower_bound"].to_list() == [True]


def test_an_empty_day_has_no_rows() -> None:
    """Nothing in, nothing out, in the declared types."""
    assert all(frame.is_empty() for frame in marts(NONE).values())


def test_a_histogram_with_more_bounds_costs_more(telemetry: Any) -> None:
    """Stored are bounds + 3 of each series; every second bound away saves half the bounds."""
    for name, kind in (("h", "histogram"), ("g", "gauge"), ("s", "summary")):
        telemetry.add(name, {}, kind=kind)
    points = pl.LazyFrame(
        [
            {"series_id": 1, "bounds": [1.0, 2.0, 4.0, 8.0], "quantiles": []},
            {"series_id": 3, "bounds": [], "quantiles": [{"quantile": 0.5, "value": 1.0}]},
        ],
        schema={name: raw.HISTOGRAM.schema[name] for name in ("series_id", "bounds", "quantiles")},
    )

    made = cardinality_day(telemetry.series, NONE, points, DAY, PRICES)

    metrics = made["mart_cardinality_metric"].collect()
    assert metrics.select("metric", "stored_series_count", "bounds").rows() == [
        ("g", 1, ""),
        ("h", 7, "1.0 2.0 4.0 8.0"),
        ("s", 3, ""),
    ]
    coarser = made["mart_cardinality_rewrite"].collect()
    assert coarser.select("metric", "rewrite", "stored_after_count", "saved_cost").rows() == [
        ("h", "half_the_bounds", 5, Decimal("0.013"))
    ]


KEYS = ("a", "b", "c", "d")
random_series = st.lists(
    st.tuples(
        st.sampled_from(["x", "y"]),
        st.dictionaries(st.sampled_from(KEYS), st.sampled_from([0, 1, 2, "0", "1", ""])),
    ),
    max_size=30,
)


def frame_of(telemetry: Any, rows: Sequence[tuple[str, Labels]]) -> pl.LazyFrame:
    """Give raw_series of rows of (metric, labels)."""
    builder = type(telemetry)()
    for metric, labels in rows:
        builder.add(metric, {}, labels=labels)
    found: pl.LazyFrame = builder.series
    return found


def recount(rows: Sequence[tuple[str, Labels]], metric: str, without: str) -> int:
    """Count series after really dropping a label."""
    kept = (
        frozenset((key, type(value), value) for key, value in labels.items() if key != without)
        for name, labels in rows
        if name == metric
    )
    return len(set(kept))


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=random_series)
def test_what_if_is_a_recount(telemetry: Any, rows: Any) -> None:
    """For every metric and label the answer is that of dropping it and counting again."""
    answers = what_if(wide(frame_of(telemetry, rows)))

    got = {(row["metric"], row["label"]): row["left"] for row in answers.to_dicts()}
    assert got == {
        (metric, label): recount(rows, metric, label)
        for metric in {name for name, _ in rows}
        for label in {key for name, labels in rows if name == metric for key in labels}
    }


@settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=random_series, more=random_series)
def test_more_series_never_lower_a_count(telemetry: Any, rows: Any, more: Any) -> None:
    """Adding series lowers neither the number of series nor what is left without a label."""
    few = what_if(wide(frame_of(telemetry, rows)))
    many = what_if(wide(frame_of(telemetry, [*rows, *more])))

    joined = few.join(many, on=["metric", "level", "label"], how="left", suffix="_many")
    assert (joined["series_many"] >= joined["series"]).all()
    assert (joined["left_many"] >= joined["left"]).all()
    assert (joined["distinct_many"] >= joined["distinct"]).all()


@settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=random_series)
def test_metrics_are_independent(telemetry: Any, rows: Any) -> None:
    """Each metric alone gives the rows that all together give."""
    key = ["metric", "level", "label"]
    whole = what_if(wide(frame_of(telemetry, rows))).sort(key)

    parts = [
        what_if(wide(frame_of(telemetry, [row for row in rows if row[0] == name])))
        for name in ("x", "y")
    ]

    assert pl.concat(parts).sort(key).equals(whole)


@settings(
    deadline=None,
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=random_series, before=random_series, size=st.integers(1, 8))
def test_parts_change_no_number(telemetry: Any, rows: Any, before: Any, size: int) -> None:
    """A few series at a time give every mart as all at once; few metrics are searched."""
    today, then = frame_of(telemetry, rows), frame_of(telemetry, before)
    prices = replace(PRICES, searched_metrics=1, metric_budget=2)

    parts, whole = (
        cardinality_day(today, then, NO_HISTOGRAMS, DAY, replace(prices, part_series=count))
        for count in (size, 1000)
    )

    assert parts.keys() == whole.keys()
    for name, frame in whole.items():
        assert parts[name].collect().equals(frame.collect()), name


def test_no_mart_holds_personal_data(telemetry: Any) -> None:
    """Mail, IP, telephone and card are told by kind; no cell of any mart has one of them."""
    rows = [
        {"mail": f"ann{n}@example.org", "peer": f"10.9.8.{n}", "call": f"+49 30 5550{n:03}"}
        for n in range(60)
    ]
    rows += [{"card": "4111 1111 1111 1111"}] * 2

    made = marts(series(telemetry, rows))

    kinds = column(made["mart_cardinality_label"], "personal_data")
    assert kinds == {"mail": "email", "peer": "ip", "call": "phone", "card": "card"}
    shapes = column(made["mart_cardinality_label"], "value_class")
    assert (shapes["mail"], shapes["peer"]) == ("email", "ip")
    for frame in made.values():
        text = frame.write_csv()
        assert not any(part in text for part in ("ann", "10.9.8", "5550", "4111"))
