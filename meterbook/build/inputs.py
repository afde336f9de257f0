"""What a build is made from: the lake, the bills in force and the inventory.

Takes    the home, the settings of the inventory and of the uses of metrics
Gives    raw frames of a day, and for each day what its steps are made from
Refuses  inventories that are wrong (ConfigError with every finding)
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final

import polars as pl

from collector.billing.delivery import catalog
from meterbook.base.files import matching, within
from meterbook.base.home import Home
from meterbook.base.settings import CardinalitySettings, InventorySettings
from meterbook.build.plan import Marks, marks
from transforms import day_steps
from transforms.cardinality import metric_use
from transforms.coverage.inventory_files import InventoryFile, read_inventory
from transforms.partition import Terms, on
from warehouse.store.lake import Lake
from warehouse.tables import raw

ONE_DAY: Final = timedelta(days=1)
RAW_FRAMES: Final = tuple(
    sorted({name for step in day_steps.DAY for name in step.reads if name.startswith("raw_")})
)
"""What day steps read of the lake and the bills."""


def read_catalogue(settings: InventorySettings, base: Path) -> pl.LazyFrame:
    """Read the inventory files, `*` and `**` allowed: CSV, YAML, Backstage. Errors: ConfigError."""
    kinds = [pair.split("=")[0] for pair in settings.expected_signals]
    files = [
        InventoryFile(
            within(path, base),
            pattern,
            path.read_text(encoding="utf-8"),
        )
        for pattern in settings.files
        for path in matching(base, "inventory.files", (pattern,))
    ]
    return read_inventory(files, kinds)


def catalogue_ages(settings: InventorySettings, base: Path) -> pl.LazyFrame:
    """Tell when each inventory source was last changed: the newest of its files."""
    rows = [
        (
            f"catalogue:{pattern}",
            max(
                datetime.fromtimestamp(path.stat().st_mtime, UTC)
                for path in matching(base, "inventory.files", (pattern,))
            ),
        )
        for pattern in settings.files
    ]
    schema = {"source": pl.String(), "updated_at": pl.Datetime("us", "UTC")}
    return pl.LazyFrame(rows, schema=schema, orient="row")


def read_uses(settings: CardinalitySettings, base: Path) -> pl.LazyFrame:
    """Read the dashboards and rules that use metrics. Errors: ConfigError, BadInputError."""
    rows: list[metric_use.Row] = []
    for key, patterns, read in (
        ("dashboards", settings.dashboards, metric_use.read_dashboard),
        ("rules", settings.rules, metric_use.read_rules),
    ):
        for path in matching(base, f"cardinality.{key}", patterns):
            rows += read(path.read_text(encoding="utf-8"), path.name)
    return metric_use.uses(rows)


class Inputs:
    """Everything raw that days are made from."""

    def __init__(self, home: Home) -> None:
        """Look at the lake and the bills as they are now."""
        self.lake = Lake(home.lake)
        self.lines = catalog.scan_cost_lines(home)
        self._once = lru_cache(2)(lambda day: self.lake.series_once([day]))

    def of_day(self, day: date) -> Mapping[str, pl.LazyFrame]:
        """Give the raw frames of a day; `_around` are those of the days beside it too."""
        before, after = day - ONE_DAY, day + ONE_DAY
        around = [before, day, after]
        return {
            "raw_series_day": self.lake.series_of_day(day, once=self._once(day)),
            "raw_series_once": self._once(day),
            "raw_series_once_before": self._once(before),
            "raw_point_around": self.lake.scan(raw.POINT, around),
            "raw_histogram": self.lake.scan(raw.HISTOGRAM, [day]),
            "raw_signal": self.lake.scan(raw.SIGNAL, [day]),
            "raw_span": self.lake.scan(raw.SPAN, [day]),
            "raw_span_around": self.lake.scan(raw.SPAN, around),
            "raw_cost_line": self.lines.filter(_touches(day)),
        }

    def marks(self, terms: Terms) -> dict[date, Marks]:
        """Give for each day there is anything of: what each of its steps is made from."""
        lines = _line_digests(self.lines)
        lake = {day: self.lake.digest(day) for day in self.lake.days()}

        def of_day(day: date) -> Marks:
            before, own, after = (lake.get(day + ONE_DAY * step, "") for step in (-1, 0, 1))
            around = f"{before},{own},{after}"
            frames = {name: around if name.endswith("_around") else own for name in RAW_FRAMES}
            frames |= {name: before for name in frames if name.endswith("_before")}
            frames["raw_cost_line"] = lines.get(day, "")
            return marks(frames, on(terms, day))

        return {day: of_day(day) for day in sorted({*lines, *lake})}


def _touches(day: date) -> pl.Expr:
    start = datetime.combine(day, time(), UTC)
    begins, ends = pl.col("charge_period_start"), pl.col("charge_period_end")
    return (begins < start + ONE_DAY) & ((ends > start) | (begins >= start))


def _line_digests(lines: pl.LazyFrame) -> dict[date, str]:
    """Digest the lines that touch each day: sums of line hashes, so order does not matter."""
    first = pl.col("charge_period_start").dt.date()
    last = (pl.col("charge_period_end") - timedelta(microseconds=1)).dt.date()
    half = pl.col("x_line_hash").str.slice(0, 15).str.to_integer(base=16, dtype=pl.Int64)
    frame = (
        lines.select(
            day=pl.date_ranges(first, pl.max_horizontal(first, last)), name=half.cast(pl.Int128)
        )
        .explode("day")
        .group_by("day")
        .agg(pl.col("name").sum().cast(pl.String), pl.len().cast(pl.String).alias("rows"))
        .collect()
    )
    return dict(zip(frame["day"], frame["name"] + ":" + frame["rows"], strict=True))
