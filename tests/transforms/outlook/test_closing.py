"""Closed months: what was stated stays, and what changes later is stated in the open month."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.outlook.closing import adjustments, as_kept, closing
from warehouse.tables.closing import ADJUSTMENT, CLOSED_PERIOD
from warehouse.tables.core import SERVICE
from warehouse.tables.mart_cost import COST_DAILY_STATEMENT, RECONCILIATION_DAILY

NOW = datetime(2026, 12, 1, tzinfo=UTC)
Costs = Mapping[tuple[str, ...], str]
"""By month and team; then the service, the namespace and the pool, if it matters."""


class Book:
    """What the ledger says, and what was closed."""

    def __init__(self) -> None:
        """Begin with nothing closed."""
        self.closed = CLOSED_PERIOD.empty()
        self.costs: dict[tuple[str, ...], Decimal] = {}
        self.rules = "r1"
        self.delivery = "d1"

    def says(self, costs: Costs, rules: str = "r1", delivery: str = "d1") -> "Book":
        """Take what each (month, team) costs now."""
        self.costs = {key: Decimal(text) for key, text in costs.items()}
        self.rules, self.delivery = rules, delivery
        return self

    def _frames(self) -> tuple[pl.LazyFrame, pl.LazyFrame]:
        blank = {"section": "direct", "sub_account_id": "1", "charge_category": "Usage",
                 "cluster": "c", "workload": "w", "rule_id": "r"}  # fmt: skip
        rows = []
        for (month, team, *named), cost in self.costs.items():
            service, namespace, pool = [*named, *("EC2", "shop", "")[len(named) :]]
            rows.append({
                **blank, "charge_date": date.fromisoformat(f"{month}-03"), "team": team,
                "service_name": service, "namespace": namespace, "pool": pool, "currency": "USD",
                "effective_cost": cost, "billed_cost": cost, "is_estimated": False,
                "delivery_id": self.delivery,
            })  # fmt: skip
        daily = pl.DataFrame(rows, schema=COST_DAILY_STATEMENT.schema)
        bill = daily.group_by("charge_date", "currency").agg(
            pl.col("effective_cost").sum().alias("bill_cost"),
            pl.col("billed_cost").sum().alias("bill_billed_cost"),
            pl.lit(1, pl.Int64).alias("line_count"),
            pl.lit(self.rules).alias("config_hash"),
        )
        names = [n for n in RECONCILIATION_DAILY.schema.names() if n in bill.columns]
        return daily.lazy(), bill.select(names).lazy()

    def close(self, period: str) -> "Book":
        """Close a month."""
        number = self.closed["period"].n_unique()
        made = closing(
            period, self.closed.lazy(), *self._frames(), SERVICE.empty().lazy(),
            now=NOW + timedelta(days=number),
        )  # fmt: skip
        self.closed = pl.concat([self.closed, CLOSED_PERIOD.check(made)])
        return self

    @property
    def adjustments(self) -> pl.DataFrame:
        """Give mart_adjustment, checked."""
        return ADJUSTMENT.check(adjustments(self.closed.lazy(), *self._frames()).collect())


def lines(frame: pl.DataFrame) -> list[tuple[str, str, str, str, Decimal]]:
    """Give what people read of adjustments."""
    names = ("posted_period", "original_period", "team", "reason", "effective_cost")
    return frame.select(names).rows()


def test_a_restatement_of_a_closed_month_stands_in_the_open_one() -> None:
    """October closed at 10 and 5, then restated to 12 and 5: November states 2 more for a."""
    book = Book().says({("2026-10", "a"): "10", ("2026-10", "b"): "5", ("2026-11", "a"): "1"})

    book.close("2026-10").says(
        {("2026-10", "a"): "12", ("2026-10", "b"): "5", ("2026-11", "a"): "1"}
    )

    assert lines(book.adjustments) == [("2026-11", "2026-10", "a", "restatement", Decimal(2))]
    assert book.closed["effective_cost"].to_list() == [Decimal(10), Decimal(5)]


def test_a_change_of_rules_moves_cost_between_teams() -> None:
    """The bill is as it was and the rules are not: what one team gets another loses."""
    book = Book().says({("2026-10", "a"): "10", ("2026-10", "b"): "5"}).close("2026-10")

    book.says({("2026-10", "a"): "4", ("2026-10", "c"): "11"}, rules="r2")

    assert lines(book.adjustments) == [
        ("2026-11", "2026-10", "a", "rules", Decimal(-6)),
        ("2026-11", "2026-10", "b", "rules", Decimal(-5)),
        ("2026-11", "2026-10", "c", "rules", Decimal(11)),
    ]


def test_an_adjustment_is_closed_with_its_month() -> None:
    """What November stated of October stays in November; what comes later stands in December."""
    book = Book().says({("2026-10", "a"): "10", ("2026-11", "a"): "1"}).close("2026-10")
    book.says({("2026-10", "a"): "12", ("2026-11", "a"): "1"}).close("2026-11")

    book.says({("2026-10", "a"): "15", ("2026-11", "a"): "1", ("2026-12", "a"): "2"})

    assert lines(book.adjustments) == [
        ("2026-11", "2026-10", "a", "restatement", Decimal(2)),
        ("2026-12", "2026-10", "a", "restatement", Decimal(3)),
    ]
    assert book.adjustments["is_closed"].to_list() == [True, False]


def test_what_did_not_change_is_not_stated() -> None:
    """Without a difference there is no line, whatever the rules are called."""
    book = Book().says({("2026-10", "a"): "10"}).close("2026-10")

    assert book.says({("2026-10", "a"): "10"}, rules="r2").adjustments.is_empty()


def causes(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    """Give what changed of adjustments, and why."""
    names = ("team", "service_name", "namespace", "pool", "reason", "effective_cost")
    return sorted(frame.select(names).rows())


def test_only_what_changed_is_reported_and_by_which_delivery() -> None:
    """Of two services of a team the delivery d2 brings a dollar more of S3; EC2 is as it was."""
    book = Book().says({("2026-10", "a", "EC2"): "7", ("2026-10", "a", "S3"): "3"})

    book.close("2026-10").says(
        {("2026-10", "a", "EC2"): "7", ("2026-10", "a", "S3"): "4"}, delivery="d2"
    )

    (row,) = book.adjustments.to_dicts()
    assert (row["service_name"], row["effective_cost"]) == ("S3", Decimal(1))
    assert (row["sub_account_id"], row["charge_category"], row["cluster"]) == ("1", "Usage", "c")
    assert (row["delivery_ids"], row["former_delivery_ids"]) == ("d2", "d1")
    assert row["former_config_hash"] == ""


def test_late_telemetry_moves_cost_between_namespaces() -> None:
    """Neither bill nor rules changed, and two dollars of EC2 are another namespace's now."""
    book = Book().says({("2026-10", "a", "EC2", "shop"): "7", ("2026-10", "b", "EC2", "find"): "3"})

    book.close("2026-10").says(
        {("2026-10", "a", "EC2", "shop"): "5", ("2026-10", "b", "EC2", "find"): "5"}
    )

    assert causes(book.adjustments) == [
        ("a", "EC2", "shop", "", "telemetry", Decimal(-2)),
        ("b", "EC2", "find", "", "telemetry", Decimal(2)),
    ]


def test_each_change_has_its_own_cause() -> None:
    """S3 was restated and the rules moved EC2 from a to b: each row tells which it was."""
    book = Book().says({("2026-10", "a", "EC2"): "7", ("2026-10", "a", "S3"): "3"})

    book.close("2026-10").says(
        {("2026-10", "b", "EC2"): "7", ("2026-10", "a", "S3"): "4"}, rules="r2", delivery="d2"
    )

    assert causes(book.adjustments) == [
        ("a", "EC2", "shop", "", "rules", Decimal(-7)),
        ("a", "S3", "shop", "", "restatement and rules", Decimal(1)),
        ("b", "EC2", "shop", "", "rules", Decimal(7)),
    ]
    assert book.adjustments["former_config_hash"].n_unique() == 1
    assert book.adjustments["former_config_hash"][0] != book.adjustments["config_hash"][0]


def test_a_pools_part_moves_with_the_bill() -> None:
    """Support is as dear as before, and is shared by direct cost, of which a has more now."""
    shares: Costs = {
        ("2026-10", "a", "Support", "-", "fee"): "1",
        ("2026-10", "b", "Support", "-", "fee"): "1",
    }
    more: Costs = {
        ("2026-10", "a", "Support", "-", "fee"): "1.5",
        ("2026-10", "b", "Support", "-", "fee"): "0.5",
    }
    book = Book().says({("2026-10", "a", "EC2"): "2", **shares}).close("2026-10")

    book.says({("2026-10", "a", "EC2"): "6", **more}, delivery="d2")

    assert causes(book.adjustments) == [
        ("a", "EC2", "shop", "", "restatement", Decimal(4)),
        ("a", "Support", "-", "fee", "restatement", Decimal("0.5")),
        ("b", "Support", "-", "fee", "restatement", Decimal("-0.5")),
    ]


def test_a_month_that_was_closed_by_teams_only_is_adjusted_by_teams() -> None:
    """A file of a former version has no services: the change of a is one row of all cost."""
    book = Book().says({("2026-10", "a", "EC2"): "7", ("2026-10", "a", "S3"): "3"}).close("2026-10")
    names = ("period", "original_period", "team", "currency", "reason", "config_hash", "bill_hash",
             "closed_at")  # fmt: skip
    former = book.closed.group_by(names).agg(pl.col("effective_cost", "billed_cost").sum())

    book.closed = as_kept(former)
    book.says({("2026-10", "a", "EC2"): "7", ("2026-10", "a", "S3"): "4.5"})

    assert causes(book.adjustments) == [("a", "-", "-", "", "restatement", Decimal("1.5"))]


MONTHS = ("2026-08", "2026-09", "2026-10")
COSTS = st.dictionaries(
    st.tuples(st.sampled_from(MONTHS), st.sampled_from(["a", "b"]), st.sampled_from(["x", "y"])),
    st.decimals(-99, 99, places=6).map(str),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(COSTS, min_size=4, max_size=4))
def test_closed_and_adjustments_are_the_ledger(worlds: list[dict[tuple[str, ...], str]]) -> None:
    """Whatever changes between closings: what was stated of a month is what each service costs."""
    book = Book()
    for period, world in zip(MONTHS, worlds, strict=False):
        before = book.closed
        book.says(world).close(period)
        assert book.closed.head(before.height).equals(before)
    book.says(worlds[-1])

    stated: dict[tuple[str, ...], Decimal] = {}
    own = book.closed.filter(pl.col("reason") == "closed")
    names = ("original_period", "team", "service_name", "effective_cost")
    for frame in (own, book.adjustments):
        for *key, cost in frame.select(names).rows():
            stated[tuple(key)] = stated.get(tuple(key), Decimal(0)) + cost

    last = str(book.closed["period"].max() or "")
    now = {key: cost for key, cost in book.costs.items() if key[0] <= last and cost}
    assert {key: cost for key, cost in stated.items() if cost} == now
