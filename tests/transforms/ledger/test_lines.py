"""Bill lines of a day: the part that falls on it, and what lies outside clusters."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.conftest import DAY, Bill
from transforms.ledger.lines import outside, priced
from transforms.owners.ownership import parse_ownership

SECOND = 1 / 3600


def days(bill: Any, count: int = 40) -> dict[date, Decimal]:
    """Give what of a bill falls on each day, from the day before its first on."""
    found = {}
    for number in range(-1, count):
        day = DAY + timedelta(days=number)
        frame = bill.of_day(day).collect()
        assert set(frame["charge_date"]) <= {day}
        if frame.height:
            found[day] = frame["effective_cost"].sum()
    return found


@pytest.mark.parametrize(("hours", "hour"), [(1, 5), (SECOND, 5), (1 + SECOND, None), (24, None)])
def test_a_line_of_an_hour_keeps_its_hour(bill: Any, hours: float, hour: int | None) -> None:
    """An hour or less: from 5:00 on. A second more is a line of the day."""
    frame = bill.add("1", 5, hours).of_day().collect()

    assert frame["charge_hour"].dt.hour().to_list() == [hour]


@pytest.mark.parametrize("start", [0, 12, 23])
def test_a_line_of_just_a_day_is_whole_on_the_day_it_begins(bill: Any, start: float) -> None:
    """Whatever hour it begins at."""
    assert days(bill.add("10", start, 24)) == {DAY: 10}


def test_a_second_more_than_a_day_is_spread(bill: Any) -> None:
    """From noon for 24 hours and a second it touches two days, from midnight too."""
    half = {DAY: 5, DAY + timedelta(days=1): 5}

    assert days(bill.add("10", 12, 24 + SECOND)) == half
    assert days(type(bill)().add("10", 0, 24 + SECOND)) == half


def test_the_end_of_a_charge_period_is_exclusive(bill: Any) -> None:
    """Two days until midnight are two, a second later three."""
    assert [*days(bill.add("12", 0, 48)).values()] == [6, 6]
    assert [*days(type(bill)().add("12", 0, 48 + SECOND)).values()] == [4, 4, 4]


def test_the_first_days_bear_the_atoms_left_over(bill: Any) -> None:
    """Two atoms over three days: one each for the first two; with its sign for a credit."""
    atom = Decimal("0.000000000001")

    assert [*days(bill.add(str(2 * atom), 0, 72)).values()] == [atom, atom, 0]
    assert [*days(type(bill)().add(str(-2 * atom), 0, 72)).values()] == [-atom, -atom, 0]


def test_billed_cost_is_spread_by_itself(bill: Any) -> None:
    """Of another amount, over the same days."""
    bill.add("3", 0, 72, billed_cost=Decimal(6))

    frame = pl.concat([bill.of_day(DAY + timedelta(days=n)).collect() for n in range(3)])

    assert frame["billed_cost"].to_list() == [2, 2, 2]


def test_a_month_is_spread_over_its_days(bill: Any) -> None:
    """31 days add up to the line; each is within an atom of the others."""
    bill.add("10", 0, 31 * 24)

    days = [bill.of_day(date(2026, 10, 1) + timedelta(days=n)).collect() for n in range(33)]

    costs = [frame["effective_cost"].sum() for frame in days if frame.height]
    assert len(costs) == 31
    assert sum(costs) == 10
    assert max(costs) - min(costs) == Decimal("0.000000000001")


def test_a_silent_cluster_node_is_no_telemetry(
    telemetry: Any, bill: Any, ledger: Any, by: Any
) -> None:
    """A machine that its provider's tag puts into a cluster, never heard of, is not a team's."""
    tags = "teams: [{id: a}]\ntags: {keys: [team]}\n"
    rules = tags + 'rules: [{id: t, match: {tag: "*"}, team: $tag}]'
    bill.add("3", 0, 24, "i-gone", {"team": "a"}, x_cluster="c")

    frame = ledger(bill, telemetry, parse_ownership(rules))

    assert by(frame, "team") == {"__no_telemetry__": Decimal(3)}


@settings(deadline=None, max_examples=15)
@given(st.decimals(-900, 900, places=12), st.integers(1, 24 * 40))
def test_the_days_of_a_line_add_up_to_it(amount: Decimal, hours: int) -> None:
    """Whatever its length, to the atom, and no two days differ by more than one."""
    found = [*days(Bill().add(str(amount), 0, hours), 42).values()]

    assert sum(found) == amount
    assert max(found) - min(found) <= Decimal("0.000000000001")


def test_lines_are_numbered_in_the_order_of_their_hashes() -> None:
    """However they were read: a then b; both costs in atoms; a line of two hours has one number."""
    bill = Bill().add("1", resource="b", x_line_hash="b").add("2", resource="a", x_line_hash="a")
    bill.add("0.000000000003", 4, 1, x_line_hash="a", billed_cost=Decimal(0))

    made = priced(bill.of_day())

    assert made.select("x_line_hash", "line", "effective", "billed").rows() == [
        ("a", 0, 2 * 10**12, 2 * 10**12),
        ("a", 0, 3, 0),
        ("b", 1, 10**12, 10**12),
    ]


def test_lines_of_one_resource_and_one_set_of_tags_have_one_recipient() -> None:
    """Two lines of a bucket, one of another by its tags: two recipients, three rows, whole."""
    bill = Bill().add("1", resource="s3").add("2", resource="s3")
    bill.add("4", resource="s3", tags={"team": "a"})

    found = outside(priced(bill.of_day()))

    assert found.recipients.select("cluster", "resource", "labels", "reason").rows() == [
        ("-", "s3", "{}", "line"),
        ("-", "s3", '{"team": "a"}', "line"),
    ]
    assert found.rows["recipient"].to_list() == [0, 0, 1]
    assert found.rows["effective"].sum() == 7 * 10**12


@pytest.mark.parametrize(
    ("category", "place"),
    [
        ("Usage", ("c", "__no_telemetry__", "__no_telemetry__", "", "no_telemetry")),
        ("Tax", ("-", "-", "i-gone", "i-gone", "line")),
    ],
)
def test_a_machine_of_a_cluster_that_was_not_observed_is_silent(
    category: str, place: tuple[str, ...]
) -> None:
    """Only what it used; its tax is owned as any other line's. Its tags own nothing then."""
    tags = {"team": "a"}
    bill = Bill().add("1", 0, 24, "i-gone", tags, x_cluster="c", charge_category=category)

    found = outside(priced(bill.of_day())).recipients

    columns = ("cluster", "namespace", "workload", "resource", "reason")
    assert found.select(columns).rows() == [place]
    assert (found["labels"].item() == "") == (category == "Usage")


def test_a_line_without_a_resource_is_known_by_its_service() -> None:
    """A support fee names no resource: its workload is the service, its account empty."""
    found = outside(priced(Bill().add("1", service_name="Support").of_day())).recipients

    assert found.select("workload", "resource", "account", "service").rows() == [
        ("Support", "", "", "Support")
    ]


def test_a_day_without_lines_is_empty() -> None:
    """No lines are no matches and no recipients."""
    found = outside(priced(Bill().of_day()))

    assert (found.rows.height, found.recipients.height) == (0, 0)
