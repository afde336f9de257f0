"""Real clients over the wire: what they recorded is what the lake holds, by series and by value.

Each records a counter with 50 attribute values, a histogram and an up-down counter in 500 updates,
20 events and 30 spans. The expected figures are sums worked out by hand below.
"""

import concurrent.futures
import contextlib
import importlib.util
import logging
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import (
    OTLPMetricExporter as GrpcMetrics,
)
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import (
    OTLPMetricExporter as HttpMetrics,
)
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExportResult, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from collector.otlp.decode.status import wait_until_decoded
from meterbook.base.home import Home

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

UPDATES = 500
SHOPS = 50
# shop k gets k, k + 50, ... k + 450: ten values, 10 k + 50 * 45
ORDERS = {str(k): 10.0 * k + 2250 for k in range(SHOPS)}
SECONDS = (500, 124_750.0)  # 0 + 1 + ... + 499
OPEN = -250.0  # 250 times +1 and 250 times -2
EVENTS = 20
SPANS = 30
NODE = Path(__file__).parent / "node"
HOW_NODE = "apt-get install nodejs npm"


def _lake(running, table: str) -> pl.DataFrame:
    wait_until_decoded(running.home, 60)
    return pl.read_parquet(sorted((running.home.lake / table).rglob("*.parquet")))


def _metrics(running) -> dict[str, Any]:
    """Give what is stored of the three instruments: each series and each of its values."""
    series = _lake(running, "raw_series").unique("series_id")
    shops = series.filter(pl.col("metric_name") == "orders").select(
        "series_id", pl.col("point_attributes").list.first().struct.field("value").alias("shop")
    )
    named = series.select("series_id", "metric_name")
    points = _lake(running, "raw_point").join(named, on="series_id", validate="m:1")
    histogram = _lake(running, "raw_histogram").join(named, on="series_id", validate="m:1")
    orders = points.filter(pl.col("metric_name") == "orders").join(shops, on="series_id")
    return {
        "orders": sorted(orders.select("shop", "value").rows()),
        "open": points.filter(pl.col("metric_name") == "open")["value"].to_list(),
        "seconds": histogram.select("count", "sum").rows(),
        "names": set(series["metric_name"]) & {"orders", "open", "seconds"},
    }


EXPECTED = {
    "orders": sorted(ORDERS.items()),
    "open": [OPEN],
    "seconds": [SECONDS],
    "names": {"orders", "open", "seconds"},
}


def _seen(running) -> dict[str, int]:
    """Give how many log records and spans are stored."""
    found = _lake(running, "raw_signal").group_by("signal").agg(pl.col("item_count").sum())
    return dict(found.rows())


def _exporters(door: str, grpc_port: int, http_port: int, compression) -> tuple[Any, Any, Any]:
    if door == "grpc":
        place: dict[str, Any] = {"endpoint": f"127.0.0.1:{grpc_port}", "insecure": True}
        return GrpcMetrics(**place), GrpcLogs(**place), GrpcSpans(**place)
    base = f"http://127.0.0.1:{http_port}/v1"
    return (
        HttpMetrics(endpoint=f"{base}/metrics", compression=compression),
        HttpLogs(endpoint=f"{base}/logs", compression=compression),
        HttpSpans(endpoint=f"{base}/traces", compression=compression),
    )


def _record(exporters, timeout: int = 10_000) -> bool:
    """Record everything with the Python SDK, flush once, say whether all flushes went well."""
    metrics, logs, spans = exporters
    reader = PeriodicExportingMetricReader(metrics, 1e9)
    meters = MeterProvider([reader], shutdown_on_exit=False)
    meter = meters.get_meter("client")
    orders, open_ = meter.create_counter("orders"), meter.create_up_down_counter("open")
    seconds = meter.create_histogram("seconds")
    for n in range(UPDATES):
        orders.add(n, {"shop": str(n % SHOPS)})
        seconds.record(n)
        open_.add(-2 if n % 2 else 1)
    loggers = LoggerProvider(shutdown_on_exit=False)
    loggers.add_log_record_processor(BatchLogRecordProcessor(logs))
    for n in range(EVENTS):
        loggers.get_logger("client").emit(
            timestamp=time.time_ns(),
            severity_number=SeverityNumber.INFO,
            body=f"number {n}",
            event_name="deploy",
        )
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(BatchSpanProcessor(spans))
    for n in range(SPANS):
        tracers.get_tracer("client").start_span(f"span {n}").end()
    done = [provider.force_flush(timeout) for provider in (meters, loggers, tracers)]
    metrics.export = lambda *_, **__: MetricExportResult.SUCCESS  # the shutdown collects again
    for provider in (meters, loggers, tracers):
        provider.shutdown()
    return all(done)


@pytest.mark.parametrize(
    ("door", "compression"),
    [
        ("grpc", None),
        ("http", Compression.Gzip),
        ("http", Compression.Deflate),
        ("http", Compression.NoCompression),
    ],
    ids=["grpc", "http-gzip", "http-deflate", "http-plain"],
)
def test_the_python_sdk(running, caplog, door, compression):
    """All signals over each transport: flushed, no error logged, stored as recorded."""
    with caplog.at_level(logging.WARNING):
        assert _record(_exporters(door, running.grpc_port, running.http_port, compression))

    assert not [r for r in caplog.records if r.name.startswith("opentelemetry.exporter")]
    assert _metrics(running) == EXPECTED
    assert _seen(running) == {"logs": EVENTS, "traces": SPANS}
    assert _lake(running, "raw_event")["body"].n_unique() == EVENTS


@pytest.fixture(scope="module")
def packages(require_program) -> Path:
    """Give where the Node packages are; they are installed once per set of versions."""
    require_program("node", HOW_NODE)
    npm = require_program("npm", HOW_NODE)
    wanted = (NODE / "package.json").read_text()
    folder = Path(__file__).parents[3] / "build/node-clients"
    known = folder / "package.json"
    if not (folder / "node_modules").exists() or known.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        known.write_text(wanted)
        flags = ["--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run([npm, "install", *flags], cwd=folder, check=True, capture_output=True)
    return folder / "node_modules"


@pytest.mark.parametrize("kind", ["proto", "http", "grpc"])
def test_the_node_sdk(running, packages, require_program, kind):
    """Protobuf, JSON (`-http`) and gRPC exporters: all three signals, as recorded."""
    port = running.grpc_port if kind == "grpc" else running.http_port
    sent = subprocess.run(
        [require_program("node", HOW_NODE), NODE / "send.js", kind, f"http://127.0.0.1:{port}"],
        env={**os.environ, "NODE_PATH": str(packages)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (sent.returncode, sent.stderr) == (0, "")
    assert _metrics(running) == EXPECTED
    assert _seen(running) == {"logs": EVENTS, "traces": SPANS}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextlib.contextmanager
def _rotel(folder: Path, protocol: str, port: int) -> Iterator[tuple[int, int]]:
    """Run rotel as a forwarder to a port; give its own gRPC and HTTP ports."""
    package = importlib.util.find_spec("rotel")
    if package is None or package.origin is None:
        pytest.skip("the package rotel is not installed: `make setup` installs it")
    grpc_port, http_port = _free_port(), _free_port()
    options = {
        "--otlp-grpc-endpoint": f"127.0.0.1:{grpc_port}",
        "--otlp-http-endpoint": f"127.0.0.1:{http_port}",
        "--exporter": "otlp",
        "--otlp-exporter-endpoint": f"http://127.0.0.1:{port}",
        "--otlp-exporter-protocol": protocol,
        "--otlp-exporter-retry-initial-backoff": "200ms",
        "--otlp-exporter-retry-max-backoff": "1s",
        "--otlp-exporter-retry-max-elapsed-time": "120s",
        "--batch-timeout": "100ms",
        "--pid-file": str(folder / "rotel.pid"),
    }
    with (folder / "rotel.log").open("wb") as log:
        agent = Path(package.origin).parent / "rotel-agent"
        words = [str(part) for pair in options.items() for part in pair]
        process = subprocess.Popen([agent, "start", *words], stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 30
            while not (_accepts(grpc_port) and _accepts(http_port)):
                assert process.poll() is None, (folder / "rotel.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield grpc_port, http_port
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_stored(running, signals: int) -> None:
    """Wait until requests of so many signals were accepted."""
    deadline = time.monotonic() + 90
    while _accepted(running) < signals:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def _accepted(running) -> int:
    """Give of how many signals something was accepted, by the collector's own page."""
    known = _page(running)
    return len(
        {
            s
            for s in ("metrics", "logs", "traces")
            for x in known
            if x.startswith("mb_ingest_accepted_items_total") and f'"{s}"' in x
        }
    )


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_rotel_as_forwarder(running, tmp_path, protocol):
    """The SDK sends to rotel, rotel to us, by either protocol: nothing is missing."""
    port = running.grpc_port if protocol == "grpc" else running.http_port
    with _rotel(tmp_path, protocol, port) as (grpc_port, http_port):
        assert _record(_exporters(protocol, grpc_port, http_port, Compression.Gzip))
        _wait_until_stored(running, 3)

    assert _metrics(running) == EXPECTED
    assert _seen(running) == {"logs": EVENTS, "traces": SPANS}


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_rotel_waits_for_a_collector_that_is_down(start, tmp_path, protocol):
    """Stopped while rotel sends, then started again: nothing lost, nothing twice."""
    ports = {"grpc_port": _free_port(), "http_port": _free_port()}
    first = start(Home(tmp_path / "home"), **ports)
    assert first.stop() == 0
    with _rotel(tmp_path, protocol, ports[f"{protocol}_port"]) as (grpc_port, http_port):
        assert _record(_exporters(protocol, grpc_port, http_port, Compression.Gzip))
        time.sleep(2)  # rotel's first attempts are to fail
        second = start(Home(tmp_path / "home"), **ports)
        _wait_until_stored(second, 3)

    assert _metrics(second) == EXPECTED
    assert _seen(second) == {"logs": EVENTS, "traces": SPANS}


def _page(running) -> list[str]:
    """Give the lines of the collector's own metrics."""
    text: str = running.as_peer().ask("GET", "/metrics", None, {}).body.decode()
    return text.splitlines()


def _refused(running, cause: str) -> int:
    """Give how many requests were refused for a cause."""
    lines = [x for x in _page(running) if x.startswith("mb_ingest_refused_requests_total{")]
    return sum(int(x.rpartition(" ")[2]) for x in lines if f'"{cause}"' in x)


def _one_export(exporter, updates: int, timeout: int) -> MetricExportResult:
    """Record points of a counter, each in a series of its own; give what one export came to."""
    results: list[MetricExportResult] = []
    export = exporter.export

    def noted(*given: Any, **more: Any) -> MetricExportResult:
        results.append(export(*given, **more))
        return results[-1]

    exporter.export = noted
    meters = MeterProvider([PeriodicExportingMetricReader(exporter, 1e9)], shutdown_on_exit=False)
    counter = meters.get_meter("client").create_counter("orders")
    for n in range(updates):
        counter.add(7, {"shop": str(n)})
    meters.force_flush(timeout)
    exporter.export = lambda *_, **__: MetricExportResult.SUCCESS
    meters.shutdown()
    (result,) = results
    return result


def _patient(door: str, ports: dict[str, int]) -> Any:
    """Give an exporter that tries for 90 seconds."""
    if door == "grpc":
        return GrpcMetrics(endpoint=f"127.0.0.1:{ports['grpc_port']}", insecure=True, timeout=90)
    url = f"http://127.0.0.1:{ports['http_port']}/v1/metrics"
    return HttpMetrics(endpoint=url, timeout=90)


def test_the_sdk_comes_again_when_we_were_full(start, tmp_path):
    """A full collector says UNAVAILABLE and 503: the SDK keeps the batches until there is room.

    Both doors at once, as each asks to wait for up to half a minute.
    """
    ports = {"grpc_port": _free_port(), "http_port": _free_port()}
    full = start(Home(tmp_path / "home"), max_journal_bytes=0, **ports)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        sent = [
            pool.submit(_one_export, _patient(door, ports), 1, 100_000) for door in ("grpc", "http")
        ]
        deadline = time.monotonic() + 60
        while _refused(full, "overloaded") < 2:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert full.stop() == 0
        second = start(Home(tmp_path / "home"), **ports)
        assert [one.result(120) for one in sent] == [MetricExportResult.SUCCESS] * 2

    assert _lake(second, "raw_point")["value"].to_list() == [7.0, 7.0]


@pytest.mark.parametrize("door", ["grpc", "http"])
def test_the_sdk_drops_what_is_refused_for_good(start, tmp_path, door):
    """A request of too many points is 400 or INVALID_ARGUMENT: the SDK does not come again."""
    ports = {"grpc_port": _free_port(), "http_port": _free_port()}
    running = start(Home(tmp_path / "home"), max_points_per_request=10, **ports)

    refused = _one_export(_patient(door, ports), 11, 30_000)
    taken = _one_export(_patient(door, ports), 10, 30_000)

    assert (refused, taken) == (MetricExportResult.FAILURE, MetricExportResult.SUCCESS)
    assert _refused(running, "undecodable") == 1
    assert _lake(running, "raw_point")["value"].to_list() == [7.0] * 10
