"""Churn held against sets of rows; how the layout is parted changes nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transforms.cardinality import slots
from transforms.cardinality.cardinality import what_if
from transforms.cardinality.churn import churned, new_values
from transforms.cardinality.fingerprint import Wide, united, wide
from transforms.cardinality.metric_parts import Part, pieces_of

Labels = Mapping[str, object]
random_series = st.lists(
    st.tuples(
        st.sampled_from(["x", "y", "z"]),
        st.fixed_dictionaries({}, optional={key: st.integers(0, 2) for key in "ab"}),
        st.fixed_dictionaries({}, optional={"pod": st.sampled_from(["p", "q"])}),
    ),
    max_size=25,
)
loose = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def laid_out(telemetry: Any, rows: Sequence[tuple[str, Labels, Labels]]) -> Wide:
    """Give the wide layout of rows of (metric, labels, resource)."""
    builder = type(telemetry)()
    for metric, labels, resource in rows:
        builder.add(metric, resource, labels=labels)
    return wide(builder.series)


def named(
    rows: Sequence[tuple[str, Labels, Labels]], metric: str
) -> set[frozenset[tuple[str, object]]]:
    """Give the distinct series of a metric."""
    return {
        frozenset({**labels, **resource}.items())
        for name, labels, resource in rows
        if name == metric
    }


@loose
@given(before=random_series, today=random_series)
def test_churn_is_a_difference_of_sets(telemetry: Any, before: Any, today: Any) -> None:
    """New is today without the day before, gone the other way round; the books balance."""
    found = churned(laid_out(telemetry, today), laid_out(telemetry, before))

    want = []
    for metric in sorted({name for name, *_ in [*before, *today]}):
        now, then = named(today, metric), named(before, metric)
        want.append((metric, len(now), len(then), len(now - then), len(then - now)))
    assert found.select("metric", "series", "previous", "new", "gone").rows() == want


def test_pods_that_are_replaced_explain_the_churn(telemetry: Any) -> None:
    """As many series as before, all new: pod and address have new values, the path has none."""
    before, today = (
        [("x", {"path": p}, {"pod": f"{n}", "ip": f"10.{n}"}) for p in "ab" for n in range(*pods)]
        for pods in ((0, 3), (2, 5))
    )
    now, then = laid_out(telemetry, today), laid_out(telemetry, before)

    found = new_values(now, then)

    assert found.rows() == [("x", "resource:ip + resource:pod", 4)]
    assert churned(now, then).select("new", "gone").rows() == [(4, 4)]
    assert new_values(now, now).is_empty()
    assert new_values(now, laid_out(telemetry, [("y", {}, {})])).is_empty()


@loose
@given(before=random_series, today=random_series)
def test_series_with_new_values_are_new(telemetry: Any, before: Any, today: Any) -> None:
    """Never more than the new series, and counted as the sets count them."""
    today = [row for place, row in enumerate(today) if row not in today[:place]]
    now, then = laid_out(telemetry, today), laid_out(telemetry, before)
    new = dict(churned(now, then).select("metric", "new").rows())

    for metric, labels, count in new_values(now, then).rows():
        assert 0 < count <= new[metric]
        first = labels.split(" + ")[0].partition(":")[2]
        old = {dict(series).get(first) for series in named(before, metric)}
        values = [dict(series).get(first) for series in named(today, metric)]
        assert count == sum(value is not None and value not in old for value in values)


@loose
@given(rows=random_series, size=st.integers(1, 5))
def test_slices_of_metrics_change_no_answer(telemetry: Any, rows: Any, size: int) -> None:
    """However few rows are counted at a time, slices hold whole metrics and all rows in order."""
    series = laid_out(telemetry, rows)

    parts = list(series.parts(size))

    assert sum(part.height for part in parts) == series.rows.height
    seen = [set(part["metric_id"]) for part in parts]
    assert sum(map(len, seen)) == len(set().union(*seen))
    if parts:
        together = pl.concat(parts, how="diagonal").fill_null(0)
        assert together.equals(series.rows.select(together.columns))


@loose
@given(rows=random_series, count=st.integers(2, 4))
def test_pieces_put_together_are_the_whole(telemetry: Any, rows: Any, count: int) -> None:
    """A metric's series in pieces, each with the labels it happens to have, give every answer."""
    mine = [("x", labels, resource) for _, labels, resource in rows]
    builder = type(telemetry)()
    for metric, labels, resource in mine:
        builder.add(metric, resource, labels=labels)

    pieces = united(wide(one) for one in pieces_of(builder.series, Part(("x",), count)))

    whole = wide(builder.series)
    assert what_if(pieces).equals(what_if(whole))
    assert pieces.slots.equals(whole.slots)
    assert pieces.values.sort(pl.all()).equals(
        whole.values.sort(pl.all()).select(pieces.values.columns)
    )


def test_lists_taken_apart_in_small_parts(telemetry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One list at a time gives the layout that all at once give."""
    rows = [(name, {"a": n, "b": n % 2}, {"pod": "p"}) for n in range(9) for name in ("x", "y")]
    whole = laid_out(telemetry, rows)

    monkeypatch.setattr(slots, "CHUNK", 1)
    small = laid_out(telemetry, rows)

    assert small.rows.equals(whole.rows)
    assert small.values.sort(pl.all()).equals(whole.values.sort(pl.all()))
    assert what_if(small).equals(what_if(whole))


def test_a_shared_resource_counts_for_each_of_its_series(telemetry: Any) -> None:
    """A pod that sends three series of a metric and one of another stands with three and one."""
    rows = [("x", {"a": n}, {"pod": "p"}) for n in range(3)] + [("y", {}, {"pod": "p"})]

    series = laid_out(telemetry, rows)

    pods = series.values.filter(label="pod").join(series.metrics, on="metric_id").sort("metric")
    assert pods.select("metric", "value", "series_count").rows() == [("x", "p", 3), ("y", "p", 1)]
    answers = what_if(series).filter(label="pod").sort("metric")
    assert answers.select("series", "left", "distinct").rows() == [(3, 3, 1), (1, 1, 1)]
