"""Equal lines told apart: how many lines of the same content came before each.

Takes    the content hashes of a delivery, batch by batch
Gives    per line the number of equal ones before it
Holds    8 bytes a line; a batch costs its own sort and a search, not a pass over all lines before
"""

from typing import Final

import polars as pl

NONE: Final = pl.lit(0, pl.UInt32)


class Duplicates:
    """Sorted runs of what was seen, each at least twice as long as the next."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._runs: list[pl.Series] = []

    def earlier(self, keys: pl.Series) -> pl.Series | None:
        """Give how many equal keys came before each, in this batch and all before; None: none."""
        if keys.is_empty():
            return None
        rows = keys.arg_sort()
        ordered = keys.gather(rows)
        before = self._before(ordered)
        self._add(ordered)
        is_twin = ordered.len() > 1 and bool((ordered == ordered.shift(1)).any())
        if before is None and not is_twin:
            return None
        frame = pl.DataFrame({"row": rows, "key": ordered}).with_columns(
            NONE.alias("before") if before is None else before.alias("before")
        )
        counted = frame.sort("key", "row").with_columns(
            (pl.int_range(pl.len(), dtype=pl.UInt32).over("key") + pl.col("before")).alias("nth")
        )
        return counted.sort("row")["nth"]

    def _before(self, ordered: pl.Series) -> pl.Series | None:
        """Count sorted keys in the runs; None where none of them was seen."""
        counts: pl.Series | None = None
        for run in self._runs:
            first = run.search_sorted(ordered, side="left")
            is_seen = run.gather(first.clip(upper_bound=run.len() - 1)) == ordered
            if not is_seen.any():
                continue
            found = (run.search_sorted(ordered, side="right") - first).cast(pl.UInt32)
            counts = found if counts is None else counts + found
        return counts

    def _add(self, ordered: pl.Series) -> None:
        self._runs.append(ordered)
        while len(self._runs) > 1 and self._runs[-2].len() < 2 * self._runs[-1].len():
            last = self._runs.pop()
            self._runs[-1] = pl.concat([self._runs[-1], last]).sort()
