"""A batch of native rows to bill lines, and the cells that could not be read.

Takes    rows as they were read, the format's mapping, where they come from
Gives    lines in the columns of raw_cost_line, a list of bad cells, and what was counted
Holds    a row is a line, or has a bad cell with its row number and column, or stands in the other
         export of the bill: none is dropped
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import polars as pl
import pyarrow as pa
import xxhash

from collector.billing.format.cells import WANTED, as_number, count_rounded, filled, parse
from collector.billing.format.gcp import flat
from collector.billing.format.layout import Layout
from collector.billing.format.mapping import MONEY, NORMAL, OWN, TEXT, Format, sql, tag_value
from collector.billing.format.split import GIVEN, IS_COVERED, TAKEN, Shares
from warehouse.tables.focus import TAGS
from warehouse.tables.raw import COST_LINE

ROW: Final = "x_row_number"
BAD_CELL: Final = pl.Schema(
    {"row_number": pl.Int64(), "column": pl.String(), "met": pl.String(), "reason": pl.String()}
)
MET_CHARACTERS: Final = 200
BETWEEN: Final = "\x1f"


@dataclass(frozen=True)
class Origin:
    """Where the rows of a batch come from."""

    source: str
    slug: str
    file: str
    layout: Layout
    shares: Shares | None = None
    half: str = ""


@dataclass(frozen=True)
class Batch:
    """What a batch of rows became. `native_total` counts the lines only, as `lines` does."""

    lines: pl.DataFrame
    bad: pl.DataFrame
    rejected_count: int
    rounded_count: int
    native_total: pl.Series
    unknown_types: frozenset[str]


def normalise(raw: pl.DataFrame, origin: Origin) -> Batch:
    """Turn rows into bill lines; rows with a bad cell are left out and their cells listed."""
    form = origin.layout.format
    full, bad, rounded = read(raw, form)
    read_count = full.height
    if origin.half:
        full = full.filter(sql(form.halves[origin.half]))
    full = _with_shares(full, origin)
    lines = _apply(full, form, origin)
    kinds = (
        frozenset(full[form.type_column].drop_nulls().unique()) if form.known_types else frozenset()
    )
    return Batch(
        lines=COST_LINE.check(lines.with_columns(x_line_hash=digest(lines, origin.slug))),
        bad=bad,
        rejected_count=raw.height - read_count,
        rounded_count=rounded,
        native_total=full.select(sql(form.native_total).cast(MONEY)).to_series(),
        unknown_types=kinds - form.known_types,
    )


def read(raw: pl.DataFrame, form: Format) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Give native rows typed and with the mapping's names, their bad cells, what was rounded."""
    raw = flat(raw)
    named = raw.rename({name: form.canonical(name) for name in raw.columns if name != ROW})
    written = {form.canonical(name): name for name in raw.columns}
    typed, bad, rounded = _typed(named, form, written)
    full = typed.with_columns(_extra(named, form))
    if bad.height:
        full = full.filter(~pl.col(ROW).is_in(bad["row_number"].unique().to_list()))
    return form.named(full), bad, rounded


def _with_shares(full: pl.DataFrame, origin: Origin) -> pl.DataFrame:
    """Say what a row gives to the rows split from it, and what such a row takes."""
    if origin.layout.format.split is None:
        return full
    if origin.shares is None:
        none = pl.lit(0).cast(MONEY)
        return full.with_columns(
            none.alias(GIVEN), none.alias(TAKEN), pl.lit(value=False).alias(IS_COVERED)
        )
    return origin.shares.join(full, origin.file, ROW)


def _typed(
    named: pl.DataFrame, form: Format, written: dict[str, str]
) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Parse every native column that the rules read; absent ones are null."""
    columns: list[pl.Series | pl.Expr] = []
    bad: list[pl.DataFrame] = []
    rounded = 0
    for name, want in form.natives.items():
        if name not in named.columns:
            columns.append(_absent(named, form, name, want))
            continue
        read = named[name]
        if isinstance(want, pl.Decimal):
            text = as_number(read)
            rounded += count_rounded(text, want.scale)
            column = text.cast(want, strict=False)
        else:
            column = parse(read, want)
        if column.null_count() and (
            column.null_count() > read.null_count() or name in form.required
        ):
            bad.append(
                _bad_cells(
                    named[ROW], read, column, written[name], is_required=name in form.required
                )
            )
        columns.append(column)
    cells = [frame for frame in bad if frame.height]
    return (
        named.select(*columns, pl.col(ROW).cast(pl.Int64)),
        pl.concat(cells) if cells else pl.DataFrame(schema=BAD_CELL),
        rounded,
    )


def _absent(named: pl.DataFrame, form: Format, name: str, want: pl.DataType) -> pl.Series | pl.Expr:
    """Give a native column that the file does not have: from a map column, gathered, or null."""
    gathered = {prefix for prefix, into in (form.gathered or {}).items() if into == name}
    for prefix in gathered:
        found = [column for column in named.columns if column.startswith(prefix)]
        if found:
            return _entries(named, {column.removeprefix(prefix): column for column in found}, name)
    into, keys = (form.unpacked or {}).get(name, ("", ()))
    if into in named.columns:
        tags = parse(named[into], TAGS)
        return tags.to_frame().with_columns(tag_value(tags, keys).alias(name))[name]
    return pl.lit(None, want).alias(name)


def _bad_cells(
    row: pl.Series, read: pl.Series, column: pl.Series, written: str, *, is_required: bool
) -> pl.DataFrame:
    text = filled(read)
    is_bad = column.is_null() if is_required else column.is_null() & text.is_not_null()
    wanted = WANTED[type(column.dtype)]
    met = text.filter(is_bad).str.slice(0, MET_CHARACTERS)
    return pl.DataFrame(
        {
            "row_number": row.filter(is_bad).cast(pl.Int64),
            "column": pl.Series([written]).new_from_index(0, len(met)),
            "met": met.fill_null(""),
            "reason": met.is_null().replace_strict(
                {True: "no value, but a line needs one", False: wanted}, return_dtype=TEXT
            ),
        },
        schema=BAD_CELL,
    )


def _extra(named: pl.DataFrame, form: Format) -> pl.Series:
    """Gather the columns that the normal form does not have, where they hold something."""
    names = [name for name in named.columns if name != ROW and not _is_mapped(name, form)]
    return _entries(named, {name: name for name in names}, "x_extra")


def _is_mapped(name: str, form: Format) -> bool:
    """Tell whether the normal form already holds all that a native column says."""
    into_maps = {into for into, _ in (form.unpacked or {}).values()}
    return (name in form.natives and name not in form.kept) or (
        name not in into_maps and name.startswith(tuple(form.gathered or ()))
    )


def _entries(named: pl.DataFrame, columns: Mapping[str, str], name: str) -> pl.Series:
    """Gather columns to one list of key and value, sorted by key, without the empty ones."""
    values = {key: filled(named[columns[key]]) for key in sorted(columns)}
    some = {key: value for key, value in values.items() if value.null_count() < len(value)}
    if not some:
        return pl.Series(name, [[]], dtype=TAGS).new_from_index(0, named.height)
    # Flat first, lists by their offsets: a list of structs per row takes fifty times the CPU.
    frame = pl.DataFrame([value.alias(key) for key, value in some.items()])
    cell = pl.int_range(frame.height * len(some), eager=True)
    column, row = cell % len(some), cell // len(some)
    below = pl.concat([value.alias("value") for value in some.values()])
    flat = pl.DataFrame(
        {
            "value": below.gather(column * frame.height + row),
            "key": pl.Series(list(some)).gather(column),
        }
    ).filter(pl.col("value").is_not_null())
    lengths = frame.select(pl.sum_horizontal(pl.all().is_not_null().cast(pl.Int64))).to_series()
    offsets = pl.concat([pl.Series([0], dtype=pl.Int64), lengths.cum_sum()])
    entries = flat.select(pl.struct("key", "value")).to_series().to_arrow()
    lists = pa.LargeListArray.from_arrays(offsets.to_arrow(), entries)
    return pl.Series(name, pl.from_arrow(lists), dtype=TAGS)


def _apply(full: pl.DataFrame, form: Format, origin: Origin) -> pl.DataFrame:
    """Apply the mapping's rules; columns that no rule names are null."""
    facts = {
        "x_source": pl.lit(origin.source),
        "x_source_format": pl.lit(form.name),
        "x_source_version": pl.lit(form.version(origin.layout.names)),
        "x_delivery_id": pl.lit(""),
        "x_file": pl.lit(origin.file),
        ROW: pl.col(ROW),
        "x_extra": pl.col("x_extra"),
    }
    made = facts | {rule.column: rule.expression for rule in form.rules}
    empty = pl.lit([], dtype=TAGS)
    return full.select(
        (
            made.get(name, pl.lit(None)).cast(dtype).fill_null(empty)
            if name in {"tags", "x_extra"}
            else made.get(name, pl.lit(None)).cast(dtype)
        ).alias(name)
        for name, dtype in NORMAL.items()
        if name != "x_line_hash"
    )


def digest(lines: pl.DataFrame, slug: str) -> pl.Series:
    """Name each line by its content: 128 bits of xxh3 as 32 hex characters.

    Neither the file, the row nor the delivery take part, so the same line delivered again bears
    the same name. Every column has its place in the text, and null is nothing there, so a file
    that lacks a column gives the same name.
    """
    if lines.is_empty():
        return pl.Series("x_line_hash", [], dtype=pl.String)
    parts = [pl.lit(slug), *_texts(lines.select(name for name in lines.columns if name not in OWN))]
    text = lines.select(pl.concat_str(parts, separator=BETWEEN)).to_series()
    names = [xxhash.xxh3_128_hexdigest(value) for value in text.cast(pl.Binary).to_list()]
    return pl.Series("x_line_hash", names, dtype=pl.String)


def _texts(lines: pl.DataFrame) -> list[pl.Expr]:
    """Give the text of each column; columns of one value side by side are written once, as one."""
    fixed = {name for name in lines.columns if _is_fixed(lines[name])}
    first = lines.head(1)
    values = first.select(_text_of(first[name]) for name in lines.columns).row(0, named=True)
    parts: list[pl.Expr] = []
    for are_fixed, names in groupby(lines.columns, fixed.__contains__):
        if are_fixed:
            parts.append(pl.lit(BETWEEN.join(values[name] for name in names)))
        else:
            parts += [_text_of(lines[name]) for name in names]
    return parts


def _is_fixed(column: pl.Series) -> bool:
    """Tell whether a column has one value, or none at all."""
    if column.null_count():
        return column.null_count() == len(column)
    if isinstance(column.dtype, pl.List):
        return column.list.len().max() == 0
    return column[0] == column[-1] and bool((column == column[0]).all())


def _text_of(column: pl.Series) -> pl.Expr:
    value = pl.col(column.name)
    if column.dtype == TAGS:
        entry = pl.element().struct
        pair = pl.concat_str(entry.field("key"), entry.field("value"), separator="=")
        text = value.list.eval(pair).list.join("\x1e")
    elif isinstance(column.dtype, pl.Datetime):
        text = value.dt.epoch("us").cast(pl.String)
    else:
        text = value.cast(pl.String)
    return text.fill_null("") if column.null_count() else text
