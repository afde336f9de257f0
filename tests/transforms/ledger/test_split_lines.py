"""Lines that a provider has divided among namespaces already."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.conftest import Bill
from transforms.ledger.lines import priced
from transforms.ledger.split_lines import divided
from transforms.owners.ownership import parse_ownership

PLAIN = "teams: [{id: a}]\n"
SHARED = PLAIN + "idle: {show: share}\n"
IGNORED = PLAIN + "workload: {provider_split_lines: ignore}\n"


def extra(**values: str) -> list[dict[str, str]]:
    """Give what AWS says was used and unused of a row."""
    return [{"key": f"split_line_item_{k}_cost", "value": text} for k, text in values.items()]


def taken(bill: Bill, text: str = PLAIN) -> list[tuple[str, str, str, Decimal]]:
    """Give namespace, workload, reason and amount of each match."""
    found, _ = divided(priced(bill.of_day()), parse_ownership(text))
    recipients = found.recipients.with_row_index("recipient")
    rows = found.rows.join(recipients, on="recipient", how="left", maintain_order="left")
    assert (rows["node"] == "-").all()
    return [
        (space, name, reason, Decimal(amount).scaleb(-12))
        for space, name, reason, amount in rows.select(
            "namespace", "workload", "reason", "effective"
        ).rows()
    ]


def test_a_divided_line_goes_to_its_namespace_as_it_stands() -> None:
    """No node, no share: the dollar is the namespace's; the line without one is left to others."""
    bill = Bill().add("1", resource="pod-1", x_cluster="c", x_namespace="shop").add("2")

    _, rest = divided(priced(bill.of_day()), parse_ownership(PLAIN))

    assert taken(bill) == [("shop", "pod-1", "provider_split", Decimal(1))]
    assert rest["effective"].to_list() == [2 * 10**12]


def test_where_telemetry_is_preferred_no_line_is_divided() -> None:
    """All lines are left, in their order, and there is no match."""
    bill = Bill().add("1", x_namespace="shop").add("2")

    found, rest = divided(priced(bill.of_day()), parse_ownership(IGNORED))

    assert (found.rows.height, found.recipients.height) == (0, 0)
    assert rest.height == 2


@pytest.mark.parametrize(
    ("space", "place"),
    [
        ("__idle__", ("__idle__", "__idle__", "idle")),
        ("__overhead__", ("__system__", "__system__", "system")),
        ("__system__", ("__system__", "__system__", "system")),
        ("shop", ("shop", "r", "provider_split")),
    ],
)
def test_what_nobody_asked_for_is_a_bucket(space: str, place: tuple[str, ...]) -> None:
    """Whatever the resource is called and tagged; labels own nothing there."""
    bill = Bill().add("1", 0, 24, "r", {"team": "a"}, x_namespace=space)

    found, _ = divided(priced(bill.of_day()), parse_ownership(PLAIN))

    assert found.recipients.select("namespace", "workload", "reason").rows() == [place]
    assert (found.recipients["labels"].item() == "") == (space != "shop")
    assert found.recipients["cluster"].item() == "-"


@pytest.mark.parametrize(
    ("facts", "workload"),
    [
        ({"allocated_resource_name": "web", "allocated_resource_id": "id"}, "web"),
        ({"allocated_resource_id": "id"}, "id"),
        ({}, "pod-1"),
    ],
)
def test_the_workload_is_the_resource_that_it_was_allocated_to(facts: Any, workload: str) -> None:
    """Its name before its id; without either the line's own resource."""
    bill = Bill().add("1", resource="pod-1", x_namespace="shop", **facts)

    assert [name for _, name, _, _ in taken(bill)] == [workload]


def test_the_unused_part_is_idle_only_where_idle_stands_apart() -> None:
    """Of 0.70 AWS says 0.40 were used and 0.30 not: 4/7 and 3/7; shared idle stays where it is."""
    bill = Bill().add("0.7", x_namespace="shop", x_extra=extra(used="x", split="0.4", unused="0.3"))

    apart = [(space, amount) for space, _, _, amount in taken(bill)]
    shared = [(space, amount) for space, _, _, amount in taken(bill, SHARED)]

    assert apart == [("shop", Decimal("0.4")), ("__idle__", Decimal("0.3"))]
    assert shared == [("shop", Decimal("0.7"))]


@pytest.mark.parametrize(
    ("values", "used"),
    [
        ({"split": "0.4"}, "1"),
        ({"split": "0.4", "unused": "0"}, "1"),
        ({"split": "0.4", "unused": "-0.3"}, "1"),
        ({"split": "0.4", "unused": "much"}, "1"),
        ({"split": "0.3", "unused": "0.1"}, "0.75"),
        ({"unused": "0.1"}, "0"),
    ],
)
def test_a_line_is_cut_by_what_aws_says_of_it(values: Mapping[str, str], used: str) -> None:
    """In their ratio, whatever the line costs; no unused amount above zero is none.

    A line of which all is unused is idle's alone.
    """
    bill = Bill().add("1", x_namespace="shop", x_extra=extra(**values))

    got = sum((amount for space, _, _, amount in taken(bill) if space == "shop"), Decimal(0))

    assert got == Decimal(used)


def test_a_credit_is_cut_like_a_cost() -> None:
    """Minus 3 atoms by 1 to 1: minus 2 for who used them, minus 1 unused; billed is cut apart."""
    bill = Bill().add("-0.000000000003", x_namespace="shop",
                      x_extra=extra(split="1", unused="1"), billed_cost=Decimal(0))  # fmt: skip

    found, _ = divided(priced(bill.of_day()), parse_ownership(PLAIN))

    assert found.rows.select("effective", "billed").rows() == [(-2, 0), (-1, 0)]


lines = st.lists(
    st.tuples(
        st.decimals(-900, 900, places=12),
        st.sampled_from(["shop", "find", "__idle__", "__overhead__", None]),
        st.decimals(0, 9, places=6),
        st.decimals(0, 9, places=6),
    ),
    max_size=6,
)


@given(lines, st.sampled_from([PLAIN, SHARED]))
def test_a_divided_line_counts_once(
    given_lines: list[tuple[Decimal, str | None, Decimal, Decimal]], text: str
) -> None:
    """Matches and rest are the bill, to the atom, line by line."""
    bill = Bill()
    for amount, space, used, unused in given_lines:
        values = extra(split=str(used), unused=str(unused))
        bill.add(str(amount), x_namespace=space, x_extra=values)

    whole = priced(bill.of_day())
    found, rest = divided(whole, parse_ownership(text))

    parts = pl.concat([found.rows.select("line", "effective"), rest.select("line", "effective")])
    sums = parts.group_by("line").agg(pl.col("effective").sum()).sort("line")
    assert sums.rows() == whole.select("line", "effective").sort("line").rows()
