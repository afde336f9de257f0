"""The one way in: what is too much, what is refused while the disk is full, what is stored once."""

import asyncio
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from collector.otlp.admission import accept
from collector.otlp.admission.check import Content
from collector.otlp.admission.counters import Counters
from collector.otlp.admission.gate import Sender
from collector.otlp.journal.segment import Record
from meterbook.base.errors import OverloadedError, QuotaError, TooLargeError, UndecodableError
from meterbook.base.settings import CollectorSettings
from tests.collector.otlp.protobuf import field

SHOP = Sender("shop", "http")
UNKNOWN = 100
"""A field that no request has."""


class Kept:
    """A journal that has room, and puts everything on disk at once."""

    def __init__(self, folder: Path) -> None:
        """Begin with nothing stored."""
        self.folder = folder
        self.records: list[Record] = []

    def append(self, record: Record) -> asyncio.Future[None]:
        """Keep a record."""
        self.records.append(record)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


class Way:
    """An acceptor of its own, for one test."""

    def __init__(self, folder: Path, **settings: object) -> None:
        """Prepare an acceptor of these settings."""
        self.journal = Kept(folder / "journal")
        self.counters = Counters({})
        self.acceptor = accept.Acceptor(
            CollectorSettings(**settings),  # type: ignore[arg-type] # of any kind
            self.journal,  # type: ignore[arg-type] # stands in for the disk
            self.counters,
            seed=1,
        )

    def send(self, signal: str, *bodies: bytes, key: str = "") -> list[Content]:
        """Accept bodies one after the other."""

        async def act() -> list[Content]:
            return [await self.acceptor.accept(signal, SHOP, body, key) for body in bodies]

        return asyncio.run(act())

    def admit(self, signal: str) -> bool:
        """Tell whether a request of a signal may come in."""
        try:
            asyncio.run(self.acceptor.admit(signal, SHOP))
        except OverloadedError:
            return False
        return True


def gauges(*values: int, name: str = "m") -> bytes:
    """Give a request with a series per value."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name=name)
    for value in values:
        point = metric.gauge.data_points.add(as_int=value, time_unix_nano=5)
        point.attributes.add(key="user").value.int_value = value
    return request.SerializeToString()


def logs(*times: int) -> bytes:
    """Give a request with a record per time."""
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for time in times:
        scope.log_records.add(time_unix_nano=time)
    return request.SerializeToString()


@pytest.mark.parametrize("size", [1_000, 40_000])
def test_a_body_of_just_the_limit_is_taken(tmp_path: Path, size: int) -> None:
    """Small bodies and large ones go different ways; a byte more is too large on both."""
    way = Way(tmp_path, max_request_bytes=size)
    body = gauges(1)
    filling = field(UNKNOWN, bytes(size - len(body) - len(field(UNKNOWN, bytes(size))) + size))
    assert len(body + filling) == size

    assert way.send("metrics", body + filling) == [Content(1)]

    with pytest.raises(TooLargeError):
        way.send("metrics", body + filling + b"\0")


@pytest.mark.parametrize("padding", [0, 40_000, 300_000])
def test_as_many_items_as_the_limit_are_taken(tmp_path: Path, padding: int) -> None:
    """Three of three; four are refused, judged as objects, by columns and on the wire."""
    way = Way(tmp_path, max_points_per_request=3)
    behind = field(UNKNOWN, bytes(padding)) if padding else b""

    assert way.send("metrics", gauges(1, 2, 3) + behind)[0].items == 3

    with pytest.raises(UndecodableError, match="3"):
        way.send("metrics", gauges(1, 2, 3, 4) + behind)


@pytest.mark.parametrize(
    ("room", "taken"), [("ok", "metrics logs traces"), ("shed", "metrics"), ("full", "")]
)
def test_what_is_worth_least_is_refused_first(tmp_path: Path, room: str, taken: str) -> None:
    """A disk that sheds takes metrics alone; a full one nothing."""
    way = Way(tmp_path)
    way.acceptor.room = room

    assert [s for s in ("metrics", "logs", "traces") if way.admit(s)] == taken.split()


def test_an_empty_body_is_taken_and_nothing_is_stored(tmp_path: Path) -> None:
    """It holds nothing: so does a request whose every point is rejected."""
    way = Way(tmp_path)

    assert way.send("metrics", b"") == [Content(0)]
    rejected = way.send("metrics", gauges(1, name=""))[0]

    assert (rejected.items, rejected.rejected) == (1, 1)
    assert way.journal.records == []


def test_a_resend_is_stored_once(tmp_path: Path) -> None:
    """By its content, or by the sender's key; another tenant's or signal's is another body."""
    way = Way(tmp_path)

    way.send("metrics", gauges(1), gauges(1), gauges(2))
    way.send("metrics", gauges(3), gauges(4), key="k")

    assert [record.payload for record in way.journal.records] == [gauges(1), gauges(2), gauges(3)]
    assert way.counters.counts["duplicate_requests", "metrics:http"] == 2


def test_logs_without_a_time_are_stored_each_time(tmp_path: Path) -> None:
    """Two such bodies may both be meant, unless the sender's key says otherwise."""
    way = Way(tmp_path)

    way.send("logs", logs(0), logs(0))
    way.send("logs", logs(5), logs(5))
    way.send("logs", logs(0), logs(0), key="k")

    assert [record.payload for record in way.journal.records] == [logs(0)] * 2 + [logs(5), logs(0)]


def test_a_tenant_of_just_its_series_goes_on(tmp_path: Path) -> None:
    """Two series of two are stored; of a third the points are left out and counted."""
    way = Way(tmp_path, quotas=("shop:series=2",))

    first, second = way.send("metrics", gauges(1, 2), gauges(2, 3))

    assert (first.rejected, second.rejected) == (0, 1)
    assert "1 points are of 1 new series beyond the quota of 2" in second.message
    assert [record.payload for record in way.journal.records] == [gauges(1, 2), gauges(2)]
    assert way.counters.counts["rejected_series_points", "metrics:http"] == 1


def test_a_quota_of_series_asks_nothing_of_logs(tmp_path: Path) -> None:
    """They have none; nor has a request of metrics without a usable point."""
    way = Way(tmp_path, quotas=("shop:series=1",))

    found = way.send("logs", logs(5, 6))
    refused = way.send("metrics", gauges(1, name=""))

    assert [each.rejected for each in (*found, *refused)] == [0, 1]


def test_who_floods_waits_before_it_is_told(tmp_path: Path, monkeypatch) -> None:
    """Half a second: an answer at once feeds the flood."""
    way, waited = Way(tmp_path, quotas=("shop:requests=1",)), []

    async def slept(seconds: float) -> None:
        waited.append(seconds)

    async def act() -> None:
        for _ in range(6):
            await way.acceptor.admit("logs", SHOP)

    monkeypatch.setattr(asyncio, "sleep", slept)
    way.acceptor._quotas._clock = lambda: 0.0  # noqa: SLF001 - time stands still
    with pytest.raises(QuotaError):
        asyncio.run(act())

    assert [seconds for seconds in waited if seconds] == [0.5]
