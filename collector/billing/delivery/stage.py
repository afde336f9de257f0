"""A delivery, read and normalised into parts beside the lake; nothing is in force yet.

Takes    a delivery and its source
Gives    Parquet parts by billing period, sums, and the rows that could not be read
Holds    memory is that of a batch; every row is in a part or in the list of bad cells
Refuses  a whole delivery: unknown formats, files that break off, missing columns (DeliveryError)
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final

import polars as pl
import xxhash

from collector.billing.delivery.delivery import Delivery
from collector.billing.delivery.duplicates import Duplicates
from collector.billing.delivery.source import Source
from collector.billing.format.layout import Layout, read_layout
from collector.billing.format.normalise import BAD_CELL, Batch, Origin, normalise, read
from collector.billing.format.read import batches
from collector.billing.format.split import Shares, facts, shares
from meterbook.base.errors import DeliveryError

LISTED: Final = 1000
ZERO: Final = Decimal(0)
PERIOD: Final = "_period"


@dataclass
class Period:
    """What a delivery brings for one billing period."""

    accounts: set[str] = field(default_factory=set)
    currencies: set[str] = field(default_factory=set)
    row_count: int = 0
    effective_cost: Decimal = ZERO
    billed_cost: Decimal = ZERO


@dataclass
class Staged:
    """A delivery in parts: `folder/<period>/part-NNNN.parquet`."""

    folder: Path
    name_of: Callable[[str], str]
    format: str = ""
    periods: dict[str, Period] = field(default_factory=dict)
    bad: list[pl.DataFrame] = field(default_factory=list)
    bad_count: int = 0
    rejected_count: int = 0
    read_count: int = 0
    """Rows of the files, whatever became of them."""
    rounded_count: int = 0
    native_total: Decimal = ZERO
    unknown_types: Counter[str] = field(default_factory=Counter)
    _duplicates: Duplicates = field(default_factory=Duplicates)
    _parts: Counter[str] = field(default_factory=Counter)

    @property
    def billed_total(self) -> Decimal:
        """Give the billed cost of all periods."""
        return sum((period.billed_cost for period in self.periods.values()), ZERO)

    def add(self, batch: Batch, file: str) -> None:
        """Take a batch: write its lines by period, keep its bad cells up to a number."""
        self.rejected_count += batch.rejected_count
        self.rounded_count += batch.rounded_count
        self.native_total += Decimal(batch.native_total.sum() or 0)
        self.unknown_types.update(batch.unknown_types)
        room = LISTED - sum(frame.height for frame in self.bad)
        self.bad_count += batch.bad.height
        if batch.bad.height and room > 0:
            self.bad.append(batch.bad.head(room).with_columns(pl.lit(file).alias("file")))
        lines = self._numbered(batch.lines)
        for period, part in _by_period(lines):
            self._write(period, part)

    def _numbered(self, lines: pl.DataFrame) -> pl.DataFrame:
        """Name equal lines apart: each bears its content and how many equal ones came before."""
        hexes = pl.col("x_line_hash").str.slice(0, 16)
        key = lines.select(hexes.str.to_integer(base=16, dtype=pl.UInt64)).to_series()
        nth = self._duplicates.earlier(key)
        if nth is None:
            return lines
        names = [
            xxhash.xxh3_128_hexdigest(f"{name}#{n}".encode()) if n else name
            for name, n in zip(lines["x_line_hash"].to_list(), nth.to_list(), strict=True)
        ]
        return lines.with_columns(pl.Series("x_line_hash", names))

    def _write(self, name: str, part: pl.DataFrame) -> None:
        period = self.periods.setdefault(name, Period())
        period.accounts.update(part["billing_account_id"].unique())
        period.currencies.update(part["billing_currency"].unique())
        period.row_count += part.height
        period.effective_cost += Decimal(part["effective_cost"].sum())
        period.billed_cost += Decimal(part["billed_cost"].sum())
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        self._parts[name] += 1
        named = part.with_columns(pl.lit(self.name_of(name)).alias("x_delivery_id"))
        named.write_parquet(folder / f"part-{self._parts[name]:04d}.parquet", compression="zstd")

    def bad_cells(self) -> pl.DataFrame:
        """Give the bad cells that were kept, with their file."""
        schema = pl.Schema({**BAD_CELL, "file": pl.String()})
        return pl.concat(self.bad) if self.bad else pl.DataFrame(schema=schema)


def _by_period(lines: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Give lines by billing period; most batches have one, and are not copied."""
    start = lines["billing_period_start"]
    if not lines.is_empty() and start.null_count() == 0 and start.min() == start.max():
        yield f"{lines.item(0, 'billing_period_start'):%Y-%m}", lines
        return
    named = lines.with_columns(start.dt.strftime("%Y-%m").alias(PERIOD))
    for (period,), part in named.partition_by(PERIOD, as_dict=True, include_key=False).items():
        yield str(period), part


def slug(text: str) -> str:
    """Give a text as it may stand in a folder's name."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", text).strip("_.") or "none"


def stage(
    source: Source,
    delivery: Delivery,
    folder: Path,
    name_of: Callable[[str], str],
    say: Callable[[str], None],
) -> Staged:
    """Read and normalise a delivery; `name_of` gives the delivery id of a period.

    Errors: DeliveryError for what concerns it as a whole.
    """
    staged = Staged(folder, name_of)
    name = source.place.name
    known = _shares(source, delivery)
    for number, file in enumerate(delivery.files, start=1):
        path = source.fetch(file.name)
        layout = read_layout(path, file.name)
        _refuse_mixture(staged, layout, file.name)
        _refuse_missing(layout, file.name)
        half = _half(layout, file.name, delivery)
        origin = Origin(name, slug(name), file.name, layout, known, half)
        for batch in batches(path, file.name, layout):
            staged.read_count += batch.height
            staged.add(normalise(batch, origin), file.name)
        rows = sum(period.row_count for period in staged.periods.values())
        say(f"{name}: {file.name} ({number} of {len(delivery.files)}), {rows:,} lines so far")
    return staged


def _half(layout: Layout, file: str, delivery: Delivery) -> str:
    """Tell which half of a bill a file is, where the delivery has both halves."""
    words = layout.format.halves
    reported = dict(delivery.halves)
    found = {
        word: [
            other.name
            for other in delivery.files
            if (
                reported[other.name] == word
                if other.name in reported
                else word in other.name.lower()
            )
        ]
        for word in words
    }
    if not words or not all(found.values()):
        return ""
    return next((word for word in words if file in found[word]), "")


def _shares(source: Source, delivery: Delivery) -> Shares | None:
    """Look first for rows that divide others' cost: a part may stand before its whole."""
    found: list[tuple[str, pl.DataFrame]] = []
    for file in delivery.files:
        path = source.fetch(file.name)
        layout = read_layout(path, file.name)
        split = layout.format.split
        if split is None or split.parent not in {layout.format.canonical(n) for n in layout.names}:
            return None
        for batch in batches(path, file.name, layout):
            full, _, _ = read(batch, layout.format)
            found.append((file.name, full.select(facts(split))))
    return shares(found)


def _refuse_mixture(staged: Staged, layout: Layout, file: str) -> None:
    if staged.format and staged.format != layout.format.name:
        raise DeliveryError(
            f"is {layout.format.name}, the files before it are {staged.format}", file=file
        )
    staged.format = layout.format.name


def _refuse_missing(layout: Layout, file: str) -> None:
    form = layout.format
    have = {form.canonical(name) for name in layout.names}
    if missing := [name for name in form.required if name not in have]:
        raise DeliveryError(f"required columns are missing: {', '.join(missing)}", file=file)
