"""What evidence for the score costs the decoder, beside counting who sent how much.

Takes    `--quick` for a third of the rounds
Gives    CPU milliseconds of 50,000 spans and 50,000 log records in requests of 500, with all that
         the score needs, beside a floor; least of many rounds, in turns, so that both meet the same
         machine
Units    5 resources a request, 100 spans or records each; 5 attributes a span, 3 a record

The floor parses the receiver's projection (of spans the start alone) and counts by tenant,
resource, scope and hour, with a row for each: what the decoder did before there was a score.
"""

import os

os.environ["POLARS_MAX_THREADS"] = "1"  # as the collector runs its decoder

import random
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import polars as pl
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.otlp.decode.decode import Decoder
from collector.otlp.decode.decoder import BATCH_BYTES
from collector.otlp.decode.places import LISTS
from collector.otlp.journal.journal import Record
from collector.otlp.wire import attributes as attr
from collector.otlp.wire.wire import Wire
from warehouse.table import INSTANT
from warehouse.tables import raw

REQUESTS: Final = 100
RESOURCES: Final = 5
ITEMS: Final = 100
ROUNDS: Final = 30
NOW: Final = 1_795_000_000_000_000_000


def _add(attributes: Any, pairs: dict[str, str]) -> None:
    for key, value in pairs.items():
        attributes.add(key=key).value.string_value = value


def _named(attributes: Any, pod: int) -> None:
    names = {f"k8s.{key}.name": f"{key}-{pod % 17}" for key in ("cluster", "namespace", "node")}
    names |= {"k8s.pod.name": f"pod-{pod}", "service.name": f"service-{pod % 40}"}
    _add(attributes, names | {"deployment.environment.name": "production"})


def traces(dice: random.Random, number: int) -> bytes:
    """Give a request of traces, 8 spans each."""
    request = ExportTraceServiceRequest()
    for slot in range(RESOURCES):
        resource = request.resource_spans.add()
        _named(resource.resource.attributes, (number * RESOURCES + slot) % 100)
        spans = resource.scope_spans.add().spans
        trace = b""
        for index in range(ITEMS):
            if index % 8 == 0:
                trace = dice.randbytes(16)
            start = NOW + dice.randrange(10**9)
            span = spans.add(trace_id=trace, span_id=dice.randbytes(8), kind=1 + index % 5)
            span.parent_span_id = dice.randbytes(8) if index % 8 else b""
            span.start_time_unix_nano, span.end_time_unix_nano = (
                start,
                start + dice.randrange(10**8),
            )
            keys = ("http.request.method", "server.address", "http.route", "thread.id")
            path = {"url.path": f"/order/{dice.randrange(10**6)}"}
            _add(span.attributes, dict.fromkeys(keys, "value") | path)
    return request.SerializeToString()


def logs(dice: random.Random, number: int) -> bytes:
    """Give a request of log records of three severities."""
    request = ExportLogsServiceRequest()
    for slot in range(RESOURCES):
        resource = request.resource_logs.add()
        _named(resource.resource.attributes, (number * RESOURCES + slot) % 100)
        records = resource.scope_logs.add().log_records
        for index in range(ITEMS):
            record: Any = records.add(time_unix_nano=NOW + dice.randrange(10**9))
            record.severity_number = 9 + 4 * (index % 3)
            record.severity_text = ("INFO", "WARN", "ERROR")[index % 3]
            record.body.string_value = f"order {dice.randrange(10**6)} was taken"
            order = {"order.id": str(dice.randrange(10**6)), "thread.id": str(index)}
            _add(record.attributes, order | {"code.function.name": "take"})
    return request.SerializeToString()


def _batches(records: Sequence[Record]) -> list[list[Record]]:
    """Give batches of the decoder's size."""
    most = max(1, BATCH_BYTES * len(records) // sum(len(record.payload) for record in records))
    return [list(records[at : at + most]) for at in range(0, len(records), most)]


def floor(wire: Wire, signal: str, records: Sequence[Record]) -> pl.DataFrame:
    """Count items by sender and hour."""
    batch = wire.parse(signal, [record.payload for record in records])
    received = pl.Series([record.received_ns // 1000 for record in records], dtype=pl.Int64)
    origin = pl.DataFrame({"tenant": [r.tenant for r in records], "received_at": received})
    items = pl.concat([origin, pl.DataFrame(pl.from_arrow(batch))], how="horizontal")
    for name in LISTS[signal]:
        items = items.filter(pl.col(name).list.len() > 0).explode(name).unnest(name)
    time_name = "start" if signal == "traces" else "time"
    at = (pl.col(time_name) // 1000).cast(pl.Int64).cast(INSTANT)
    hour = at.dt.truncate("1h").alias("event_hour")
    counted = items.group_by("tenant", "resource", "scope", hour).agg(
        pl.len(), at.min().alias("first"), at.max().alias("last"), pl.col("received_at").max()
    )
    decoded = [attr.resource(data) for data in counted["resource"]]
    return counted.with_columns(pl.Series("resource_attributes", decoded, dtype=raw.ATTRIBUTES))


def _spent(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1000


def main() -> None:
    """Print the table."""
    rounds = ROUNDS // 3 if "--quick" in sys.argv else ROUNDS
    dice, wire, decoder = random.Random(7), Wire(), Decoder()  # noqa: S311 - a fixed load
    print(f"{'signal':8}{'floor, CPU ms':>16}{'with evidence':>16}{'ratio':>8}")
    for signal, make in (("traces", traces), ("logs", logs)):
        records = [
            Record(signal, "default", make(dice, number), bytes(16), number, NOW)
            for number in range(REQUESTS)
        ]
        batches = _batches(records)
        pairs = [
            (
                _spent(lambda: [floor(wire, signal, batch) for batch in batches]),  # noqa: B023
                _spent(lambda: [decoder.decode(signal, batch, 1) for batch in batches]),  # noqa: B023
            )
            for _ in range(rounds)
        ]
        least, whole = min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
        print(f"{signal:8}{least:16.1f}{whole:16.1f}{whole / least:8.2f}")


if __name__ == "__main__":
    main()
