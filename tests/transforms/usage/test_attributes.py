"""One attribute of a list, and the first of several."""

import polars as pl

from tests.transforms.conftest import typed
from transforms.usage.attributes import first_of, value_of

SCHEMA = {
    "attributes": pl.List(
        pl.Struct({"key": pl.String(), "type": pl.String(), "value": pl.String()})
    )
}


def read(*lists: list[dict[str, str]] | None) -> list[str | None]:
    """Give the value of `a` in each list."""
    frame = pl.DataFrame({"attributes": list(lists)}, schema=SCHEMA)
    return frame.select(value_of("attributes", "a")).to_series().to_list()


def test_a_key_is_read_whole_and_from_its_own_row() -> None:
    """`a` is neither `a.b` nor `A`; a number is its text; the row below has its own."""
    assert read(
        typed({"A": "no", "a.b": "no", "a": 7}), typed({"a": "x"}), typed({"b": "no"}), [], None
    ) == ["7", "x", None, None, None]


def test_of_a_key_sent_twice_the_first_counts() -> None:
    """OpenTelemetry allows a key once; a sender that breaks this is read the same way each time."""
    assert read([*typed({"a": "x"}), *typed({"a": "y"})]) == ["x"]


def test_an_empty_value_is_there() -> None:
    """An attribute that is sent empty is not missing: it keeps what comes after from its turn."""
    frame = pl.DataFrame({"attributes": [typed({"a": "", "b": "x"})]}, schema=SCHEMA)

    chosen = frame.select(first_of(value_of("attributes", "a"), value_of("attributes", "b")))

    assert chosen.item() == ""


def test_of_several_the_first_that_is_there() -> None:
    """By the order of asking, not of the list; where none is there, the empty text."""
    frame = pl.DataFrame({"attributes": [typed({"a": "1", "b": "2"}), [], None]}, schema=SCHEMA)

    chosen = frame.select(first_of(value_of("attributes", "b"), value_of("attributes", "a")))

    assert chosen.to_series().to_list() == ["2", "", ""]
