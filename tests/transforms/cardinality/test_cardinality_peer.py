"""The same 200,000 series in VictoriaMetrics: every count is the one that it gives."""

import http.client
import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import polars as pl
import pytest

from transforms.cardinality.cardinality import what_if
from transforms.cardinality.fingerprint import wide
from warehouse.tables import raw

SERIES: Final = 200_000
AT: Final = 1_790_000_000
WAYS: Final = {"route": 37, "code": 5, "user": 2011, "pod": 24, "zone": 3, "method": 4, "tier": 2}
HOW: Final = "apt-get install victoria-metrics"


def values() -> pl.DataFrame:
    """Give distinct series of ten metrics of unequal size, each with its own five labels."""
    n = pl.int_range(SERIES * 3, dtype=pl.Int64)
    labels = [
        ((n * (place * 2 + 3) // (place + 1)) % way).alias(name)
        for place, (name, way) in enumerate(WAYS.items())
    ]
    metric = ((n * 7919 % 10_007) ** 2 // 10_014_050).clip(0, 9)
    frame = pl.select(metric.alias("metric"), *labels)
    dropped = [(pl.col("metric") * 3 + place) % len(WAYS) for place in (0, 2)]
    kept = [
        pl.when(~pl.any_horizontal(one == place for one in dropped))
        .then(pl.format("{}-{}", pl.lit(name), name))
        .alias(name)
        for place, name in enumerate(WAYS)
    ]
    return (
        frame.select(pl.format("m{}", "metric").alias("metric"), *kept)
        .unique(maintain_order=True)
        .head(SERIES)
    )


def as_raw(frame: pl.DataFrame) -> pl.LazyFrame:
    """Give the same as raw_series."""
    blank = raw.SERIES.sample(1).lazy().select("tenant", "metric_kind", "scope_name")
    pairs = [
        pl.struct(key=pl.lit(name), type=pl.lit("string"), value=pl.col(name)) for name in WAYS
    ]
    element = pl.element()
    return (
        frame.lazy()
        .select(
            pl.col("metric").alias("metric_name"),
            pl.concat_list(pairs)
            .list.eval(element.filter(element.struct.field("value").is_not_null()))
            .alias("point_attributes"),
            pl.lit(pl.Series([[]], dtype=raw.SERIES.schema["resource_attributes"]))
            .first()
            .alias("resource_attributes"),
            pl.int_range(pl.len(), dtype=pl.UInt64).alias("series_id"),
        )
        .join(blank, how="cross")
    )


def as_text(frame: pl.DataFrame) -> str:
    """Give the same in the text format of Prometheus."""
    pairs = [pl.concat_str(pl.lit(f'{name}="'), name, pl.lit('"')) for name in WAYS]
    inner = pl.concat_str(pairs, separator=",", ignore_nulls=True)
    line = pl.concat_str("metric", pl.lit("{"), inner, pl.lit(f"}} 1 {AT}000"))
    return "\n".join(frame.select(line).to_series().to_list()) + "\n"


Ask = Callable[[str, str, str], Any]


def asker(port: int) -> Ask:
    """Give the way to ask the peer."""

    def ask(method: str, path: str, body: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request(method, path, body.encode())
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        assert answer.status < 300, text
        return json.loads(text) if text.startswith("{") else text

    return ask


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def peer(require_program: Any, tmp_path: Path) -> Iterator[Ask]:
    """Give a VictoriaMetrics of our own, on loopback, ended with the test."""
    program, port = require_program("victoria-metrics", HOW), free_port()
    words = [
        f"-storageDataPath={tmp_path / 'peer'}",
        f"-httpListenAddr=127.0.0.1:{port}",
        "-retentionPeriod=100y",
        "-search.maxUniqueTimeseries=1000000",
        "-search.maxQueryDuration=60s",
        "-loggerLevel=ERROR",
    ]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([program, *words], stdout=log, stderr=log)
        ask = asker(port)
        try:
            _await(lambda: ask("GET", "/health", "") == "OK", process)
            yield ask
        finally:
            process.terminate()
            process.wait(30)


def _await(is_ready: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait until it answers, at most half a minute."""
    pause = iter([0.1] * 300)
    while process.poll() is None:
        try:
            if is_ready():
                return
        except OSError:
            time.sleep(next(pause))
    pytest.fail("the peer ended before it answered")


def count_of(ask: Ask, query: str) -> int:
    """Give the one number of a query."""
    path = f"/prometheus/api/v1/query?nocache=1&time={AT + 1}&query={quote(query)}"
    (found,) = ask("GET", path, "")["data"]["result"]
    return int(found["value"][1])


@pytest.mark.slow
def test_a_peer_counts_the_same(peer: Ask) -> None:
    """Series, values of each label, and what is left without one, of 20 random pairs."""
    frame = values()
    ours = what_if(wide(as_raw(frame)))
    for part in frame.iter_slices(20_000):
        peer("POST", "/api/v1/import/prometheus", as_text(part))
    peer("GET", "/internal/force_flush", "")

    series = dict(ours.select("metric", "series").unique().rows())
    rows = ours.sort("metric", "label").sample(20, seed=6, shuffle=True)

    assert sum(series.values()) == frame.height == SERIES
    assert {name: count_of(peer, f"count({name})") for name in series} == series
    for metric, label, left, distinct in rows.select("metric", "label", "left", "distinct").rows():
        without = f"count(count without({label})({metric}))"
        each = f'count(count by({label})({metric}{{{label}!=""}}))'
        assert (count_of(peer, without), count_of(peer, each)) == (left, distinct), (metric, label)
