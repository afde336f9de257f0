"""Settled: time and samples; see docs/reference/settled.md."""

from typing import Any

import polars as pl
import pytest

from transforms.ledger.node_weights import weights
from warehouse.tables.core import USAGE_HOURLY

CONTAINER = {
    "k8s.cluster.name": "c",
    "k8s.namespace.name": "shop",
    "k8s.pod.name": "p",
    "k8s.pod.uid": "u-1",
    "k8s.container.name": "main",
    "k8s.node.name": "n",
}


def test_settled_without_a_phase_any_sample_tells_that_a_pod_runs(telemetry: Any) -> None:
    """From the first sample at a quarter past to the last at a quarter to: half an hour."""
    at = [(0.25, 1), (0.5, 1), (0.75, 1)]
    telemetry.add("container.memory.working_set", CONTAINER, at)

    assert telemetry.usage()["run_seconds"].to_list() == [1800]


@pytest.mark.parametrize(("halves", "whole"), [(1, 0), (3, 2), (5, 2), (7, 4)])
def test_settled_weights_are_whole_numbers_rounded_half_to_even(halves: int, whole: int) -> None:
    """0.5, 1.5, 2.5 and 3.5 microcore-seconds, and as many KiB-seconds, are 0, 2, 2 and 4."""
    usage = USAGE_HOURLY.sample(1).with_columns(
        pl.lit(halves * 0.5 / 1e6).alias("cpu_request_core_seconds"),
        pl.lit(halves * 512.0).alias("memory_request_byte_seconds"),
        pl.lit(0.0).alias("cpu_usage_core_seconds"),
        pl.lit(0.0).alias("memory_usage_byte_seconds"),
    )

    made = usage.select(**weights("max"))

    assert made.select("cpu", "memory").rows() == [(whole, whole)]
    assert made.schema["cpu"] == made.schema["memory"] == pl.Int64()
