"""Attributes read once per distinct value, and put into the slots of their metric."""

import hashlib
from typing import Any

import polars as pl
import pytest

from tests.transforms.cardinality.layouts import laid_out
from tests.transforms.conftest import typed
from transforms.cardinality import slots
from transforms.cardinality.cardinality import what_if
from transforms.cardinality.slots import digest

ATTRIBUTES = pl.List(pl.Struct({"key": pl.String(), "type": pl.String(), "value": pl.String()}))


def items(*lists: tuple[int, dict[str, object], int]) -> pl.DataFrame:
    """Give lists to read: metric, attributes, how many series have it."""
    rows = [(n, metric, count, typed(values)) for n, (metric, values, count) in enumerate(lists)]
    schema = {
        "item": pl.UInt32(), "metric_id": pl.UInt32(), "series_count": pl.Int64(),
        "attributes": ATTRIBUTES,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def found(part: slots.Reported) -> list[tuple[Any, ...]]:
    """Give metric, label, type, value and how many series."""
    names = ("metric_id", "label", "type", "value", "series_count")
    return sorted(part.found.select(names).rows())


def test_lists_taken_apart_in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """One list at a time gives the layout that all at once give."""
    rows = [(name, {"a": n, "b": n % 2}, {"pod": "p"}) for n in range(9) for name in ("x", "y")]
    whole = laid_out(rows)

    monkeypatch.setattr(slots, "CHUNK", 1)
    small = laid_out(rows)

    assert small.rows.equals(whole.rows)
    assert small.values.sort(pl.all()).equals(whole.values.sort(pl.all()))
    assert what_if(small).equals(what_if(whole))


def test_a_digest_is_eight_bytes_of_blake2b() -> None:
    """Little endian, of the parts joined by NUL, so that no two ways to cut them are one."""
    whole = hashlib.blake2b(b"a\x00bc", digest_size=8).digest()

    assert digest("a", "bc") == int.from_bytes(whole, "little")
    assert digest("a", "bc") != digest("ab", "c") != digest("abc")
    assert slots.digests([("a", "bc"), ()]).to_list() == [digest("a", "bc"), digest()]


def test_equal_lists_of_one_metric_are_read_once() -> None:
    """Rows 0 and 2 share a list; row 1 has it too, but of another metric; row 3 has its own."""
    one, other = typed({"pod": "p"}), typed({"pod": "q"})
    lists = pl.Series([one, one, one, other], dtype=ATTRIBUTES)
    ids = pl.Series([0, 1, 0, 0], dtype=pl.UInt32)

    groups, of_row = slots.shared(lists, ids)

    assert groups.select("item", "metric_id", "series_count").rows() == [
        (0, 0, 2), (1, 1, 1), (2, 0, 1),
    ]  # fmt: skip
    assert of_row.to_list() == [0, 1, 0, 2]
    assert groups["attributes"].to_list() == [one, one, other]


def test_an_attribute_of_several_lists_stands_once_with_all_their_series() -> None:
    """a=1 in two lists of 2 and 3 series is one entry of 5; of another metric it is another."""
    part = slots.reported(items((0, {"a": 1}, 2), (0, {"a": 1, "b": "x"}, 3), (1, {"a": 1}, 7)),
                          is_typed=True)  # fmt: skip

    assert found(part) == [
        (0, "a", "int", "1", 5), (0, "b", "string", "x", 3), (1, "a", "int", "1", 7),
    ]  # fmt: skip
    assert part.cells.height == 4
    assert part.count == 3


@pytest.mark.parametrize(("is_typed", "count"), [(True, 2), (False, 1)])
def test_without_types_an_int_and_its_text_are_one(is_typed: Any, count: int) -> None:
    """As a Prometheus stores them."""
    part = slots.reported(items((0, {"a": 1}, 1), (0, {"a": "1"}, 1)), is_typed=is_typed)

    assert part.found.height == count


def test_lists_without_attributes_have_no_entry() -> None:
    """They are counted all the same, for they have a place in every column."""
    part = slots.reported(items((0, {}, 1), (0, {}, 1)), is_typed=True)

    assert (part.found.height, part.cells.height, part.count) == (0, 0, 2)
    none = slots.reported(items(), is_typed=True)
    assert (none.found.height, none.count) == (0, 0)


def test_labels_are_numbered_within_their_metric() -> None:
    """By level, then by name; the numbers of the next metric begin at 0 again."""
    levels = {
        "point": slots.reported(items((0, {"b": 1, "a": 1}, 1), (1, {"b": 1}, 1)), is_typed=True),
        "resource": slots.reported(items((0, {"a": 1}, 1)), is_typed=True),
    }

    entries = slots.entries(levels)

    assert slots.slots_of(entries).rows() == [
        (0, "point", "a", 0), (0, "point", "b", 1), (0, "resource", "a", 2), (1, "point", "b", 0),
    ]  # fmt: skip
    assert entries["hash"].n_unique() == 3
    assert entries.filter(level="resource")["hash"].item() == digest("resource", "a", "int", "1")


def test_a_column_has_a_place_for_every_list() -> None:
    """Slot 0 (a) in lists 0 and 2, slot 1 (b) in list 1; what a list has not is 0."""
    level = slots.reported(
        items((0, {"a": 1}, 1), (0, {"b": 1}, 1), (0, {"a": 2}, 1)), is_typed=True
    )
    entries = slots.entries({"point": level})
    places = entries.join(slots.slots_of(entries), on=["metric_id", "level", "label"])

    made = slots.columns(level, places.select("code", "slot", "hash"), 2)

    one, two = (digest("point", "a", "int", value) for value in "12")
    assert made[0].to_list() == [one, 0, two]
    assert made[1].to_list() == [0, digest("point", "b", "int", "1"), 0]
