"""What a million points cost the collector, beside rotel and a Python floor in the same run.

Takes    `--quick` for a quarter of the work and one round
Gives    CPU seconds (user + system) of each server and its children per million points, from the
         end of a warm-up until the work is done, peak memory, p50 and p99 of the answer; best of
         the rounds; and how the lake's cost grows over 1, 4 and 16 times the points
Units    one request holds 1,000 points: 400 gauges, 400 sums, 200 histograms of 10 bounds

Rotel receives and discards; the floor parses, appends and syncs; ours checks, journals and syncs
(`ack`), and with the decoder on also writes the lake (`lake`).
"""

import asyncio
import functools
import gzip
import importlib.metadata
import os
import random
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from collector.otlp.decode.status import wait_until_decoded
from collector.otlp.serve import serve
from meterbook.base.home import Home
from meterbook.base.settings import CollectorSettings

SET: Final = 100
POINTS: Final = 1000
SMALL_POINTS: Final = 30
EXPORT: Final = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
TICKS: Final = os.sysconf("SC_CLK_TCK")
RESOURCE: Final = ("cluster", "namespace", "workload", "node", "region", "zone", "account")
DOORS: Final = ("rotel", "ack", "lake")
Send = Callable[[list[bytes]], list[float]]


def payloads(count: int) -> list[bytes]:
    """Give seeded requests: 20 pods each, 400 pods in all, 13 resource attributes, 5-8 labels."""
    dice = random.Random(7)  # noqa: S311 - a fixed load
    now = time.time_ns()
    return [_request(dice, number, now).SerializeToString() for number in range(count)]


def small_payloads(count: int) -> list[bytes]:
    """Give seeded requests of 30 points, each of one pod."""
    dice, now = random.Random(8), time.time_ns()  # noqa: S311 - a fixed load
    found = []
    for number in range(count):
        request = _request(dice, number, now, pods=1)
        del request.resource_metrics[0].scope_metrics[0].metrics[10:30]
        found.append(request.SerializeToString())
    return found


def _request(
    dice: random.Random, number: int, now: int, pods: int = 20
) -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    for slot in range(pods):
        pod = (number * pods + slot) % 400
        resource = request.resource_metrics.add()
        names = {f"k8s.{name}.name": f"{name}-{pod % 17}" for name in RESOURCE}
        names |= {"k8s.pod.name": f"pod-{pod}", "service.name": f"service-{pod % 40}"}
        names |= {"team": f"team-{pod % 9}", "cloud.provider": "aws"}
        names |= {"service.namespace": f"ns-{pod % 12}", "service.version": "1.2.3"}
        _add(resource.resource.attributes, names)
        metrics = resource.scope_metrics.add().metrics
        for index in range(50):
            _metric(metrics.add(name=f"metric.{index}", unit="1"), dice, index, now)
    return request


def _metric(metric: Any, dice: random.Random, index: int, now: int) -> None:
    if index < 20:
        point = metric.gauge.data_points.add(as_double=dice.random())
    elif index < 40:
        metric.sum.aggregation_temporality, metric.sum.is_monotonic = 2, True
        point = metric.sum.data_points.add(as_int=dice.randrange(10**9))
    else:
        metric.histogram.aggregation_temporality = 2
        point = metric.histogram.data_points.add(count=100, sum=dice.random())
        point.explicit_bounds.extend(range(10))
        point.bucket_counts.extend(dice.randrange(20) for _ in range(11))
    point.start_time_unix_nano, point.time_unix_nano = now - 10**10, now
    _add(point.attributes, {f"label{n}": f"value-{index % 7}-{n}" for n in range(5 + index % 4)})


def _add(attributes: Any, pairs: dict[str, str]) -> None:
    for key, value in pairs.items():
        attributes.add(key=key).value.string_value = value


def distinct(bodies: list[bytes], start: int, count: int) -> list[bytes]:
    """Give requests that differ in one unknown field, so that none passes for a resend."""
    return [
        bodies[n % len(bodies)] + struct.pack("<BQ", 15 << 3 | 1, n)
        for n in range(start, start + count)
    ]


def encoded(door: str, bodies: list[bytes]) -> list[bytes]:
    """Give bodies as a door takes them."""
    if door == "gzip":
        return [gzip.compress(body, 6) for body in bodies]
    if door == "json":
        return [b'{"n":%d,' % n + _as_json(body)[1:] for n, body in enumerate(bodies)]
    return bodies


@functools.lru_cache(maxsize=SET)
def _json_of(body: bytes) -> bytes:
    request = ExportMetricsServiceRequest.FromString(body)
    return json_format.MessageToJson(request, indent=None, use_integers_for_enums=True).encode()


def _as_json(body: bytes) -> bytes:
    return _json_of(body[:-9])  # without the field that makes it distinct


HEADERS: Final = {
    "json": b"Content-Type: application/json\r\n",
    "gzip": b"Content-Type: application/x-protobuf\r\nContent-Encoding: gzip\r\n",
}


def http_send(port: int, door: str) -> Send:
    """Give a sender of two keep-alive connections, one request in flight on each."""
    kind = HEADERS.get(door, b"Content-Type: application/x-protobuf\r\n")

    def lane(bodies: list[bytes], waits: list[float]) -> None:
        with socket.create_connection(("127.0.0.1", port)) as link:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for body in bodies:
                began = time.perf_counter()
                link.sendall(
                    b"POST /v1/metrics HTTP/1.1\r\nHost: localhost\r\n"
                    + kind
                    + b"Content-Length: %d\r\n\r\n" % len(body)
                    + body
                )
                answer = link.recv(65536)
                waits.append(time.perf_counter() - began)
                if not answer.startswith(b"HTTP/1.1 200"):
                    raise RuntimeError(answer[:200])

    return lambda bodies: _two(lane, bodies)


def grpc_send(port: int) -> Send:
    """Give a sender of two channels with bytes that are ready."""

    def lane(bodies: list[bytes], waits: list[float]) -> None:
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(f"127.0.0.1:{port}", options) as channel:
            call: Any = channel.unary_unary(EXPORT)
            for body in bodies:
                began = time.perf_counter()
                call(body, timeout=60)
                waits.append(time.perf_counter() - began)

    return lambda bodies: _two(lane, bodies)


def _two(lane: Callable[[list[bytes], list[float]], None], bodies: list[bytes]) -> list[float]:
    waits: list[float] = []
    lanes = [threading.Thread(target=lane, args=(bodies[n::2], waits)) for n in range(2)]
    for thread in lanes:
        thread.start()
    for thread in lanes:
        thread.join()
    if len(waits) != len(bodies):
        raise RuntimeError(f"{len(waits)} of {len(bodies)} requests were answered")
    return sorted(waits)


def _tree(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(inner for child in children for inner in _tree(int(child)))]


def cpu_seconds(pid: int) -> float:
    """Give user and system seconds of a process and its children."""
    total = 0
    for each in _tree(pid):
        fields = Path(f"/proc/{each}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def peak_mib(pid: int) -> float:
    """Give the peak memory of a process and its children, added up."""
    lines = [
        line
        for each in _tree(pid)
        for line in Path(f"/proc/{each}/status").read_text(encoding="ascii").splitlines()
    ]
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


class _Floor(asyncio.Protocol):
    """Parse, append, sync, answer: no product."""

    def __init__(self, handle: int) -> None:
        self.handle, self.data = handle, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        head, found, body = self.data.partition(b"\r\n\r\n")
        size = int(head.rsplit(b"Content-Length: ", 1)[1].split(b"\r")[0]) if found else 0
        if found and len(body) >= size:
            ExportMetricsServiceRequest.FromString(body)
            os.write(self.handle, body)
            os.fdatasync(self.handle)
            self.data = b""
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


async def _floor(port: int, file: Path) -> None:
    handle = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    server = await asyncio.get_running_loop().create_server(
        lambda: _Floor(handle), "127.0.0.1", port
    )
    await server.serve_forever()


def _serve(kind: str, grpc_port: int, http_port: int, folder: Path) -> None:
    if kind == "floor":
        asyncio.run(_floor(http_port, folder / "log"))
    settings = CollectorSettings(
        grpc_port=grpc_port, http_port=http_port, segment_seconds=1.0, telemetry_seconds=0
    )
    sys.exit(serve(settings, Home(folder), decode=kind == "lake"))


def _command(kind: str, grpc_port: int, http_port: int, home: Path) -> list[str]:
    if kind != "rotel":
        return [
            sys.executable,
            __file__,
            "--serve",
            kind,
            str(grpc_port),
            str(http_port),
            str(home),
        ]
    files = importlib.metadata.files("rotel") or []
    program = next((str(f.locate()) for f in files if f.name == "rotel-agent"), "")
    ends = (("grpc", grpc_port), ("http", http_port))
    places = [w for n, p in ends for w in (f"--otlp-{n}-endpoint", f"127.0.0.1:{p}")]
    return [program, "start", *places, "--exporter", "blackhole"]


def free_port() -> int:
    """Give a port that nobody has."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def await_port(port: int) -> None:
    """Wait until somebody listens."""
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.1)
        else:
            return


def measure(kind: str, door: str, bodies: list[bytes], requests: int) -> dict[str, Any]:
    """Start a server, warm it up with one set, give it the fixed work, and count its CPU."""
    warm = encoded(door, distinct(bodies, 0, SET))
    work = encoded(door, distinct(bodies, SET, requests))
    with tempfile.TemporaryDirectory() as folder:
        home, ports = Path(folder), (free_port(), free_port())
        process = subprocess.Popen(
            _command(kind, *ports, home),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        )
        try:
            await_port(ports[1])
            send = grpc_send(ports[0]) if door == "grpc" else http_send(ports[1], door)
            send(warm)
            _settle(kind, home)
            before = cpu_seconds(process.pid)
            waits = send(work)
            _settle(kind, home)
            used = cpu_seconds(process.pid) - before
            memory = peak_mib(process.pid)
        finally:
            process.terminate()
            process.wait()
    points = requests * (SMALL_POINTS if door == "small" else POINTS)
    return {
        "server": kind,
        "door": door,
        "cpu": used * 1e6 / points,
        "mib": memory,
        "p50": waits[len(waits) // 2] * 1000,
        "p99": waits[len(waits) * 99 // 100] * 1000,
    }


def _settle(kind: str, folder: Path) -> None:
    if kind == "lake":
        wait_until_decoded(Home(folder), 120)
    time.sleep(0.5)


def run(*, quick: bool) -> list[dict[str, Any]]:
    """Measure all servers in turn, round by round; give the best of each."""
    bodies = {door: payloads(SET) for door in ("http", "grpc", "gzip", "json")}
    bodies["small"] = small_payloads(SET)
    kinds = [(k, "http") for k in ("rotel", "floor", "ack", "lake")]
    kinds += [(k, door) for door in ("grpc", "gzip", "json", "small") for k in DOORS]
    try:
        importlib.metadata.files("rotel")
    except importlib.metadata.PackageNotFoundError:
        print("rotel is not installed: no ratio to it")
        kinds = [pair for pair in kinds if pair[0] != "rotel"]
    best: dict[tuple[str, str], dict[str, Any]] = {}
    for _ in range(1 if quick else 2):
        for pair in kinds:
            requests = 100 if quick else 400
            requests *= 5 if pair[1] == "small" else 1
            found = measure(*pair, bodies[pair[1]], requests)
            if pair not in best or found["cpu"] < best[pair]["cpu"]:
                best[pair] = found
    return list(best.values())


def main() -> None:
    """Print the table."""
    quick = "--quick" in sys.argv
    rows = run(quick=quick)
    rotel = {row["door"]: row["cpu"] for row in rows if row["server"] == "rotel"}
    head = ("CPU s/M points", "x rotel", "peak MiB", "p50 ms", "p99 ms")
    print(f"{'door':6}{'server':8}{head[0]:>16}" + "".join(f"{text:>10}" for text in head[1:]))
    for row in rows:
        ratio = f"{row['cpu'] / rotel[row['door']]:.2f}" if row["door"] in rotel else "-"
        print(
            f"{row['door']:6}{row['server']:8}{row['cpu']:16.2f}{ratio:>10}{row['mib']:10.0f}"
            f"{row['p50']:10.1f}{row['p99']:10.1f}"
        )
    print("growth of ack to Parquet over HTTP:")
    for times in (1, 4) if quick else (1, 4, 16):
        row = measure("lake", "http", payloads(SET), 100 * times)
        print(f"{times:4} x {row['cpu']:8.2f} CPU s/M points {row['mib']:8.0f} MiB peak")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        _serve(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
    main()
