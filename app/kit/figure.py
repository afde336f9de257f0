"""One figure: rows, how they are shown, and where they come from.

Takes    a reader of a snapshot, the reader's choices
Gives    a `Figure` that the page shows, the report prints, the CSV writes and the test reads
Holds    the SQL beside a figure, asked of its snapshot, gives the rows of the figure
"""

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final, Literal, get_args

import polars as pl

from app.kit.choices import choices
from app.kit.filters import Filters
from app.kit.reader import Answer, Reader

MAX_CHART_ROWS: Final = 5000
TOKEN_LETTERS: Final = 20

Words = Literal[
    "text", "prose", "entity", "state", "signals", "day", "instant", "tick", "code", "label"
]
Number = Literal[
    "money",
    "amount",
    "exact",
    "count",
    "growth",
    "ratio",
    "share",
    "points",
    "number",
    "price",
    "measured",
    "change",
    "seconds",
]
Kind = Words | Number
NUMBERS: Final = frozenset(get_args(Number))
FORECASTS: Final = frozenset({"mart_forecast", "mart_budget"})
COSTS: Final = frozenset(
    {
        "core_cost_ledger",
        "mart_cost_anomaly",
        "mart_cost_daily_hierarchy",
        "mart_cost_daily_namespace",
        "mart_cost_daily_service",
        "mart_cost_daily_team",
        "mart_reconciliation_daily",
        "mart_tag_quality_daily",
        "mart_unit_cost",
    }
)
"""Tables of cost by day: what is read of them is final, or has estimated days."""
LATEST: Final = frozenset(
    {"mart_rightsizing", "mart_service_cost", "mart_workload_daily", "mart_workload_efficiency"}
)
"""Tables of cost of the last days before the build, whatever the period."""
COUNTED: Final = "counted, not estimated"
Tone = Literal["good", "bad", "neutral"]
Chart = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """A column as people see it: its heading, and how its values are written."""

    name: str
    heading: str
    kind: Kind = "text"
    link: str = ""
    """Page and parameter that a value leads to: `team?team`; the parameter gets its text."""
    missing: str = ""
    """What is read where there is no value; empty: the words of its kind."""

    @property
    def is_number(self) -> bool:
        """Tell whether it stands to the right."""
        return self.kind in NUMBERS


@dataclass(frozen=True)
class Card:
    """The one number of a figure, as a card in the row at the top."""

    label: str
    value: str
    note: str = ""
    """Change or target, in words."""
    direction: Literal["up", "down", "off"] = "off"
    tone: Tone = "neutral"
    help: str = ""


@dataclass(frozen=True)
class Figure:
    """A figure with its provenance. `shown` are the columns of the table; empty: no table."""

    name: str
    title: str
    finding: str
    answer: Answer
    snapshot_id: str
    currency: str = ""
    chart: Chart | None = None
    alt: str = ""
    shown: tuple[Shown, ...] = ()
    total: tuple[Any, ...] = ()
    """A last row, by column of `shown`."""
    cards: tuple[Card, ...] = ()
    is_estimated: bool = False
    quality: str = ""
    """How final the figure is, in words."""
    note: str = ""
    empty: str = "Nothing to show for this choice."
    is_tall: bool = False
    """The table may be long: let it scroll on the page."""
    token: str = ""
    """Names it among the figures that are kept of its snapshot."""

    @property
    def data(self) -> pl.DataFrame:
        """Give the rows."""
        return self.answer.frame

    @property
    def rows(self) -> int:
        """Give the number of rows."""
        return self.answer.frame.height

    @property
    def has_table(self) -> bool:
        """Tell whether rows are shown as a table."""
        return bool(self.shown and self.rows)

    @property
    def sentence(self) -> str:
        """Give the sentence under the title: what was found, or that there is nothing."""
        return self.finding if self.chart is not None or self.has_table else self.empty

    @property
    def notes(self) -> str:
        """Give what stands below: what the chart shows, and what must be known."""
        notes = [f"{self.alt}."] if self.chart is not None else []
        notes += [self.note] if self.note and (notes or self.has_table) else []
        return " ".join(notes)

    @property
    def sql(self) -> str:
        """Give the question, ready to be asked again."""
        return self.answer.sql

    @property
    def tables(self) -> tuple[str, ...]:
        """Give the tables it was read from."""
        return self.answer.tables

    @property
    def provenance(self) -> str:
        """Give one line: tables, rows, snapshot, estimated or final."""
        rows = f"{self.rows:,} row{'' if self.rows == 1 else 's'}"
        return _line((", ".join(self.tables), rows, f"snapshot {self.snapshot_id}", self.quality))


def sources(made: Sequence[Figure]) -> str:
    """Give one line for several figures that stand together; of one, its provenance."""
    if len(made) == 1:
        return made[0].provenance
    tables = dict.fromkeys(name for one in made for name in one.tables)
    reported = {one.quality for one in made if one.quality}
    qualities = sorted(reported - {COUNTED}) or sorted(reported)
    return _line((", ".join(tables), f"snapshot {made[0].snapshot_id}", "; ".join(qualities)))


def _line(parts: tuple[str, ...]) -> str:
    return " · ".join(part for part in parts if part)


Make = Callable[..., Figure]


def figure(make: Make, reader: Reader, filters: Filters, *choices: str) -> Figure:
    """Give a figure for these choices; made once per snapshot."""
    key = (make.__module__, make.__qualname__, filters, choices)
    token = hashlib.sha256(repr(key).encode()).hexdigest()[:TOKEN_LETTERS]
    return reader.kept(token, lambda: replace(make(reader, filters, *choices), token=token))


def found(reader: Reader, token: str) -> Figure | None:
    """Give a figure that is kept under this name, if one is."""
    made = reader.held(token)
    return made if isinstance(made, Figure) else None


def chart_rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Give rows for a chart: money becomes a float here, and nowhere before.

    Errors: ValueError above 5,000 rows, as such a chart must be summed in SQL.
    """
    if frame.height > MAX_CHART_ROWS:
        raise ValueError(f"{frame.height} rows in a chart; at most {MAX_CHART_ROWS}")
    ready = frame.with_columns(
        pl.col(pl.Decimal).cast(pl.Float64), pl.col(pl.Date).dt.to_string("%Y-%m-%d")
    )
    return ready.to_dicts()


def csv(made: Figure) -> bytes:
    """Write the rows as CSV; text that a spreadsheet would take for a formula is quoted."""
    lists = [name for name, kind in made.data.schema.items() if isinstance(kind, pl.List)]
    frame = made.data.drop(lists).with_columns(
        pl.when(pl.col(pl.String).str.contains(r"^[=+\-@\t\r]"))
        .then(pl.lit("'") + pl.col(pl.String))
        .otherwise(pl.col(pl.String))
        .name.keep()
    )
    buffer = io.BytesIO()
    frame.write_csv(buffer)
    return buffer.getvalue()


def build(  # noqa: PLR0913 - the named parts of a figure
    reader: Reader,
    filters: Filters,
    answer: Answer,
    *,
    name: str,
    title: str,
    finding: str,
    **parts: Any,
) -> Figure:
    """Give a figure of this snapshot; it is estimated when a row says so."""
    marks = answer.frame["is_estimated"] if "is_estimated" in answer.frame.columns else None
    tables = frozenset(answer.tables)
    is_estimated = bool(marks.any()) if marks is not None else _reaches(tables, reader, filters)
    return Figure(
        name=name,
        title=title,
        finding=finding,
        answer=answer,
        snapshot_id=reader.snapshot.id,
        currency=filters.currency,
        is_estimated=is_estimated,
        quality=_quality(tables, is_estimated=is_estimated),
        **parts,
    )


def build_listed(
    reader: Reader,
    filters: Filters,
    answer: Answer,
    find: Callable[[pl.DataFrame], str],
    *,
    empty: str,
    **parts: Any,
) -> Figure:
    """Give a figure whose finding is what `find` says of its rows, or `empty` without any."""
    finding = find(answer.frame) if answer.frame.height else empty
    return build(reader, filters, answer, finding=finding, empty=empty, **parts)


def _reaches(tables: frozenset[str], reader: Reader, filters: Filters) -> bool:
    """Tell whether cost that is read of these tables reaches into days that are estimated."""
    since = choices(reader).estimated_from
    if since is None:
        return False
    return not LATEST.isdisjoint(tables) or (not COSTS.isdisjoint(tables) and since <= filters.end)


def _quality(tables: frozenset[str], *, is_estimated: bool) -> str:
    if not FORECASTS.isdisjoint(tables):
        return "forecast"
    if (COSTS | LATEST).isdisjoint(tables):
        return COUNTED
    return "contains estimated days" if is_estimated else "final"


def total(frame: pl.DataFrame, column: str) -> Decimal:
    """Add up a column of money; no rows are zero."""
    return Decimal(frame[column].sum() or 0)


def known_total(frame: pl.DataFrame, column: str) -> Decimal | None:
    """Add up a column of money; None where an amount of it is not known."""
    return None if frame[column].null_count() else total(frame, column)
