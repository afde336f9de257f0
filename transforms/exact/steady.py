"""Sums of floats that two runs agree on.

Takes    columns of a group whose rows have an order
Gives    their sum, the same to the last bit in every run
"""

import polars as pl


def steady_sum(column: pl.Expr) -> pl.Expr:
    """Add up the floats of a group as one list; nothing counts as 0.

    A plain sum adds up parts of a group side by side, as the threads happen to be free, and so
    says something else in its last bit from run to run.
    """
    return column.implode().list.sum()
