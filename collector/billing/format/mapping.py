"""What a mapping of a native format to the normal form consists of: data, read from `mappings/`.

Takes    a TOML file: native columns and their types, names worked out once, lines with reasons
Gives    per column of the normal form one expression
Refuses  a mapping that names a column the normal form does not have (KeyError: a bug of ours)

Values are SQL expressions as polars reads them; what SQL cannot say has a word of its own:
`lookup` (a table of the file), `tag` (the first of some tag keys), `credits` (a sum over a line's
credits), `month` and `month_after` (YYYYMM), `month_of`, `month_after_of` and `day_after` (times).
"""

import re
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl

from warehouse.table import INSTANT, USD
from warehouse.tables.focus import COST_LINE_COLUMNS, TAGS, UNIT_PRICE

MONEY: Final = USD
TEXT: Final = pl.String()
CREDITS: Final = pl.List(pl.Struct({"amount": MONEY, "type": TEXT}))
FOLDER: Final = Path(__file__).parents[1] / "mappings"
TYPES: Final[Mapping[str, pl.DataType]] = {
    "text": TEXT,
    "money": MONEY,
    "price": UNIT_PRICE,
    "time": INSTANT,
    "tags": TAGS,
    "credits": CREDITS,
}
OWN: Final = frozenset(
    {
        *("x_line_hash", "x_source", "x_source_format", "x_source_version"),
        *("x_delivery_id", "x_file", "x_row_number"),
    }
)
"""Columns that say where a line came from; the loader fills them, no mapping does."""

NORMAL: Final[Mapping[str, pl.DataType]] = {
    column.name: column.dtype for column in COST_LINE_COLUMNS
}


@dataclass(frozen=True)
class Rule:
    """One line of a mapping: a column of the normal form, where it comes from, and why so."""

    column: str
    value: str
    reason: str

    @property
    def expression(self) -> pl.Expr:
        """Give the value as an expression."""
        return sql(self.value)


@dataclass(frozen=True)
class Split:
    """Where a format says how a parent's cost divides among others."""

    parent: str
    resource: str
    start: str
    cost: str
    parent_cost: str
    is_parent: str
    is_covered: str


@dataclass(frozen=True)
class Format:
    """A format of bills.

    `natives` gives the type of each native column that the rules read, `required` those without
    which no line can be made, `gathered` prefixes whose columns are the entries of one map column,
    `unpacked` columns that may stand as a key of a map column, `kept` natives that also go to
    `x_extra`, `native_total` the sum that `billed_cost` must reach, `halves` which rows are taken
    of each of two exports that together are one bill, by a word in the file's name.
    """

    name: str
    title: str
    natives: Mapping[str, pl.DataType]
    required: tuple[str, ...]
    names: tuple[Mapping[str, Any], ...]
    rules: tuple[Rule, ...]
    version: Callable[[Collection[str]], str]
    spellings: Mapping[str, str]
    native_total: str
    tables: Mapping[str, Mapping[str, str]]
    type_column: str = ""
    known_types: frozenset[str] = frozenset()
    gathered: Mapping[str, str] = field(default_factory=dict)
    unpacked: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()
    split: Split | None = None
    halves: Mapping[str, str] = field(default_factory=dict)

    def canonical(self, name: str) -> str:
        """Give the native column that a file's column is, or its own name."""
        return name if name.startswith("x_") else self.spellings.get(folded(name), name)

    def named(self, typed: pl.DataFrame) -> pl.DataFrame:
        """Work out the mapping's names, each once, in order."""
        for entry in self.names:
            typed = typed.with_columns(_value(entry, self.tables, typed).alias(entry["name"]))
        return typed


def sql(text: str) -> pl.Expr:
    """Give an expression; a bare name is a column even where SQL has another use for the word."""
    return pl.col(text) if text.isidentifier() else pl.sql_expr(text)


def folded(name: str) -> str:
    """Fold a column's name: `lineItem/UsageType` and `line_item_usage_type` are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def document(file: str) -> dict[str, Any]:
    """Read a mapping as it is written."""
    return tomllib.loads((FOLDER / f"{file}.toml").read_text(encoding="utf-8"))


def read_format(  # noqa: PLR0913 - FOCUS brings its columns from their declaration
    name: str,
    file: str,
    version: Callable[[Collection[str]], str],
    *,
    natives: Mapping[str, pl.DataType] | None = None,
    required: Sequence[str] = (),
    same: Mapping[str, str] | None = None,
) -> Format:
    """Make a format of a mapping file; `same` are columns that are taken as they are."""
    text = document(file)
    types = natives or {
        column: TYPES[kind] for kind, columns in text["columns"].items() for column in columns
    }
    spellings = {folded(column): column for column in types}
    for column, others in text.get("aliases", {}).items():
        spellings |= {folded(other): column for other in others}
    rules = [Rule(line["column"], line["value"], line["reason"]) for line in text["line"]]
    written = {rule.column for rule in rules}
    rules += [
        Rule(column, f'"{native}"', "the same column")
        for native, column in (same or {}).items()
        if column not in written
    ]
    if unknown := {rule.column for rule in rules} - NORMAL.keys():
        raise KeyError(f"{file}.toml: no such columns: {sorted(unknown)}")
    tables = text.get("table", {})
    return Format(
        name=name,
        title=text["title"],
        natives=types,
        required=tuple(text.get("required", required)),
        names=tuple(text.get("name", ())),
        rules=tuple(rules),
        version=version,
        spellings=spellings,
        native_total=text["native_total"],
        tables=tables,
        type_column=text.get("type_column", ""),
        known_types=frozenset(tables.get(text.get("type_table", ""), ())),
        gathered=text.get("gathered", {}),
        unpacked={
            column: (keys[0], tuple(keys[1:])) for column, keys in text.get("unpacked", {}).items()
        },
        kept=frozenset(text.get("kept", ())),
        halves=text.get("halves", {}),
        split=Split(**text["split"]) if "split" in text else None,
    )


def _value(
    entry: Mapping[str, Any], tables: Mapping[str, Mapping[str, str]], typed: pl.DataFrame
) -> pl.Expr:
    """Give what a name stands for."""
    if "value" in entry:
        found = sql(entry["value"])
        return found.cast(TYPES[entry["as"]]) if "as" in entry else found
    if "lookup" in entry:
        return pl.col(entry["of"]).replace_strict(
            tables[entry["lookup"]], default=entry.get("default"), return_dtype=TEXT
        )
    if "tag" in entry:
        return tag_value(typed[entry["of"]], entry["tag"])
    if "credits" in entry:
        return _credits(entry["credits"], entry.get("types"))
    return _time(entry)


def _time(entry: Mapping[str, Any]) -> pl.Expr:
    if "day_after" in entry:
        return pl.col(entry["day_after"]).dt.offset_by("1d")
    if "month_of" in entry or "month_after_of" in entry:
        chosen = [entry.get("month_of", entry.get("month_after_of")), entry["or"]]
        first = pl.coalesce(chosen).dt.truncate("1mo")
        return first.dt.offset_by("1mo") if "month_after_of" in entry else first
    text = pl.col(entry.get("month", entry.get("month_after")))
    first = (text + "01").str.to_datetime("%Y%m%d", strict=False, time_unit="us", time_zone="UTC")
    return first.dt.offset_by("1mo") if "month_after" in entry else first


def _credits(column: str, kinds: Sequence[str] | None) -> pl.Expr:
    """Add up a line's credits, all or those of some types; none is zero."""
    entry = pl.element().struct
    amount = entry.field("amount")
    if kinds is not None:
        amount = pl.when(entry.field("type").is_in(list(kinds))).then(amount)
    total = pl.col(column).list.eval(amount).list.sum()
    return total.cast(MONEY).fill_null(pl.lit(0).cast(MONEY))


def tag_value(tags: pl.Series, keys: Collection[str]) -> pl.Expr:
    """Give the value of the first of each list's entries whose key is one of these."""
    # Most bills bear none of the keys: looking once is cheaper than looking into each list.
    met = set(tags.explode().struct.field("key").unique()) & set(keys)
    if not met:
        return pl.lit(None, TEXT)
    entry = pl.element().struct
    found = pl.when(entry.field("key").is_in(sorted(met))).then(entry.field("value"))
    return pl.col(tags.name).list.eval(found).list.drop_nulls().list.first()
