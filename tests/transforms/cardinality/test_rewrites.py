"""Fewer values instead of none: templates, classes of status, the top and `other`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transforms.cardinality.cardinality import what_if
from transforms.cardinality.fingerprint import wide
from transforms.cardinality.rewrites import counted, normalised, rewrites, top_and_other

Labels = Mapping[str, object]


def laid_out(telemetry: Any, rows: Sequence[Labels]) -> Any:
    """Give the wide layout of one metric."""
    builder = type(telemetry)()
    for row in rows:
        builder.add("m", {}, labels=row)
    return wide(builder.series)


def test_the_worked_example(telemetry: Any, case: Any) -> None:
    """Normalised three, dropped two, the heaviest and other three."""
    example = case("coverage-cardinality", "K14")
    want, top = example["expected"], example["input"]["topk"]
    series = laid_out(telemetry, example["input"]["series"])
    slot = series.slots.filter(label="path")["slot"].item()
    values = series.values.filter(label="path").with_columns(
        weight=pl.col("value").replace_strict(top["weights"], default=0)
    )

    plain = counted(series.rows, slot, values, normalised(values, "path_template"))
    topped = counted(series.rows, slot, values, top_and_other(values, top["k"], "weight"))

    left = dict(what_if(series).select("label", "left").rows())
    assert (series.rows.height, left["path"]) == (want["series"], want["after_drop"])
    assert (plain[1], topped[1]) == (want["after_normalise"], want["after_topk_other"])
    assert rewrites(series, top=1).select("label", "rewrite", "left").rows() == [
        ("path", "path_template", want["after_normalise"]),
        ("path", "top_k", 4),  # by series /orders/11/items is kept: two methods of it and of other
    ]


def test_status_classes(telemetry: Any) -> None:
    """Six codes are three classes; a label that is no status is left alone."""
    rows = [{"http.status_code": code} for code in (200, 201, 404, 409, 500, 503)]

    got = rewrites(laid_out(telemetry, rows), top=10)

    assert got.select("rewrite", "distinct_after", "left").rows() == [("status_class", 3, 3)]


@pytest.mark.parametrize(
    ("label", "folded"), [("http.status", True), ("code", True), ("state", False)]
)
def test_a_label_of_status_or_code_has_classes(telemetry: Any, label: str, folded) -> None:
    """Either word is enough; the numbers alone are not."""
    rows = [{label: code} for code in (200, 201, 404)]

    got = rewrites(laid_out(telemetry, rows), top=10)

    assert got.select("rewrite", "distinct_after").rows() == [("status_class", 2)] * folded


def recount(rows: Sequence[Labels], key: str, change: Callable[[object], object]) -> int:
    """Count series after really replacing a label's values."""
    return len(
        {
            tuple(sorted((k, str(change(v)) if k == key else repr(v)) for k, v in row.items()))
            for row in rows
        }
    )


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {"m": st.sampled_from(["GET", "PUT"])},
            optional={"path": st.sampled_from(["/a/1", "/a/2", "/b", "/b/7/c", "/b/9/c"])},
        ),
        min_size=1,
        max_size=20,
    ),
    top=st.integers(1, 4),
)
def test_a_rewrite_is_a_recount(telemetry: Any, rows: Any, top: int) -> None:
    """Series after a rewrite are those of really replacing the values; absent stays absent."""
    series = laid_out(telemetry, rows)
    values = series.values.filter(label="path")
    if values.is_empty():
        return
    slot = series.slots.filter(label="path")["slot"].item()
    words = {"/a/1": "/a/{n}", "/a/2": "/a/{n}", "/b/7/c": "/b/{n}/c", "/b/9/c": "/b/{n}/c"}

    plain = counted(series.rows, slot, values, normalised(values, "path_template"))
    mapped = top_and_other(values, top)
    topped = counted(series.rows, slot, values, mapped)

    folded = dict(zip(values["value"], mapped, strict=True))
    assert plain[1] == recount(rows, "path", lambda v: words.get(str(v), v))
    assert topped[1] == recount(rows, "path", lambda v: folded[str(v)])
    assert topped[0] == min(values.height, top + 1)
