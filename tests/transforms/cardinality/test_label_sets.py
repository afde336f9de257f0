"""Sets of labels: what says the same, and what to drop together to reach a budget."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transforms.cardinality.fingerprint import Wide, wide
from transforms.cardinality.label_sets import STEPS, determines, label_sets, left_without

Labels = Mapping[str, object]


def laid_out(telemetry: Any, rows: Sequence[Labels]) -> Wide:
    """Give the wide layout of one metric."""
    for row in rows:
        telemetry.add("m", {}, labels=row)
    return wide(telemetry.series)


def found(series: Wide, budget: int) -> list[tuple[str, list[str], int, bool]]:
    """Give sets without the metric."""
    frame = label_sets(series, budget=budget)
    return frame.select("set_kind", "labels", "left", "is_within_budget").rows()


def test_one_determines_the_other_but_not_back(telemetry: Any) -> None:
    """A pod names its node; a node has many pods: no equivalent pair."""
    rows = [{"node": n // 3, "pod": n} for n in range(9)]

    series = laid_out(telemetry, rows)

    assert determines(series.rows, slot=1, other=0)
    assert not determines(series.rows, slot=0, other=1)
    assert found(series, 100) == [("instance", ["point:pod"], 3, True)]


def test_a_sparse_product_is_a_set(telemetry: Any) -> None:
    """No label saves anything by itself, two of them leave ten series."""
    rows = [{"kind": n % 10, "user": n, "session": (n * 7) % 1000, "copy": 1} for n in range(1000)]
    series = laid_out(telemetry, [{**row, "both": row["user"] * row["session"]} for row in rows])
    slots = dict(series.slots.select("label", "slot").rows())

    sets = found(series, 10)

    assert all(left_without(series.rows, [slot]) == 1000 for slot in slots.values())
    assert next(one for one in sets if one[0] == "budget")[2:] == (10, True)
    assert not any("kind" in name for one in sets if one[0] == "budget" for name in one[1])


def test_the_search_ends_after_three_steps(telemetry: Any) -> None:
    """Five labels of three values: three gone leave nine, though the budget is one."""
    rows = [dict(zip("abcde", values, strict=True)) for values in product(range(3), repeat=5)]

    sets = found(laid_out(telemetry, rows), 1)

    assert sets == [("budget", ["point:a", "point:b", "point:c"], 9, False)]
    assert len(sets[0][1]) == STEPS


def test_a_service_is_not_dropped_for_a_budget(telemetry: Any) -> None:
    """Labels that say whose series they are stay."""
    for n in range(30):
        telemetry.add("m", {"service.name": f"s{n}"}, labels={"user": n % 3})

    sets = found(wide(telemetry.series), 1)

    assert not any("service.name" in name for one in sets for name in one[1])


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(
        st.fixed_dictionaries({key: st.integers(0, 3) for key in "abcd"}), min_size=1, max_size=25
    ),
    gone=st.sets(st.sampled_from("abcd"), max_size=4),
    budget=st.integers(1, 10),
)
def test_a_set_is_a_recount(telemetry: Any, rows: Any, gone: set[str], budget: int) -> None:
    """Any set leaves what really dropping it leaves, whatever the order of the series."""
    series = laid_out(type(telemetry)(), rows)
    again = laid_out(type(telemetry)(), rows[::-1])
    slots = dict(series.slots.select("label", "slot").rows())

    def left(names: set[str]) -> int:
        kept = [key for key in "abcd" if key not in names]
        return len({tuple(row[key] for key in kept) for row in rows})

    assert left_without(series.rows, [slots[key] for key in gone]) == left(gone)
    sets = found(series, budget)
    assert sets == found(again, budget)
    for _, labels, count, is_within in sets:
        assert count == left({name.partition(":")[2] for name in labels})
        assert is_within == (count <= budget)


@pytest.mark.parametrize("budget", [5, 1])
def test_no_set_where_the_budget_is_kept_or_nothing_helps(telemetry: Any, budget: int) -> None:
    """Five series of one label within the budget need nothing; beyond it the label is named."""
    sets = found(laid_out(telemetry, [{"u": n} for n in range(5)]), budget)

    assert sets == ([] if budget == 5 else [("budget", ["point:u"], 1, True)])
