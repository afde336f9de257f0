"""All drop-label what-ifs at once, beside DuckDB `count(distinct)` on the same series.

300 metrics of unequal size, eight labels each, of which metrics share only some; the wide layout is
made outside the timed part, as it is for DuckDB.
"""

import sys
from typing import Any, Final

import duckdb
import polars as pl
from peak import Measured, measured, table

from transforms.cardinality import what_if
from transforms.fingerprint import Wide

METRICS: Final = 300
LABELS: Final = 8
WAYS: Final = (3, 7, 19, 41, 11, 5, 23, 2)


def values(rows: int) -> pl.DataFrame:
    """Make series: a metric and eight label values, as numbers of a dictionary."""
    n = pl.int_range(rows, dtype=pl.Int64)
    metric = ((n * 2654435761) % 1_000_003 / 1_000_003) ** 2 * METRICS
    return pl.select(
        metric.cast(pl.Int32).alias("metric"),
        *(
            ((n * (7919 + 2 * k)) // (k + 1) % (way * (1 + n % 17))).alias(f"v{k}")
            for k, way in enumerate(WAYS)
        ),
    ).unique(maintain_order=True)


def laid_out(rows: int) -> Wide:
    """Give the wide layout with hashes; label 3k of a metric has a name of its own."""
    frame = values(rows)
    hashes = [pl.struct(pl.lit(k), f"v{k}").hash(k).alias(f"h{k}") for k in range(LABELS)]
    hashed = frame.select(pl.col("metric").cast(pl.String), *hashes)
    base = pl.col("metric").hash(99)
    total = pl.sum_horizontal(base, *(pl.col(f"h{k}") for k in range(LABELS)))
    wide = hashed.with_columns(total.alias("fp"))
    slots = pl.DataFrame({"metric": sorted(wide["metric"].unique())}).join(
        pl.DataFrame({"slot": list(range(LABELS))}), how="cross"
    )
    slots = slots.with_columns(
        pl.lit("point").alias("level"),
        pl.when(pl.col("slot") % 3 == 0)
        .then(pl.format("{}_{}", "metric", "slot"))
        .otherwise(pl.format("label_{}", "slot"))
        .alias("label"),
    )
    return Wide(wide, slots, pl.DataFrame())


def ours(series: Wide) -> int:
    """Answer every what-if; give the sum of series left."""
    return int(what_if(series)["left"].sum())


def in_duckdb(rows: int) -> duckdb.DuckDBPyConnection:
    """Load the same series."""
    con = duckdb.connect()
    con.execute("SET threads = 2")
    con.register("incoming", values(rows).to_arrow())
    con.execute("CREATE TABLE series AS SELECT * FROM incoming")
    return con


def counted(con: duckdb.DuckDBPyConnection) -> int:
    """Count distinct series without each label, and distinct values of each."""
    left = []
    for k in range(LABELS):
        rest = ", ".join(f"v{j}" for j in range(LABELS) if j != k)
        left.append(f"count(DISTINCT ({rest})) AS left_{k}, count(DISTINCT v{k}) AS distinct_{k}")
    names = " + ".join(f"left_{k}" for k in range(LABELS))
    sql = f"SELECT sum({names}) FROM (SELECT metric, {', '.join(left)} FROM series GROUP BY metric)"
    found: Any = con.cursor().sql(sql).fetchone()
    return int(found[0])


def _row(name: str, rows: int, found: Measured) -> dict[str, object]:
    return {
        "what": name,
        "series": f"{rows:,}",
        "what-ifs": METRICS * LABELS,
        "wall s": f"{found.wall_seconds:.2f}",
        "CPU s": f"{found.cpu_seconds:.2f}",
        "peak MiB": f"{found.peak_mib:.0f}",
    }


def run(*, quick: bool) -> list[dict[str, object]]:
    """Measure both at each size, one after the other."""
    printed: list[dict[str, object]] = []
    for rows in (200_000,) if quick else (1_000_000, 10_000_000):
        mine, peer = measured(laid_out, ours, rows), measured(in_duckdb, counted, rows)
        if mine.value != peer.value:
            raise SystemExit(f"answers differ: {mine.value} and {peer.value}")
        printed += [_row("what-if", rows, mine), _row("DuckDB count(distinct)", rows, peer)]
    return printed


def main() -> None:
    """Print the figures."""
    title = "Cardinality: every drop-label answer, exact, equal in both"
    table(title, run(quick="--quick" in sys.argv))


if __name__ == "__main__":
    main()
