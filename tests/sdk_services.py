"""Services as the real OpenTelemetry SDK for Python sends them: well, carelessly and badly made."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, MeterProvider
from opentelemetry.sdk.metrics.export import MetricExportResult, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import ProcessResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, set_span_in_context

GOOD, CARELESS, BAD = "shop-good", "shop-careless", "shop-bad"
MS: Final = 1_000_000
DAY_NS: Final = 86_400_000_000_000
LIMIT: Final = 2_000
"""Of the SDK: values of a metric beyond it are folded into one."""
Kinds = Sequence[tuple[SpanKind, int]]


@dataclass(frozen=True)
class Sender:
    """The providers of one process."""

    metrics: MeterProvider
    logs: LoggerProvider
    traces: TracerProvider

    def log(self, text: str, number: SeverityNumber | None, level: str | None, at: int) -> None:
        """Send a log record."""
        logger = self.logs.get_logger("shop")
        logger.emit(timestamp=at, severity_number=number, severity_text=level, body=text)

    def trace(self, root: SpanKind, children: Kinds) -> None:
        """Send a trace: a root of 50 ms, and children of so many milliseconds."""
        tracer, start = self.traces.get_tracer("shop"), time.time_ns()
        parent = tracer.start_span("root", kind=root, start_time=start)
        for kind, lasted in children:
            context = set_span_in_context(parent)
            child = tracer.start_span("child", context, kind, start_time=start)
            child.end(start + lasted * MS)
        parent.end(start + 50 * MS)


@contextmanager
def sender(port: int, attributes: Mapping[str, str]) -> Iterator[Sender]:
    """Give the providers of a process with these attributes of its resource; flush at the end.

    The SDK's own id of the instance is left out: older ones send none.
    """
    found = Resource.create().merge(ProcessResourceDetector().detect()).attributes
    bare = {key: value for key, value in found.items() if key != "service.instance.id"}
    resource = Resource({**bare, "deployment.environment.name": "production", **attributes})
    base = f"http://127.0.0.1:{port}/v1"
    exporter: Any = OTLPMetricExporter(endpoint=f"{base}/metrics")
    wide = View(
        instrument_type=Counter, instrument_name="all.*", aggregation_cardinality_limit=20_000
    )
    reader = PeriodicExportingMetricReader(exporter, 1e9)
    metrics = MeterProvider([reader], resource, shutdown_on_exit=False, views=[wide])
    logs = LoggerProvider(resource, shutdown_on_exit=False)
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint=f"{base}/logs")))
    traces = TracerProvider(resource=resource, shutdown_on_exit=False)
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{base}/traces")))
    yield Sender(metrics, logs, traces)
    for provider in (metrics, logs, traces):
        assert provider.force_flush(20_000)
    exporter.export = lambda *_, **__: MetricExportResult.SUCCESS  # the shutdown collects again
    for provider in (metrics, logs, traces):
        provider.shutdown()


def send_good(port: int) -> None:
    """Keep every rule."""
    pod = {"k8s.pod.name": "good-1", "k8s.pod.uid": "5d1f"}
    with sender(port, {"service.name": GOOD, "service.instance.id": "good-1", **pod}) as good:
        meter = good.metrics.get_meter("shop")
        meter.create_counter("shop.orders", "{order}").add(3, {"shop.kind": "web"})
        meter.create_histogram("shop.request.duration", "s").record(0.2)
        good.log("taken", SeverityNumber.INFO, "INFO", time.time_ns())
        good.trace(SpanKind.SERVER, [(SpanKind.INTERNAL, 20), (SpanKind.CLIENT, 20)])


def send_careless(port: int) -> None:
    """No id of the instance, no unit, no severity; an address, and too many values."""
    with sender(port, {"service.name": CARELESS}) as careless:
        counter = careless.metrics.get_meter("shop").create_counter("shop.visits")
        counter.add(1, {"user.email": "ann@example.org", "http.method": "GET"})
        for number in range(LIMIT + 1):
            counter.add(1, {"shop.visitor": str(number)})
        careless.log("hello", None, None, time.time_ns())


def send_bad(port: int) -> None:
    """Break every rule that a day's telemetry can break, and leave only the name."""
    reported = {
        "service.name": BAD,
        "http.request.method": "GET",
        "process.runtime.version": "3.9.2",
    }
    for number, unit in enumerate(("{job}", "1")):
        pod = {"service.instance.id": "same", "k8s.pod.name": f"bad-{number}"}
        with sender(port, {**reported, **pod}) as bad:
            meter = bad.metrics.get_meter("shop")
            meter.create_counter("jobs.done", unit).add(1)
            meter.create_histogram(
                "latency_seconds", "s", explicit_bucket_boundaries_advisory=[1.0, number + 2.0]
            ).record(1)
            meter.create_counter("http.route").add(1)
    with sender(port, reported) as bad:
        users = bad.metrics.get_meter("shop").create_counter("all.calls", "{call}")
        for number in range(10_000):
            users.add(1, {"user.id": str(number)})
        for at in (time.time_ns() - 16 * DAY_NS, time.time_ns()):
            bad.log("loop", SeverityNumber.DEBUG, "DEBUG", at)
        bad.log("what?", None, None, time.time_ns())
        bad.trace(SpanKind.CLIENT, [(SpanKind.INTERNAL, 1)] * 21)
