"""Series by hand, and their wide layout."""

from collections.abc import Iterable, Mapping
from typing import Final

import polars as pl
from hypothesis import settings
from hypothesis import strategies as st

from tests.transforms.conftest import Telemetry
from transforms.cardinality.fingerprint import Wide, wide

Labels = Mapping[str, object]
Row = tuple[str, Labels, Labels]
"""Metric, labels of the point, attributes of the resource."""
random_series: Final = st.lists(
    st.tuples(
        st.sampled_from(["x", "y", "z"]),
        st.fixed_dictionaries({}, optional={key: st.integers(0, 2) for key in "ab"}),
        st.fixed_dictionaries({}, optional={"pod": st.sampled_from(["p", "q"])}),
    ),
    max_size=25,
)
loose: Final = settings(deadline=None, max_examples=40)


def series_of(rows: Iterable[Row]) -> pl.LazyFrame:
    """Give raw_series, one per row."""
    telemetry = Telemetry()
    for metric, labels, resource in rows:
        telemetry.add(metric, resource, labels=labels)
    return telemetry.series


def laid_out(rows: Iterable[Row]) -> Wide:
    """Give the wide layout of rows."""
    return wide(series_of(rows))
