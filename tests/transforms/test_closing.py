"""Closed months: what was stated stays, and what changes later is stated in the open month."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.closing import adjustments, closing
from warehouse.tables.closing import ADJUSTMENT, CLOSED_PERIOD
from warehouse.tables.mart_cost import COST_DAILY_TEAM, RECONCILIATION_DAILY

NOW = datetime(2026, 12, 1, tzinfo=UTC)
Costs = Mapping[tuple[str, str], str]


class Book:
    """What the ledger says, and what was closed."""

    def __init__(self) -> None:
        """Begin with nothing closed."""
        self.closed = CLOSED_PERIOD.empty()
        self.costs: dict[tuple[str, str], Decimal] = {}
        self.rules = "r1"

    def says(self, costs: Costs, rules: str = "r1") -> "Book":
        """Take what each (month, team) costs now."""
        self.costs = {key: Decimal(text) for key, text in costs.items()}
        self.rules = rules
        return self

    def _frames(self) -> tuple[pl.LazyFrame, pl.LazyFrame]:
        zero = Decimal(0)
        rows = [
            (date.fromisoformat(f"{month}-03"), team, "USD", cost, zero, cost, cost, False)
            for (month, team), cost in self.costs.items()
        ]
        daily = pl.DataFrame(rows, schema=COST_DAILY_TEAM.schema, orient="row")
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
            period, self.closed.lazy(), *self._frames(), now=NOW + timedelta(days=number)
        )
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


MONTHS = ("2026-08", "2026-09", "2026-10")
COSTS = st.dictionaries(
    st.tuples(st.sampled_from(MONTHS), st.sampled_from(["a", "b"])),
    st.decimals(-99, 99, places=6).map(str),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(COSTS, min_size=4, max_size=4))
def test_closed_and_adjustments_are_the_ledger(worlds: list[dict[tuple[str, str], str]]) -> None:
    """Whatever changes between closings: what was stated of a month, in all, is what it costs."""
    book = Book()
    for period, world in zip(MONTHS, worlds, strict=False):
        before = book.closed
        book.says(world).close(period)
        assert book.closed.head(before.height).equals(before)
    book.says(worlds[-1])

    stated: dict[tuple[str, str], Decimal] = {}
    own = book.closed.filter(pl.col("reason") == "closed")
    for frame in (own, book.adjustments):
        for month, team, cost in frame.select("original_period", "team", "effective_cost").rows():
            stated[month, team] = stated.get((month, team), Decimal(0)) + cost

    last = str(book.closed["period"].max() or "")
    now = {key: cost for key, cost in book.costs.items() if key[0] <= last and cost}
    assert {key: cost for key, cost in stated.items() if cost} == now
