"""Rules of FOCUS that a line keeps or breaks, at the edge of each."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from collector.billing.format.conform import conformance
from collector.billing.format.formats import recognise
from warehouse.tables.focus import FOCUS_NAMES
from warehouse.tables.raw import COST_LINE

START = datetime(2026, 10, 1, tzinfo=UTC)
ATOM = Decimal("0.000000000001")


def broken(tmp_path: Path, rule: str, *lines: dict[str, Any]) -> tuple[int, int]:
    """Give how many lines a rule looked at, and how many break it."""
    usual = {
        "charge_category": "Usage",
        "charge_period_start": START,
        "charge_period_end": START + timedelta(hours=1),
        "billing_period_start": START,
        "billing_period_end": START + timedelta(days=31),
    }
    blank = dict.fromkeys(COST_LINE.schema.names())
    rows = [blank | usual | line for line in lines]
    pl.DataFrame(rows, schema=COST_LINE.schema).write_parquet(tmp_path / "part.parquet")
    (found,) = [row[2:4] for row in conformance([tmp_path / "part.parquet"]) if row[0] == rule]
    return found


@pytest.mark.parametrize(("end", "count"), [(timedelta(0), 1), (timedelta(microseconds=1), 0)])
def test_a_charge_ends_after_it_begins(tmp_path: Path, end: timedelta, count: int) -> None:
    """At the same instant is not after it."""
    line = {"charge_period_end": START + end}

    assert broken(tmp_path, "a charge ends after it begins", line) == (1, count)


@pytest.mark.parametrize(("end", "count"), [(timedelta(0), 1), (timedelta(microseconds=1), 0)])
def test_a_billing_period_ends_after_it_begins(tmp_path: Path, end: timedelta, count: int) -> None:
    """So it is with the period."""
    line = {"billing_period_end": START + end}

    assert broken(tmp_path, "a billing period ends after it begins", line) == (1, count)


@pytest.mark.parametrize(
    ("clock", "count"),
    [("23:59:00", 1), ("23:58:00", 0), ("22:59:00", 0), ("12:30:59", 1), ("12:30:58", 0),
     ("00:00:00", 0)],
)  # fmt: skip
def test_the_end_of_a_charge_is_exclusive(tmp_path: Path, clock: str, count: int) -> None:
    """An end in the last second of a minute, or in the last minute of a day, is inclusive."""
    line = {"charge_period_end": datetime.fromisoformat(f"2026-10-02T{clock}+00:00")}

    assert broken(tmp_path, "the end of a charge is exclusive", line) == (1, count)


@pytest.mark.parametrize(("day", "count"), [(1, 0), (2, 1)])
def test_a_billing_period_goes_from_first_to_first(tmp_path: Path, day: int, count: int) -> None:
    """Its first day, and the first of the next month."""
    begins = {"billing_period_start": datetime(2026, 10, day, tzinfo=UTC)}
    ends = {"billing_period_end": datetime(2026, 11, day, tzinfo=UTC)}

    assert broken(tmp_path, "a billing period begins on the first", begins) == (1, count)
    assert broken(tmp_path, "the end of a billing period is exclusive", ends) == (1, count)


@pytest.mark.parametrize(("price", "count"), [(Decimal(0), 0), (-ATOM, 1), (ATOM, 0)])
def test_a_price_of_nothing_is_not_negative(tmp_path: Path, price: Decimal, count: int) -> None:
    """An atom less is."""
    line = {"list_unit_price": price}

    assert broken(tmp_path, "list_unit_price is not negative", line) == (1, count)


@pytest.mark.parametrize(
    ("of_list", "contracted", "found"),
    [
        (Decimal(1), Decimal(1), (1, 0)),
        (Decimal(1), 1 + ATOM, (1, 1)),
        (ATOM, ATOM, (1, 0)),
        (Decimal(0), Decimal(1), (0, 0)),
        (Decimal(-1), Decimal(0), (0, 0)),
    ],
)
def test_a_contract_costs_no_more_than_the_list(
    tmp_path: Path, of_list: Decimal, contracted: Decimal, found: tuple[int, int]
) -> None:
    """As much is allowed; what costs nothing by the list, or less, is not looked at."""
    line = {"list_cost": of_list, "contracted_cost": contracted}

    assert broken(tmp_path, "ContractedCost is not above ListCost", line) == found


@pytest.mark.parametrize(("effective", "count"), [(Decimal(0), 0), (ATOM, 1)])
def test_a_purchase_that_covers_later_charges_has_no_effective_cost(
    tmp_path: Path, effective: Decimal, count: int
) -> None:
    """One that names no commitment is another thing."""
    bought = {"charge_category": "Purchase", "effective_cost": effective}
    covers = bought | {"commitment_discount_id": "c"}
    rule = "a purchase that covers later charges has EffectiveCost 0"

    assert broken(tmp_path, rule, bought, covers) == (1, count)


@pytest.mark.parametrize(("count", "is_focus"), [(7, False), (8, True)])
def test_eight_names_make_a_focus_file(count: int, is_focus) -> None:
    """Seven of its columns might be anything's."""
    found = recognise(list(FOCUS_NAMES)[:count])

    assert (found is not None) == is_focus
