"""What sets of labels, rewrites and coarser histograms would save."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from tests.transforms.cardinality.layouts import Row, laid_out
from tests.transforms.conftest import DAY
from transforms.cardinality.savings import Prices, monthly_cost, rewrite_mart, set_mart
from warehouse.tables.mart_cardinality import CARDINALITY_REWRITE, CARDINALITY_SET

PRICE = Prices(Decimal("6.5"))
METRICS = {
    "metric": pl.String(), "metric_kind": pl.String(), "series": pl.Int64(), "stored": pl.Int64(),
}  # fmt: skip
SAME: list[Row] = [("m", {"pod": n, "ip": n, "code": c}, {}) for n in range(3) for c in range(2)]
"""Six series: pod and ip say the same, so without both the two codes are left."""


def facts(*rows: tuple[str, str, int, int]) -> pl.DataFrame:
    """Give metric, kind, series and stored series."""
    return pl.DataFrame(rows, schema=METRICS, orient="row")


def sets(metrics: pl.DataFrame, prices: Prices = PRICE) -> list[dict[str, Any]]:
    """Give mart_cardinality_set of SAME, checked."""
    made = set_mart(laid_out(SAME), metrics, prices, DAY, ["m"])
    return CARDINALITY_SET.check(made.collect()).to_dicts()


def rewrites(metrics: pl.DataFrame, rows: list[Row]) -> list[dict[str, Any]]:
    """Give mart_cardinality_rewrite, checked."""
    made = rewrite_mart(laid_out(rows), metrics, PRICE, DAY, ["m"])
    return CARDINALITY_REWRITE.check(made.collect()).to_dicts()


@pytest.mark.parametrize(
    ("price", "count", "cost"),
    [
        ("6.5", 1, "0.0065"),
        ("6.5", 1000, "6.5"),
        ("0", 7, "0"),
        ("0.000000000001", 999, "0"),  # less than an atom
        ("0.000000000001", 1000, "0.000000000001"),
        ("0.000000000001", 1999, "0.000000000001"),
    ],
)
def test_so_many_stored_series_cost_so_much(price: str, count: int, cost: str) -> None:
    """A thousandth of the price each, rounded down to the atom."""
    made = pl.DataFrame({"n": [count]}).select(monthly_cost(pl.col("n"), Prices(Decimal(price))))

    assert made.item() == Decimal(cost)


def test_without_a_price_there_is_no_money() -> None:
    """Null, not nothing: what it costs is not known."""
    made = pl.DataFrame({"n": [5]}).select(monthly_cost(pl.col("n"), Prices(None)))

    assert made.item() is None
    assert {row["saved_cost"] for row in sets(facts(("m", "gauge", 6, 6)), Prices(None))} == {None}


def test_a_set_saves_what_it_does_not_leave() -> None:
    """Pod and ip leave 2 of 6 and save 4; of a histogram of 10 stored a series that is 40.

    At 6.50 for a thousand: 0.026 and 0.26.
    """
    for stored, cost in ((6, "0.026"), (60, "0.26")):
        (row,) = sets(facts(("m", "histogram", 6, stored)))
        assert (row["set_kind"], row["labels"]) == ("equivalent", "point:ip + point:pod")
        assert (row["series_without_count"], row["saved_count"]) == (2, 4)
        assert row["saved_cost"] == Decimal(cost)


def test_stored_series_are_saved_in_proportion() -> None:
    """4 of 6 series of 13 stored are 8.67: the whole 8, at 0.0065 each."""
    (row,) = sets(facts(("m", "histogram", 6, 13)))

    assert row["saved_cost"] == Decimal("0.052")


def test_other_values_save_series_and_their_stored_ones() -> None:
    """Codes 200, 201 and 404 become 2xx and 4xx: 2 of 3 series left, one saved, at 0.0065."""
    rows: list[Row] = [("m", {"http.status_code": code}, {}) for code in (200, 201, 404)]

    made = [row for row in rewrites(facts(("m", "gauge", 3, 3)), rows) if row["saved_count"]]

    (row,) = [it for it in made if it["rewrite"] == "status_class"]
    assert (row["series_after_count"], row["stored_after_count"]) == (2, 2)
    assert (row["saved_count"], row["distinct_after_count"]) == (1, 2)
    assert row["saved_cost"] == Decimal("0.0065")


@pytest.mark.parametrize(
    ("bounds", "after"), [(0, None), (1, None), (2, 3 + 1), (3, 3 + 1), (4, 3 + 2)]
)
def test_every_second_bound_may_go(bounds: int, after: int | None) -> None:
    """Of one series: half the bounds stay, rounded down, and the three beside them.

    With one bound there is none to leave out.
    """
    metrics = facts(("m", "histogram", 1, 3 + bounds))

    made = rewrites(metrics, [("m", {}, {})])

    assert [row["stored_after_count"] for row in made] == ([] if after is None else [after])
    assert all(row["rewrite"] == "half_the_bounds" for row in made)
    assert all(row["saved_count"] == 0 for row in made)
    assert all(row["saved_cost"] == (3 + bounds - (after or 0)) * Decimal("0.0065") for row in made)


def test_only_histograms_have_bounds() -> None:
    """A summary of as many stored series is left as it is."""
    assert rewrites(facts(("m", "summary", 1, 9)), [("m", {}, {})]) == []
