"""Bill lines in atoms, and what each receiver got of them."""

from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from tests.transforms.conftest import START

INSTANT: Final = pl.Datetime("us", "UTC")
WHO: Final = {"cluster": "c", "node": "n", "labels": "{}"}


def line(amount: int, hour: int | None = 0, **place: Any) -> dict[str, Any]:
    """Give one bill line in atoms; billed is half of effective, towards zero."""
    return {
        "x_line_hash": "a",
        "charge_hour": None if hour is None else START + timedelta(hours=hour),
        "cluster": "c",
        **{key.rstrip("_"): value for key, value in place.items()},
        "effective": amount,
        "billed": int(amount / 2),
    }


def frame(rows: list[dict[str, Any]], like: dict[str, Any]) -> pl.LazyFrame:
    """Give rows as a frame, typed even if there are none."""
    types = {int: pl.Int64(), float: pl.Float64(), str: pl.String(), datetime: INSTANT}
    schema = {
        key: pl.Int128() if key in {"effective", "billed"} else types[type(value)]
        for key, value in like.items()
    }
    return pl.LazyFrame(rows, schema=schema)


def lines(*rows: dict[str, Any]) -> pl.LazyFrame:
    """Give bill lines."""
    return frame(list(rows), {**rows[0], "charge_hour": START})


def received(rows: pl.LazyFrame, by: str = "workload") -> dict[str, int]:
    """Give what each received of the effective cost."""
    got = rows.group_by(by).agg(pl.col("effective").sum()).collect()
    return dict(zip(got[by], got["effective"], strict=True))
