"""What a line of the inventory may say, at the edge of each number."""

import pytest

from meterbook.base.errors import ConfigError
from transforms.coverage.inventory import COLUMNS, parse_inventory


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


def test_what_is_left_out_has_its_default() -> None:
    """Tier 3, all the time."""
    found = parse_inventory(line("")).collect()

    assert found.select("tier", "period_hours").rows() == [(3, None)]
