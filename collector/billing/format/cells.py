"""From what a cell holds to the type of its column.

Takes    a column as it was read (text from CSV, whatever type Parquet has) and the wanted type
Gives    the column in that type; null where the cell is empty or cannot be parsed
Holds    money goes text → Decimal, never through a float; the half goes to the even neighbour
"""

import json
from typing import Final

import polars as pl

from collector.billing.format.mapping import CREDITS
from warehouse.table import INSTANT
from warehouse.tables.focus import TAGS

CLOCKS: Final = (
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
    "%m/%d/%Y",
    "%Y%m%dT%H%M%S%.f",
)
"""Spellings without a zone: UTC. With one, the first two again with `%z`."""

EXACT: Final = pl.Decimal(38, 24)

WANTED: Final[dict[type[pl.DataType], str]] = {
    pl.Decimal: "want a number such as -1.50 or 1.5E-7",
    pl.Datetime: "want a time such as 2026-10-01T00:00:00Z",
    pl.List: "want a JSON object of tags",
    pl.String: "want text",
}


def parse(column: pl.Series, want: pl.DataType) -> pl.Series:
    """Give the column in the wanted type; a cell that cannot be parsed becomes null."""
    if column.dtype == want and want != pl.String:
        return column.list.sort() if want == TAGS else column
    if isinstance(want, pl.Decimal):
        return as_number(column).cast(want, strict=False)
    if want == INSTANT:
        return _instants(column)
    if want == TAGS:
        return _tags(column)
    if want == CREDITS:
        return _credits(column)
    return filled(column)


def filled(column: pl.Series) -> pl.Series:
    """Give a column as text, an empty text as null."""
    text = as_text(column)
    return text.set(text.str.len_bytes() == 0, None)


def as_text(column: pl.Series) -> pl.Series:
    """Give a column as text: numbers in their shortest form, structures as JSON."""
    if isinstance(column.dtype, pl.Map):
        return _json_of_entries(column.cast(TAGS).list.sort())
    if isinstance(column.dtype, pl.Struct):
        return column.struct.json_encode().set(column.is_null(), None)
    if isinstance(column.dtype, (pl.List, pl.Array)):
        whole = column.to_frame("v").select(pl.struct("v").struct.json_encode()).to_series()
        return whole.str.slice(5).str.head(-1).set(column.is_null(), None).alias(column.name)
    return column.cast(pl.String)


def count_rounded(text: pl.Series, scale: int) -> int:
    """Count the numbers that have more decimals than the scale keeps, looking at 24 of them.

    `text` is what `as_number` gives. A number too large to be held with 24 decimals is not counted.
    """
    # A number of more decimals than these is longer than they are, or has an exponent.
    long = (text.str.len_bytes() > scale + 1) | text.str.contains_any(["e", "E"])
    wide = text.filter(long).cast(EXACT, strict=False).drop_nulls()
    return int((wide != wide.cast(pl.Decimal(38, scale)).cast(EXACT)).sum())


def as_number(column: pl.Series) -> pl.Series:
    """Give numbers as bare text."""
    return column.str.strip_chars() if column.dtype == pl.String else column.cast(pl.String)


def _text(column: pl.Series) -> pl.Series:
    """Give numbers as text: a float by its shortest form, which carries no binary noise."""
    return column if column.dtype == pl.String else column.cast(pl.String)


def _instants(column: pl.Series) -> pl.Series:
    if column.dtype == pl.Date:
        return column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if isinstance(column.dtype, pl.Datetime):
        aware = column.dtype.time_zone is not None
        return (column if aware else column.dt.replace_time_zone("UTC")).cast(INSTANT)
    distinct = _text(column).unique().drop_nulls()
    if distinct.is_empty():
        return pl.Series(column.name, [None] * len(column), dtype=INSTANT)
    return _text(column).replace_strict(
        distinct, _read_clocks(distinct), default=None, return_dtype=INSTANT
    )


def _read_clocks(text: pl.Series) -> pl.Series:
    plain = (
        pl.col("t")
        .str.strip_chars()
        .str.replace(r"(?:Z| UTC)$", "+00:00")
        .str.replace(r"^(\d{4}-\d\d-\d\d) ", "${1}T")
    )
    zoned = [
        plain.str.to_datetime(f"{clock}%z", strict=False, time_unit="us")
        for clock in (CLOCKS[0], CLOCKS[1], CLOCKS[4])
    ]
    local = [
        plain.str.to_datetime(clock, strict=False, time_unit="us").dt.replace_time_zone("UTC")
        for clock in CLOCKS
    ]
    return text.to_frame("t").select(pl.coalesce([*zoned, *local]).cast(INSTANT)).to_series()


def _credits(column: pl.Series) -> pl.Series:
    """Read a line's credits: an array of structs, or its JSON."""
    raw = pl.List(pl.Struct({"amount": pl.String(), "type": pl.String()}))
    lists = column if isinstance(column.dtype, pl.List) else _text(column).str.json_decode(raw)
    entry = pl.element().struct
    read = pl.struct(
        entry.field("amount").cast(pl.String).cast(pl.Decimal(38, 12), strict=False),
        entry.field("type").cast(pl.String),
    )
    given = lists.to_frame("credits").select(pl.col("credits").list.eval(read).cast(CREDITS))
    return given.to_series().alias(column.name)


def _tags(column: pl.Series) -> pl.Series:
    if isinstance(column.dtype, (pl.Map, pl.List)):
        return column.cast(TAGS).list.sort()
    if isinstance(column.dtype, pl.Struct):
        column = column.struct.json_encode().set(column.is_null(), None)
    text = _text(column).rename("text").to_frame()
    distinct = text.to_series().unique().drop_nulls()
    parsed = [_entries(value) for value in distinct.to_list()]
    table = pl.DataFrame({"text": distinct, "tags": pl.Series(parsed, dtype=TAGS)})
    joined = text.join(table, on="text", how="left", validate="m:1", maintain_order="left")
    return joined["tags"].alias(column.name)


def _entries(text: str) -> list[dict[str, str]] | None:
    """Read tags: a JSON object, one without its braces, or an array of key/value objects."""
    for candidate in (text, f"{{{text}}}"):
        try:
            found = json.loads(candidate, object_pairs_hook=tuple, parse_float=str, parse_int=str)
        except ValueError:
            continue
        pairs = _pairs(found)
        if pairs is not None:
            entries = ({"key": key, "value": _plain(value)} for key, value in pairs)
            return sorted(entries, key=lambda entry: (entry["key"], entry["value"]))
    return None


def _pairs(found: object) -> list[tuple[str, object]] | None:
    if isinstance(found, tuple):
        return list(found)
    if isinstance(found, list) and all(isinstance(item, tuple) for item in found):
        entries = [dict(item) for item in found]
        if all("key" in entry for entry in entries):
            return [(str(entry["key"]), entry.get("value")) for entry in entries]
    return None


def _plain(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, separators=(",", ":"))


def _json_of_entries(entries: pl.Series) -> pl.Series:
    part = pl.element().struct
    quoted = [
        pl.concat_str(
            pl.lit('"'),
            part.field(name)
            .fill_null("")
            .str.replace_all("\\", "\\\\", literal=True)
            .str.replace_all('"', '\\"', literal=True),
            pl.lit('"'),
        )
        for name in ("key", "value")
    ]
    text = pl.col("e").list.eval(pl.concat_str(quoted, separator=":")).list.join(",")
    whole = pl.concat_str(pl.lit("{"), text, pl.lit("}"))
    return entries.to_frame("e").select(whole).to_series().alias(entries.name)
