"""The inventory as CSV: its rows, its defaults, and everything that is wrong with it."""

from datetime import date

import pytest

from meterbook.base.errors import ConfigError, Finding
from tests.transforms.coverage.listed import HEAD
from transforms.coverage.inventory import (
    CATALOGUE,
    COLUMNS,
    Entry,
    catalogue,
    csv_entries,
    parse_inventory,
)


def line(tier: str = "2", period: str = "") -> str:
    """Give an inventory of one service."""
    head = ",".join([*COLUMNS, "period_hours"])
    values = {"service_name": "web", "kind": "service", "team": "t", "tier": tier}
    return f"{head}\n{','.join([*(values.get(name, '') for name in COLUMNS), period])}\n"


@pytest.mark.parametrize("number", ["1", "999999"])
def test_whole_numbers_from_1_are_read(number: str) -> None:
    """The least and the greatest, as a tier and as hours of a period."""
    found = parse_inventory(line(number, number)).collect()

    assert found.select("tier", "period_hours").rows() == [(int(number), int(number))]


@pytest.mark.parametrize("number", ["0", "1000000", "-1", "1.5", "²"])
def test_other_numbers_are_findings(number: str) -> None:
    """Zero, a million and what is no whole number, in either column."""
    with pytest.raises(ConfigError) as caught:
        parse_inventory(line(number, number))

    assert [finding.message for finding in caught.value.findings] == [
        f"tier '{number}' is no number from 1",
        f"period_hours '{number}' is no number from 1",
    ]


def problems(**values: str) -> list[str]:
    """Give what is wrong with an entry."""
    findings: list[Finding] = []
    catalogue([Entry("here", "s", {"service_name": "web", **values})], findings)
    assert {finding.key for finding in findings} <= {"here"}
    return [finding.message for finding in findings]


def test_an_inventory_tells_all_its_findings() -> None:
    """Wrong kinds, tiers, days and half exemptions come with their lines."""
    wrong = (",a,production,robot,t,1,,", ",,production,service,t,x,why,", ",b,,service,t,1,w,soon")
    text = "\n".join([HEAD, *wrong])

    with pytest.raises(ConfigError) as caught:
        parse_inventory(text)

    assert [finding.key for finding in caught.value.findings] == [
        "inventory line 2",
        "inventory line 3",
        "inventory line 3",
        "inventory line 3",
        "inventory line 4",
    ]
    with pytest.raises(ConfigError, match="tier"):
        parse_inventory("service_name,team\na,b\n")


def test_what_is_not_said_has_a_default() -> None:
    """Production, a service, tier 3, no exemption, no period; spaces around a value are nothing."""
    made = parse_inventory(f"{HEAD}\n shop , web ,,,,,,,,\n", "inv").collect()

    assert made.row(0) == (
        "shop", "web", "production", "service", "", 3, "", None, "", None, "catalogue:inv",
    )  # fmt: skip


def test_every_column_is_read() -> None:
    """Days are days, tiers and periods numbers."""
    row = "shop,web,staging,cronjob,pay,1,moving,2027-01-01,old/web;w,24"

    made = parse_inventory(f"{HEAD}\n{row}\n").collect()

    assert made.row(0) == (
        "shop", "web", "staging", "cronjob", "pay", 1, "moving", date(2027, 1, 1), "old/web;w", 24,
        "catalogue:inventory",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"kind": "Service"}, ["kind 'Service'; want one of"]),
        ({"service_name": ""}, ["has no service_name"]),
        ({"service_name": "unknown_service:java"}, ["'unknown_service' is the name of nobody"]),
        ({"exempt_reason": "x"}, ["an exemption needs both"]),
        ({"exempt_until": "2027-01-01"}, ["an exemption needs both"]),
        ({"exempt_reason": "x", "exempt_until": "2027-02-30"}, ["exempt_until '2027-02-30' is no"]),
    ],
)
def test_each_value_is_checked(values: dict[str, str], found: list[str]) -> None:
    """Known kinds, a name, whole exemptions, real days; the place is named."""
    got = problems(**values)

    assert [one[: len(want)] for one, want in zip(got, found, strict=True)] == found


def test_kinds_are_those_that_are_given() -> None:
    """What the settings know as a kind may be one."""
    entry = Entry("here", "s", {"service_name": "web", "kind": "robot"})
    findings: list[Finding] = []

    made = catalogue([entry], findings, kinds=["robot"]).collect()

    assert (findings, made["kind"].to_list()) == ([], ["robot"])


def test_no_text_is_no_row_and_a_mark_at_the_beginning_none_of_its_name() -> None:
    """An empty file has no columns to miss; spreadsheets begin theirs with a byte order mark."""
    findings: list[Finding] = []

    assert parse_inventory(" \n").collect().is_empty()
    assert parse_inventory(" \n").collect_schema() == CATALOGUE
    marked = csv_entries(f"\ufeff{HEAD}\n,web,,,,,,\n", "f", findings, "source")
    assert findings == []
    assert [(entry.place, entry.source) for entry in marked] == [("f line 2", "source")]


def test_missing_columns_are_told_at_once_and_rows_are_not_read() -> None:
    """All of them, by the file's name; a column of someone's own is left alone."""
    findings: list[Finding] = []

    entries = csv_entries("service_name,colour\nweb,red\n", "f", findings)

    assert entries == []
    missing = [name for name in COLUMNS if name != "service_name"]
    assert [(one.key, one.message) for one in findings] == [("f", f"columns {missing} are missing")]
