"""Fingerprints: series without a label are counted by a subtraction."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.cardinality.layouts import (
    Labels,
    Row,
    laid_out,
    loose,
    random_series,
    series_of,
)
from transforms.cardinality.cardinality import what_if
from transforms.cardinality.fingerprint import NO_SLOT, Wide, united, wide
from transforms.cardinality.metric_parts import Part, pieces_of
from transforms.cardinality.slots import digest


def counted(*labels: Labels) -> int:
    """Give how many series some points of one metric are."""
    return laid_out([("m", each, {}) for each in labels]).rows["fp"].n_unique()


def left(series: Wide) -> dict[tuple[str, str], int]:
    """Give the series of each metric left without each label; `` is none dropped."""
    named = series.left.join(series.metrics, on="metric_id").join(
        series.slots.select("metric_id", "slot", "label"), on=["metric_id", "slot"], how="left"
    )
    rows = named.filter(pl.col("label").is_not_null() | (pl.col("slot") == NO_SLOT))
    counts = rows.select("metric", "label", "left").rows()
    return {(metric, label or ""): count for metric, label, count in counts}


def test_identity_of_series(telemetry: Any, case: Any) -> None:
    """Resource and type are part of it; the order of attributes is not."""
    example = case("coverage-cardinality", "K07")
    for point in example["input"]["points"]:
        telemetry.add("m", point["resource"], labels=point["attrs"])

    fingerprints = wide(telemetry.series).rows["fp"]
    as_text = wide(telemetry.series, is_typed=False).rows["fp"]

    assert fingerprints.n_unique() == example["expected"]["otlp_series"]
    assert as_text.n_unique() == example["expected"]["prometheus_series"]


def test_a_fingerprint_wraps_and_has_no_order() -> None:
    """It is the sum of the parts modulo 2^64, added by hand in whole numbers."""
    labels = {f"key{n}": n for n in range(9)}
    base = digest("default", "m", "gauge", "")
    parts = [digest("point", key, "int", str(n)) for key, n in labels.items()]
    assert base + sum(parts) > 2**64

    forward = laid_out([("m", labels, {})]).rows["fp"].item()
    backward = laid_out([("m", dict(reversed(labels.items())), {})]).rows["fp"].item()

    assert forward == backward == (base + sum(parts)) % 2**64


@pytest.mark.parametrize("value", [1, "1", ""])
def test_typed_values_differ(value: object) -> None:
    """Int 1, text 1, an empty text and an absent label are four series."""
    others: list[Labels] = [{"k": other} for other in (1, "1", "")]

    assert counted(*others, {}) == 4
    assert counted(*others, {"k": value}) == 3


@loose
@given(rows=random_series, size=st.integers(1, 5))
def test_slices_of_metrics_change_no_answer(rows: Any, size: int) -> None:
    """However few rows are counted at a time, slices hold whole metrics and all rows in order."""
    series = laid_out(rows)

    parts = list(series.parts(size))

    assert sum(part.height for part in parts) == series.rows.height
    seen = [set(part["metric_id"]) for part in parts]
    assert sum(map(len, seen)) == len(set().union(*seen))
    if parts:
        together = pl.concat(parts, how="diagonal").fill_null(0)
        assert together.equals(series.rows.select(together.columns))


@loose
@given(rows=random_series, count=st.integers(2, 4))
def test_pieces_put_together_are_the_whole(rows: Any, count: int) -> None:
    """A metric's series in pieces, each with the labels it happens to have, give every answer."""
    mine = [("x", labels, resource) for _, labels, resource in rows]
    series = series_of(mine)

    pieces = united(wide(one) for one in pieces_of(series, Part(("x",), count)))

    whole = wide(series)
    assert what_if(pieces).equals(what_if(whole))
    assert pieces.slots.equals(whole.slots)
    assert pieces.values.sort(pl.all()).equals(
        whole.values.sort(pl.all()).select(pieces.values.columns)
    )


def test_a_shared_resource_counts_for_each_of_its_series() -> None:
    """A pod that sends three series of a metric and one of another stands with three and one."""
    rows = [("x", {"a": n}, {"pod": "p"}) for n in range(3)] + [("y", {}, {"pod": "p"})]

    series = laid_out(rows)

    pods = series.values.filter(label="pod").join(series.metrics, on="metric_id").sort("metric")
    assert pods.select("metric", "value", "series_count").rows() == [("x", "p", 3), ("y", "p", 1)]
    answers = what_if(series).filter(label="pod").sort("metric")
    assert answers.select("series", "left", "distinct").rows() == [(3, 3, 1), (1, 1, 1)]


def test_series_left_without_each_label_by_hand() -> None:
    """X has a and b of two values each, all four: without a two are left, without b two.

    y has b alone, which is another slot there: without it one is left.
    """
    rows: list[Row] = [("x", {"a": a, "b": b}, {}) for a in range(2) for b in range(2)]
    rows += [("y", {"b": b}, {}) for b in range(3)]

    series = laid_out(rows)

    assert left(series) == {
        ("x", ""): 4, ("x", "a"): 2, ("x", "b"): 2, ("y", ""): 3, ("y", "b"): 1,
    }  # fmt: skip
    assert series.width == 2
    assert series.slots.select("metric", "slot", "label").rows() == [
        ("x", 0, "a"), ("x", 1, "b"), ("y", 0, "b"),
    ]  # fmt: skip


def test_a_label_of_a_point_is_not_that_of_a_resource() -> None:
    """The same key and value at both levels: two series, in two slots."""
    series = laid_out([("m", {"k": 1}, {}), ("m", {}, {"k": 1})])

    assert series.rows["fp"].n_unique() == 2
    assert series.slots.select("level", "label").rows() == [("point", "k"), ("resource", "k")]


def test_tenant_kind_and_scope_name_a_series_too() -> None:
    """Each of them alone makes another series of the same labels."""
    one = series_of([("m", {"a": 1}, {})])
    every = [one] + [
        one.with_columns(pl.lit("other").alias(name), pl.lit(n, pl.UInt64).alias("series_id"))
        for n, name in enumerate(("tenant", "metric_kind", "scope_name"), start=9)
    ]

    assert wide(pl.concat(every)).rows["fp"].n_unique() == 4


def test_a_series_of_many_rows_counts_once() -> None:
    """One a file or hour: it is the same series."""
    one = series_of([("m", {"a": 1}, {}), ("m", {"a": 2}, {})])

    assert wide(pl.concat([one, one])).rows.height == 2


def test_metrics_are_chosen_in_order() -> None:
    """Those that are asked for and are there; of one its own rows."""
    series = laid_out([("b", {"n": n}, {}) for n in range(2)] + [("a", {}, {})])

    assert series.chosen(None) == ["a", "b"]
    assert series.chosen(["b", "gone"]) == ["b"]
    assert [series.of_metric(name).height for name in ("a", "b", "gone")] == [1, 2, 0]


def test_no_series_are_laid_out_without_rows() -> None:
    """Nothing to count, nothing left, no slots; pieces without rows are no metric's."""
    series = laid_out([])

    assert (series.rows.height, series.left.height, series.width) == (0, 0, 0)
    assert series.series.is_empty()
    assert united([series, series]).rows.is_empty()
    assert united([series, laid_out([("m", {}, {})])]).rows.height == 1
