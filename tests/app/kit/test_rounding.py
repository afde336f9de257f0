"""What is read in a table adds up to its total."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.kit import rounding, table
from app.kit.figure import Figure, Shown
from app.kit.reader import Answer, Reader

_AMOUNTS = st.lists(st.decimals("-9999", "9999", places=12), min_size=1, max_size=30)
CENT = Decimal("0.01")


def test_thirds_of_a_dollar_add_up() -> None:
    """Three thirds are 0.34 + 0.33 + 0.33, not 0.99."""
    third = Decimal("0.333333333333")
    values = [third, third, Decimal("0.333333333334")]

    assert rounding.cents(values, Decimal(1)) == [
        Decimal("0.33"),
        Decimal("0.33"),
        Decimal("0.34"),
    ]


def test_what_does_not_add_up_is_left_alone() -> None:
    """Where rows are left out of a table, its values are rounded one by one."""
    values = [Decimal("1.005"), None]

    assert rounding.cents(values, Decimal(7)) == values
    assert rounding.tenths([0.25, None]) == [0.25, None]
    assert rounding.tenths([]) == []


def test_a_small_amount_never_reads_as_zero() -> None:
    """A tenth of a cent stays what it is, so that it is written as less than a cent."""
    values = [Decimal("0.001"), Decimal("5.00")]

    assert rounding.cents(values, Decimal("5.001")) == values


@given(_AMOUNTS)
def test_cents_add_up(amounts: list[Decimal]) -> None:
    """The rounded amounts are the rounded total; none is off by a cent or more."""
    total = sum(amounts, Decimal(0))

    shown = rounding.cents(amounts, total)

    whole = sum((one for one in shown if one is not None and abs(one) >= CENT), Decimal(0))
    small = [one for one in shown if one is not None and abs(one) < CENT]
    assert abs(whole - total) <= CENT / 2 + sum((abs(one) for one in small), Decimal(0))
    assert all(
        abs(one - exact) < CENT
        for one, exact in zip(shown, amounts, strict=True)
        if one is not None
    )


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30).filter(any))
def test_shares_add_up_to_a_hundred(parts: list[int]) -> None:
    """Tenths of a percent are whole, none is off by a tenth, and all of them are 100 %."""
    shares = [part / sum(parts) for part in parts]

    shown = rounding.tenths(shares)

    assert sum(round((one or 0) * 1000) for one in shown) == 1000
    assert all(abs((one or 0) - share) < 0.001001 for one, share in zip(shown, shares, strict=True))


def test_the_table_shows_them(reader: Any) -> None:
    """A total of a dollar over three thirds: 33.4 %, 33.3 %, 33.3 % and 100.0 %."""
    made = _thirds(reader)

    written = table.render(made)

    assert written.count("$0.33") == 2
    assert written.count("$0.34") == 1
    assert written.count("33.3 %") == 2
    assert "33.4 %" in written
    assert "$1.00" in written
    assert "100.0 %" in written


def _thirds(reader: Reader) -> Figure:
    found: Answer = reader.ask(
        """
        SELECT name, cost::DECIMAL(38,12) AS cost, 1.0 / 3 AS share_ratio
        FROM (VALUES ('a', 0.333333333333), ('b', 0.333333333333), ('c', 0.333333333334))
             AS one(name, cost)
        ORDER BY name
        """
    )
    return Figure(
        name="thirds",
        title="Thirds",
        finding="",
        answer=found,
        snapshot_id="x",
        currency="USD",
        shown=(
            Shown("name", "Name"),
            Shown("cost", "Cost", "money"),
            Shown("share_ratio", "Share", "share"),
        ),
        total=("All", Decimal(1), None),
    )
