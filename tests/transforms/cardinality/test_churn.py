"""Churn held against sets of rows; how the layout is parted changes nothing."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given

from tests.transforms.cardinality.layouts import Labels, laid_out, loose, random_series
from transforms.cardinality.churn import churned, new_values


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
def test_churn_is_a_difference_of_sets(before: Any, today: Any) -> None:
    """New is today without the day before, gone the other way round; the books balance."""
    found = churned(laid_out(today), laid_out(before))

    want = []
    for metric in sorted({name for name, *_ in [*before, *today]}):
        now, then = named(today, metric), named(before, metric)
        want.append((metric, len(now), len(then), len(now - then), len(then - now)))
    assert found.select("metric", "series", "previous", "new", "gone").rows() == want


def test_pods_that_are_replaced_explain_the_churn() -> None:
    """As many series as before, all new: pod and address have new values, the path has none."""
    before, today = (
        [("x", {"path": p}, {"pod": f"{n}", "ip": f"10.{n}"}) for p in "ab" for n in range(*pods)]
        for pods in ((0, 3), (2, 5))
    )
    now, then = laid_out(today), laid_out(before)

    found = new_values(now, then)

    assert found.rows() == [("x", "resource:ip + resource:pod", 4)]
    assert churned(now, then).select("new", "gone").rows() == [(4, 4)]
    assert new_values(now, now).is_empty()
    assert new_values(now, laid_out([("y", {}, {})])).is_empty()


@loose
@given(before=random_series, today=random_series)
def test_series_with_new_values_are_new(before: Any, today: Any) -> None:
    """Never more than the new series, and counted as the sets count them."""
    today = [row for place, row in enumerate(today) if row not in today[:place]]
    now, then = laid_out(today), laid_out(before)
    new = dict(churned(now, then).select("metric", "new").rows())

    for metric, labels, count in new_values(now, then).rows():
        assert 0 < count <= new[metric]
        first = labels.split(" + ")[0].partition(":")[2]
        old = {dict(series).get(first) for series in named(before, metric)}
        values = [dict(series).get(first) for series in named(today, metric)]
        assert count == sum(value is not None and value not in old for value in values)
