"""The gRPC door without a socket: who sends, under which name, and how a refusal is told."""

import asyncio
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo

from collector.otlp.admission.check import Content
from collector.otlp.admission.counters import Counters
from collector.otlp.admission.gate import Gate, Sender
from collector.otlp.admission.tokens import TokenBook
from collector.otlp.doors import grpc_door
from meterbook.base.errors import MeterbookError, OverloadedError, UndecodableError
from meterbook.base.settings import CollectorSettings


class Aborted(Exception):  # noqa: N818 - what gRPC does to a call
    """A call that was ended with a status."""


class Call:
    """What gRPC tells of a call."""

    def __init__(self, *metadata: tuple[str, str], names: tuple[bytes, ...] = ()) -> None:
        """Keep the metadata and the names of the client's certificate."""
        self.metadata, self.names = metadata, names
        self.status: Any = None

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        """Give the headers."""
        return self.metadata

    def auth_context(self) -> dict[str, tuple[bytes, ...]]:
        """Give what the certificate says."""
        return {"x509_subject_alternative_name": self.names}

    async def abort_with_status(self, status: grpc.Status) -> None:
        """End the call."""
        self.status = status
        raise Aborted


class Accepted:
    """Stands where requests come in; fails as it is told to."""

    def __init__(self, error: MeterbookError | None = None) -> None:
        """Begin with nothing."""
        self.error = error
        self.counters = Counters({})
        self.taken: list[tuple[str, Sender, bytes, str]] = []

    async def admit(self, _signal: str, _sender: Sender) -> None:
        """Let everybody in."""

    async def accept(self, signal: str, sender: Sender, body: bytes, key: str) -> Content:
        """Keep a body."""
        if self.error:
            raise self.error
        self.taken.append((signal, sender, body, key))
        return Content(1)


def export(tmp_path, accepted: Accepted, call: Call, auth: str = "none") -> bytes:
    """Make a call of logs."""
    gate = Gate(auth, TokenBook(tmp_path / "tokens"), lambda: None)  # type: ignore[arg-type,return-value] # no token has a time
    made = grpc_door._export(accepted, gate, "logs")  # type: ignore[arg-type] # noqa: SLF001 - what the server calls
    return asyncio.run(made(b"body", call))  # type: ignore[arg-type] # a coroutine


@pytest.mark.parametrize("name", ["idempotency-key", "x-idempotency-key"])
def test_either_header_names_a_request(tmp_path, name):
    """The body comes as it was sent, for the tenant of who asks nobody."""
    accepted = Accepted()

    answer = export(tmp_path, accepted, Call(("other", "x"), (name, "k-1")))

    assert answer == b""
    assert accepted.taken == [("logs", Sender("default", "grpc"), b"body", "k-1")]


def test_a_certificate_names_the_tenant(tmp_path):
    """One DNS name."""
    accepted = Accepted()

    export(tmp_path, accepted, Call(names=(b"shop",)), "certificate")

    assert accepted.taken[0][1] == Sender("shop", "grpc")


def test_who_is_not_known_is_refused_and_counted(tmp_path):
    """Before its body is looked at."""
    accepted, call = Accepted(), Call(("authorization", "Bearer mb_0_x"))

    with pytest.raises(Aborted):
        export(tmp_path, accepted, call, "token")

    assert call.status.code == grpc.StatusCode.UNAUTHENTICATED
    assert accepted.taken == []
    assert accepted.counters.counts["refused_requests", "logs:grpc:unauthenticated"] == 1


@pytest.mark.parametrize(
    ("error", "code", "has_time"),
    [
        (OverloadedError("full"), grpc.StatusCode.UNAVAILABLE, True),
        (UndecodableError("no OTLP"), grpc.StatusCode.INVALID_ARGUMENT, False),
    ],
)
def test_a_time_to_come_again_stands_where_each_sender_looks(tmp_path, error, code, has_time):
    """In the status, and in a trailer of its own; not where coming again does not help."""
    call = Call()

    with pytest.raises(Aborted):
        export(tmp_path, Accepted(error), call)

    trailers = dict(call.status.trailing_metadata)
    assert (call.status.code, call.status.details) == (code, str(error))
    assert "grpc-status-details-bin" in trailers
    assert ("google.rpc.retryinfo-bin" in trailers) == has_time
    if has_time:
        told = RetryInfo.FromString(trailers["google.rpc.retryinfo-bin"])
        assert 0 < told.retry_delay.seconds <= 30


@pytest.mark.parametrize(("age", "options"), [(0.0, {}), (1.5, {1500, 10_000})])
def test_connections_are_renewed_only_where_an_age_is_set(age, options):
    """In milliseconds, with ten seconds of grace; the limit of a body is that of the settings."""
    settings = CollectorSettings(grpc_max_age_seconds=age, max_request_bytes=77)

    found = dict(grpc_door._options(settings))  # noqa: SLF001 - what the server is told

    ages = {value for name, value in found.items() if "connection_age" in name}
    assert ages == set(options)
    assert found["grpc.max_receive_message_length"] == 77
