"""How numbers and names are written."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kit import colours, words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("579123.4"), "$579k"),
        (Decimal(1234567), "$1.23M"),
        (Decimal("12.345"), "$12.3"),
        (Decimal("999.96"), "$1.00k"),
        (Decimal(-4200), "\u2212$4.20k"),
        (Decimal(0), "-"),
        (None, "no data"),
    ],
)
def test_a_card_shows_three_significant_figures(value: Decimal | None, text: str) -> None:
    """Money on a card: three figures, the minus sign, `-` for zero, words for nothing."""
    assert words.money(value, "USD") == text


def test_a_table_shows_cents_and_never_a_rounded_zero() -> None:
    """Zero is `-`, a very small amount is not zero, and a currency without a sign is named."""
    assert words.cents(Decimal("1234.567"), "USD") == "$1,234.57"
    assert words.cents(Decimal("0.001"), "USD") == "<$0.01"
    assert words.cents(Decimal(0), "USD") == "-"
    assert words.cents(Decimal("-3.5"), "CHF") == "\u2212CHF 3.50"


def test_the_reconciliation_shows_every_digit() -> None:
    """A difference of one atom can be seen."""
    assert words.exact(Decimal("0.000000000001")) == "0.000000000001"
    assert words.exact(Decimal(0)) == "0.000000000000"


def test_a_percentage_never_rounds_up_to_its_target() -> None:
    """94.97 % reads 94.9 %, as 95.0 % would be the target."""
    assert words.ratio(0.9497) == "94.9 %"
    assert words.ratio(0.95) == "95.0 %"
    assert words.ratio(None) == "no data"


def test_a_change_from_nothing_is_new() -> None:
    """(a - b) / b with b = 0 is neither infinite nor a number."""
    assert words.change(Decimal(5), Decimal(0)) == "new"
    assert words.change(Decimal(110), Decimal(100)) == "+10.0 %"
    assert words.change(Decimal(99), Decimal(100)) == "\u22121.0 %"
    assert words.change(Decimal(100), Decimal(100)) == "±0.0 %"


def test_days_and_ages_read_as_words() -> None:
    """A period across a year names both years; an age has one unit."""
    assert words.span(date(2025, 12, 30), date(2026, 1, 2)) == "30 Dec 2025 to 2 Jan 2026"
    assert words.span(date(2026, 9, 24), date(2026, 10, 23)) == "24 Sep to 23 Oct 2026"
    assert words.instant(datetime(2026, 10, 4, 7, 5, tzinfo=UTC)) == "4 Oct 2026, 07:05 UTC"
    assert words.age(timedelta(minutes=90)) == "90 min"
    assert words.age(timedelta(hours=30)) == "30 h"
    assert words.age(timedelta(days=4)) == "4 days"


@given(st.text())
def test_no_text_from_outside_is_markdown(text: str) -> None:
    """Every sign that markdown reads is escaped, so no image, link or formula comes of a name."""
    escaped = words.md_escape(text)

    plain = escaped.replace("\\\\", "")
    assert "![" not in plain
    assert "](" not in plain
    assert "://" not in plain
    assert "\n" not in escaped


def test_every_colour_can_be_seen_in_both_themes() -> None:
    """Non-text contrast is at least 3:1 on white and on the dark background."""
    palette = {
        *colours.SERIES,
        *colours.STATES.values(),
        *colours.BUCKETS.values(),
        colours.UP,
        colours.DOWN,
        colours.OTHER,
        colours.UNOWNED,
    }

    low = [
        (colour, ground)
        for colour in palette
        for ground in colours.BACKGROUNDS.values()
        if _contrast(colour, ground) < 3
    ]

    assert low == []


def test_text_in_charts_can_be_read_in_both_themes() -> None:
    """Text contrast is at least 4.5:1 on its background."""
    for theme, colour in colours.LABELS.items():
        assert _contrast(colour, colours.BACKGROUNDS[theme]) >= 4.5


def _contrast(one: str, other: str) -> float:
    """Give the contrast of WCAG 2.1, section 1.4.3."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_manifold_change_is_a_factor() -> None:
    """From 2 to 3,000 is 1,500-fold; +149,900.0 % is a number nobody reads."""
    assert words.change_ratio(1499.0) == "1,500-fold"
    assert words.change_ratio(8.9) == "+890.0 %"


def test_prices_and_measures_have_the_digits_they_need() -> None:
    """The price of a request has four decimals, a measure three figures, a month its name."""
    assert words.price(Decimal("0.474834"), "USD") == "$0.4748"
    assert [words.measured(value) for value in (0.125, 8.0, 1234.5, 0.0)] == [
        "0.125",
        "8",
        "1,230",
        "0",
    ]
    assert words.month("2026-11") == "November 2026"


def test_a_part_reads_as_its_table_row_does() -> None:
    """6,241.84 of 23,756.84 is 26.27 %: 26.3 % in a sentence as in a table, never 26.2 %."""
    assert words.part(6241.84 / 23756.84) == "26.3 %"
    assert words.part(0.0005) == "0.1 %"
    assert words.part(-0.1) == "\u221210.0 %"
