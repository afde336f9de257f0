"""All drop-label what-ifs at once, two days of churn, growth, and the way from raw series.

300 metrics of unequal size with eight labels each out of forty, so that label sets differ from
metric to metric; slot i of one metric is another label than slot i of the next. The series are
written to Parquet first, by a process of its own, so that a peak is that of the work.

What is timed, each in a fresh process:
  what-if     series, values and series left, of every metric and label, from the wide layout in
              memory: series and the dictionary of values (read before the clock starts; its memory
              counts in the peak)
  DuckDB      the same answers by count(distinct) from a table in memory, loaded before the clock
  churn       series that came and went between two days, per metric, and the label that explains
              the growth: two what-ifs and a count of what either day has, read from Parquet metrics
              by metrics (the clock runs over the reading too)
  raw series  reading raw_series (typed key/value lists) from Parquet, the dictionary of distinct
              values hashed once, gathered into slots, and all what-ifs: the whole way of a build
  one metric  with `--large` only: a metric alone of 20 million series, from the layout in memory
"""

import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import duckdb
import polars as pl
from peak import Measured, measured, table

from transforms.cardinality.cardinality import what_if
from transforms.cardinality.churn import churned
from transforms.cardinality.fingerprint import Wide, wide

METRICS: Final = 300
LABELS: Final = 8
NAMES: Final = 40
WAYS: Final = (3, 7, 19, 41, 11, 5, 23, 2)
PAIR: Final = pl.Struct({"key": pl.String(), "type": pl.String(), "value": pl.String()})
RAW_LIMIT: Final = 1_000_000
PARTS: Final = 8


def write(path: str, rows: int, shift: int) -> int:
    """Write a day: metric, eight values as numbers, their hashes and the fingerprint, by metric."""
    n = pl.int_range(shift, rows + shift, dtype=pl.Int64)
    metric = ((n * 2654435761) % 1_000_003 / 1_000_003) ** 2 * METRICS
    frame = pl.select(
        metric.cast(pl.UInt32).alias("metric_id"),
        *(
            ((n * (7919 + 2 * k)) // (k + 1) % (way * (1 + n % 17))).cast(pl.UInt32).alias(f"v{k}")
            for k, way in enumerate(WAYS)
        ),
    ).unique()
    hashed = frame.with_columns(
        pl.struct(_name_of(k), f"v{k}").hash(7).alias(f"h{k}") for k in range(LABELS)
    )
    total = pl.sum_horizontal(pl.col("metric_id").hash(99), *(f"h{k}" for k in range(LABELS)))
    hashed.with_columns(fp=total).sort("metric_id").write_parquet(path)
    dictionary(hashed).write_parquet(_words(path))
    return hashed.height


def dictionary(series: pl.DataFrame) -> pl.DataFrame:
    """Give each distinct value of a metric's label once, as the layout has it beside the series."""
    found = (
        series.lazy()
        .group_by("metric_id", pl.format("label_{}", _name_of(k)).alias("label"), hash=f"h{k}")
        .agg(pl.col(f"v{k}").first().cast(pl.String).alias("value"), series_count=pl.len())
        for k in range(LABELS)
    )
    words = pl.concat(found).with_columns(level=pl.lit("point"), type=pl.lit("string"))
    return words.sort("metric_id").collect()


def _words(path: str) -> str:
    return path.replace(".parquet", ".values.parquet")


def _name_of(slot: int) -> pl.Expr:
    """Give the number of the label that a slot of a metric is."""
    return ((pl.col("metric_id") * 7 + slot * 5) % NAMES).alias("label")


def laid_out(path: str, first: int = 0, end: int = METRICS) -> Wide:
    """Read the wide layout of some metrics."""
    wanted = ["metric_id", "fp", *(f"h{k}" for k in range(LABELS))]
    chosen = pl.col("metric_id").is_between(first, end, closed="left")
    rows = pl.scan_parquet(path).select(wanted).filter(chosen).collect()
    values = pl.scan_parquet(_words(path)).filter(chosen).collect()
    metrics = rows.select("metric_id").unique().sort("metric_id")
    metrics = metrics.with_columns(metric=pl.format("metric_{}", "metric_id"))
    slots = pl.concat(
        metrics.select(
            "metric_id",
            "metric",
            pl.lit(k, pl.Int64).alias("slot"),
            pl.lit("point").alias("level"),
            pl.format("label_{}", _name_of(k)).alias("label"),
        )
        for k in range(LABELS)
    )
    return Wide(rows, slots, values, metrics)


def ours(series: Wide) -> list[int]:
    """Answer every what-if; give sums to compare."""
    found = what_if(series)
    return [int(found["left"].sum()), int(found["distinct"].sum())]


def churned_days(paths: tuple[str, str]) -> list[int]:
    """Count what came and went, and explain the growth, some metrics after the other."""
    ends = [METRICS * part**2 // PARTS**2 for part in range(PARTS + 1)]  # about equally many series
    found = [_churned_part(*paths, first, end) for first, end in pairwise(ends)]
    return [sum(part) for part in zip(*found, strict=True)]


def _churned_part(before: str, today: str, first: int, end: int) -> list[int]:
    then, now = laid_out(before, first, end), laid_out(today, first, end)
    counts = churned(now, then)
    key = ["metric", "level", "label"]
    both = what_if(now).join(what_if(then), on=key, how="left", suffix="_1", validate="1:1")
    grown = pl.col("series") - pl.col("series_1")
    explained = 1 - (pl.col("left") - pl.col("left_1")) / grown
    reported = both.filter(grown > 0).select(explained).drop_nulls().height
    return [int(counts["new"].sum()), int(counts["gone"].sum()), reported]


def write_raw(path: str, source: str) -> int:
    """Write the same series as the lake has them: lists of typed keys and values."""
    frame = pl.read_parquet(source, columns=["metric_id", *(f"v{k}" for k in range(LABELS))])
    frame = frame.head(RAW_LIMIT)

    def pair(k: int) -> pl.Expr:
        return pl.struct(
            key=pl.format("label_{}", _name_of(k)),
            type=pl.lit("string"),
            value=pl.format("value-{}", f"v{k}"),
        )

    here = {"key": "service.name", "type": "string", "value": "shop"}
    frame.select(
        series_id=pl.int_range(pl.len(), dtype=pl.UInt64),
        tenant=pl.lit("default"),
        metric_name=pl.format("metric_{}", "metric_id"),
        metric_kind=pl.lit("sum"),
        scope_name=pl.lit("lib"),
        resource_attributes=pl.lit(pl.Series([[here]], dtype=pl.List(PAIR))).first(),
        point_attributes=pl.concat_list(pair(k) for k in range(LABELS)),
    ).write_parquet(path)
    return frame.height


def alone(rows: int) -> Wide:
    """Give a metric of so many series; each label has as many values as slots before it allow."""
    n = pl.int_range(rows, dtype=pl.UInt64)
    labels = pl.select(
        (n // 7**k % (way * 50)).hash(k).alias(f"h{k}") for k, way in enumerate(WAYS)
    )
    total = pl.sum_horizontal(pl.int_range(rows, dtype=pl.UInt64).hash(99), pl.all())
    series = labels.select(pl.lit(0, pl.UInt32).alias("metric_id"), total.alias("fp"), pl.all())
    names = {"metric_id": [0] * LABELS, "metric": ["metric"] * LABELS, "slot": range(LABELS)}
    slots = pl.DataFrame(
        {**names, "level": ["point"] * LABELS, "label": [f"label_{k}" for k in range(LABELS)]},
        schema_overrides={"metric_id": pl.UInt32()},
    )
    metrics = slots.select("metric_id", "metric").unique()
    return Wide(series, slots, pl.DataFrame(), metrics)


def left_of(series: Wide) -> int:
    """Count the series left without each label."""
    return int(series.left["left"].sum())


def in_duckdb(path: str) -> duckdb.DuckDBPyConnection:
    """Load the same series."""
    con = duckdb.connect()
    con.execute("SET threads = 2")
    names = ", ".join(f"v{k}" for k in range(LABELS))
    con.execute(f"CREATE TABLE series AS SELECT metric_id, {names} FROM '{path}'")
    return con


def counted(con: duckdb.DuckDBPyConnection) -> list[int]:
    """Count distinct series without each label, and distinct values of each."""
    left = []
    for k in range(LABELS):
        rest = ", ".join(f"v{j}" for j in range(LABELS) if j != k)
        left.append(f"count(DISTINCT ({rest})) AS left_{k}, count(DISTINCT v{k}) AS distinct_{k}")
    sums = ", ".join(
        "sum(" + " + ".join(f"{name}_{k}" for k in range(LABELS)) + ")"
        for name in ("left", "distinct")
    )
    sql = f"SELECT {sums} FROM (SELECT metric_id, {', '.join(left)} FROM series GROUP BY 1)"
    (found,) = con.cursor().sql(sql).fetchall()
    return [int(found[0]), int(found[1])]


def _row(name: str, rows: int, found: Measured) -> dict[str, object]:
    return {
        "what": name,
        "series": f"{rows:,}",
        "wall s": f"{found.wall_seconds:.2f}",
        "CPU s": f"{found.cpu_seconds:.2f}",
        "peak MiB": f"{found.peak_mib:.0f}",
    }


def _nothing(*args: Any) -> tuple[Any, ...]:
    return args


def _write(args: tuple[str, int, int]) -> int:
    return write(*args)


def _write_raw(args: tuple[str, str]) -> int:
    return write_raw(*args)


def _from_raw(args: tuple[str]) -> list[int]:
    return ours(wide(pl.scan_parquet(args[0])))


def run(folder: Path, sizes: tuple[int, ...]) -> list[dict[str, object]]:
    """Measure all at each size, one after the other."""
    printed: list[dict[str, object]] = []
    first, second, raw = (str(folder / f"{name}.parquet") for name in ("first", "second", "raw"))
    for rows in sizes:
        known = measured(_nothing, _write, first, rows, 0).value
        measured(_nothing, _write, second, rows + rows // 6, rows // 3)
        mine, peer = measured(laid_out, ours, first), measured(in_duckdb, counted, first)
        if mine.value != peer.value:
            raise SystemExit(f"answers differ: {mine.value} and {peer.value}")
        churn = measured(_nothing, churned_days, first, second)
        taken = measured(_nothing, _write_raw, raw, first).value
        printed += [
            _row(f"what-if, all {METRICS * LABELS:,}", known, mine),
            _row("DuckDB count(distinct)", known, peer),
            _row("churn and growth, two days", known, churn),
            _row("raw series to what-if", taken, measured(_nothing, _from_raw, raw)),
        ]
    return printed


def main() -> None:
    """Print the figures."""
    if "--large" in sys.argv:
        rows = 20_000_000
        found = measured(alone, left_of, rows)
        table("Cardinality: one metric alone", [_row("what-if, 8 labels", rows, found)])
        return
    sizes = (200_000,) if "--quick" in sys.argv else (1_000_000, 10_000_000)
    title = "Cardinality: every drop-label answer, exact, equal in both"
    with tempfile.TemporaryDirectory() as folder:
        table(title, run(Path(folder), sizes))


if __name__ == "__main__":
    main()
