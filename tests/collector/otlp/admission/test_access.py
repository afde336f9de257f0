"""Who may come in, over what, and what the collector tells: real sockets, real TLS."""

import http.client
import json
import os
import select
import socket
import ssl
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import polars as pl
import pytest
import trustme
from google.rpc.error_details_pb2 import RetryInfo
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from collector.otlp.admission.tokens import create_token, revoke_token
from collector.otlp.decode.status import wait_until_decoded
from meterbook.base.home import Home

EXPORT = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
pytestmark = pytest.mark.slow  # a collector of its own for each
NOW = datetime.now(UTC)  # noqa: TID251 - a real server looks at the real clock


def _export(channel, body: bytes, *metadata: tuple[str, str]) -> bytes:
    call: Any = channel.unary_unary(EXPORT)
    answer: bytes = call(body, timeout=20, metadata=metadata)
    return answer


def _refusal(channel, body: bytes, *metadata: tuple[str, str]) -> Any:
    with pytest.raises(grpc.RpcError) as caught:
        _export(channel, body, *metadata)
    return caught.value


def _plain(running):
    return grpc.insecure_channel(f"127.0.0.1:{running.grpc_port}")


def _tenants(home) -> set[str]:
    wait_until_decoded(home, 20)
    return set(pl.read_parquet(list((home.lake / "raw_series").rglob("*.parquet")))["tenant"])


def test_a_token_is_asked_for_at_both_doors_and_names_the_tenant(start, gauge, tmp_path):
    """Without one 401 and UNAUTHENTICATED, without the scope 403; what a body claims is nothing."""
    home = Home(tmp_path / "home")
    shop, _ = create_token(home.tokens, "shop", ["ingest:metrics"], NOW)
    bank, _ = create_token(home.tokens, "bank", ["ingest"], NOW)
    running = start(auth="token")

    assert running.post(gauge(1.0))[0] == 401
    assert running.post(gauge(1.0), Authorization="Bearer nonsense")[0] == 401
    assert running.post(gauge(1.0), "/v1/logs", Authorization=f"Bearer {shop}")[0] == 403
    assert running.post(gauge(1.0), Authorization=f"bearer {shop}")[0] == 200
    with _plain(running) as channel:
        refused = _refusal(channel, gauge(2.0))
        _export(channel, gauge(2.0), ("authorization", f"Bearer {bank}"))

    assert refused.code() == grpc.StatusCode.UNAUTHENTICATED
    assert _tenants(home) == {"shop", "bank"}


def test_a_token_made_or_revoked_while_we_run_counts_within_seconds(start, gauge, tmp_path):
    """No restart for a rotation."""
    home = Home(tmp_path / "home")
    running = start(auth="token")
    clear, made = create_token(home.tokens, "shop", ["ingest"], NOW)

    _until(lambda: running.post(gauge(1.0), Authorization=f"Bearer {clear}")[0] == 200)
    revoke_token(home.tokens, made.id, NOW)
    _until(lambda: running.post(gauge(2.0), Authorization=f"Bearer {clear}")[0] == 401)


def _until(holds) -> None:
    for _ in range(100):
        if holds():
            return
        with socket.socket() as idle:  # waits a tenth of a second without sleeping the test
            idle.settimeout(0.1)
            idle.bind(("127.0.0.1", 0))
            idle.listen()
            with pytest.raises(TimeoutError):
                idle.accept()
    pytest.fail("it did not come to hold within 10 seconds")


def test_the_same_body_of_two_tenants_is_two_bodies(start, gauge, tmp_path):
    """Keys of content never meet across tenants."""
    home = Home(tmp_path / "home")
    clear = [create_token(home.tokens, t, ["ingest"], NOW)[0] for t in ("shop", "bank")]
    running = start(auth="token")

    for token in clear * 2:
        assert running.post(gauge(1.0), Authorization=f"Bearer {token}")[0] == 200

    wait_until_decoded(home, 20)
    points = pl.read_parquet(list((home.lake / "raw_point").rglob("*.parquet")))
    assert points["value"].to_list() == [1.0, 1.0]


def test_a_tenant_over_its_quota_is_asked_to_come_again(start, gauge, tmp_path):
    """429 with Retry-After, RESOURCE_EXHAUSTED with RetryInfo; the other tenant is served."""
    home = Home(tmp_path / "home")
    shop, bank = (create_token(home.tokens, t, ["ingest"], NOW)[0] for t in ("shop", "bank"))
    running = start(auth="token", quotas=["shop:bytes=1"])
    assert running.post(gauge(1.0), Authorization=f"Bearer {shop}")[0] == 200

    status, _, headers = running.post(gauge(2.0), Authorization=f"Bearer {shop}")
    with _plain(running) as channel:
        refused = _refusal(channel, gauge(3.0), ("authorization", f"Bearer {shop}"))

    assert (status, 1 <= int(headers["Retry-After"]) <= 80) == (429, True)
    assert refused.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert _retry_seconds(refused) >= 1
    assert running.post(gauge(4.0), Authorization=f"Bearer {bank}")[0] == 200


def _retry_seconds(error) -> int:
    made = rpc_status.from_call(error)
    detail = RetryInfo()
    assert made.details[0].Unpack(detail)
    trailers = dict(error.trailing_metadata())
    assert trailers["google.rpc.retryinfo-bin"] == detail.SerializeToString()  # the SDK's place
    return int(detail.retry_delay.seconds)


def test_a_full_journal_asks_to_come_again(start, gauge):
    """503 with Retry-After, UNAVAILABLE with RetryInfo; health says so too."""
    running = start(max_journal_bytes=0)

    status, _, headers = running.post(gauge(1.0))
    with _plain(running) as channel:
        refused = _refusal(channel, gauge(1.0))

    assert (status, 10 <= int(headers["Retry-After"]) <= 60) == (503, True)
    assert refused.code() == grpc.StatusCode.UNAVAILABLE
    assert 10 <= _retry_seconds(refused) <= 60
    url = f"http://127.0.0.1:{running.http_port}/healthz"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url, timeout=5)
    with caught.value:
        assert caught.value.code == 503


@pytest.fixture
def authority():
    """Give an authority that signs certificates."""
    return trustme.CA()


def _certificate(authority, folder: Path) -> dict[str, str]:
    """Write a server certificate; give the settings that name it."""
    made = authority.issue_cert("localhost", "127.0.0.1")
    certificate, key = folder / "server.pem", folder / "server.key"
    for path, blobs in ((key, [made.private_key_pem]), (certificate, made.cert_chain_pems)):
        path.with_suffix(".new").write_bytes(b"".join(blob.bytes() for blob in blobs))
        path.with_suffix(".new").replace(path)
    return {"tls_certificate": str(certificate), "tls_key": str(key)}


def _https(running, body: bytes, context: ssl.SSLContext) -> int:
    link = http.client.HTTPSConnection("localhost", running.http_port, context=context, timeout=20)
    try:
        link.request("POST", "/v1/metrics", body, {"Content-Type": "application/x-protobuf"})
        return link.getresponse().status
    finally:
        link.close()


def test_both_doors_speak_tls_and_take_up_a_new_certificate(start, gauge, authority, tmp_path):
    """A rotated file is served within seconds, without a restart; plain text gets nothing."""
    running = start(**_certificate(authority, tmp_path))
    trusting = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    roots = grpc.ssl_channel_credentials(authority.cert_pem.bytes())

    assert _https(running, gauge(1.0), trusting) == 200
    with grpc.secure_channel(f"localhost:{running.grpc_port}", roots) as channel:
        assert _export(channel, gauge(2.0)) == b""
    with pytest.raises((OSError, http.client.HTTPException)):
        running.post(gauge(3.0))

    other = trustme.CA()
    _certificate(other, tmp_path)
    renewed = ssl.create_default_context(cadata=other.cert_pem.bytes().decode())
    _until(lambda: _reaches(running, gauge(4.0), renewed))
    roots = grpc.ssl_channel_credentials(other.cert_pem.bytes())
    with grpc.secure_channel(f"localhost:{running.grpc_port}", roots) as channel:
        assert _export(channel, gauge(5.0)) == b""


def _reaches(running, body: bytes, context: ssl.SSLContext) -> bool:
    try:
        return _https(running, body, context) == 200
    except ssl.SSLError:
        return False


def test_a_client_certificate_names_the_tenant_at_both_doors(start, gauge, authority, tmp_path):
    """No certificate and one of another authority get nothing."""
    client_authority = tmp_path / "clients.pem"
    clients = trustme.CA()
    clients.cert_pem.write_to_path(str(client_authority))
    settings = _certificate(authority, tmp_path)
    running = start(auth="certificate", tls_client_ca=str(client_authority), **settings)
    server = authority.cert_pem.bytes()
    shop = clients.issue_cert("shop")

    bare = ssl.create_default_context(cadata=server.decode())
    foreign = ssl.create_default_context(cadata=server.decode())
    authority.issue_cert("shop").configure_cert(foreign)
    good = ssl.create_default_context(cadata=server.decode())
    shop.configure_cert(good)

    for context in (bare, foreign):
        with pytest.raises((OSError, http.client.HTTPException)):
            _https(running, gauge(1.0), context)
    assert _https(running, gauge(1.0), good) == 200
    pair = (shop.private_key_pem.bytes(), shop.cert_chain_pems[0].bytes())
    known = grpc.ssl_channel_credentials(server, *pair)
    with grpc.secure_channel(f"localhost:{running.grpc_port}", known) as channel:
        _export(channel, gauge(2.0))
    with grpc.secure_channel(
        f"localhost:{running.grpc_port}", grpc.ssl_channel_credentials(server)
    ) as channel:
        assert _refusal(channel, gauge(3.0)).code() == grpc.StatusCode.UNAVAILABLE
    assert _tenants(running.home) == {"shop"}


def test_unix_sockets_take_the_same(start, gauge, tmp_path):
    """Both doors by a path; the file of a killed run is no obstacle."""
    paths = {"http_socket": str(tmp_path / "h.sock"), "grpc_socket": str(tmp_path / "g.sock")}
    start(**paths).kill()
    start(**paths)

    with socket.socket(socket.AF_UNIX) as link:
        link.connect(paths["http_socket"])
        body = gauge(1.0)
        link.sendall(
            b"POST /v1/metrics HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body
        )
        assert link.recv(100).startswith(b"HTTP/1.1 200")
    with grpc.insecure_channel(f"unix:{paths['grpc_socket']}") as channel:
        assert _export(channel, gauge(2.0)) == b""


def test_browsers_are_let_in_only_from_named_origins(start, gauge):
    """A preflight and a post of a named origin; another origin gets no leave."""
    running = start(cors_origins=["https://shop.example"])
    link = http.client.HTTPConnection("127.0.0.1", running.http_port, timeout=20)

    def ask(method: str, origin: str) -> http.client.HTTPResponse:
        named = {"Origin": origin, "Content-Type": "application/x-protobuf"}
        named["Access-Control-Request-Headers"] = "content-type"
        link.request(method, "/v1/metrics", gauge(1.0) if method == "POST" else None, named)
        answer = link.getresponse()
        answer.read()
        return answer

    allowed, posted = ask("OPTIONS", "https://shop.example"), ask("POST", "https://shop.example")
    foreign = ask("OPTIONS", "https://evil.example")
    link.close()

    assert (allowed.status, allowed.headers["Access-Control-Allow-Methods"]) == (204, "POST")
    assert allowed.headers["Access-Control-Allow-Headers"] == "content-type"
    assert posted.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert (foreign.status, foreign.headers["Access-Control-Allow-Origin"]) == (405, None)


def test_health_is_reported_in_both_protocols(running):
    """SERVING for the whole and for each service, NOT_FOUND for another."""
    with _plain(running) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        services = ("", "opentelemetry.proto.collector.logs.v1.LogsService")
        found = [stub.Check(health_pb2.HealthCheckRequest(service=s)).status for s in services]
        with pytest.raises(grpc.RpcError) as unknown:
            stub.Check(health_pb2.HealthCheckRequest(service="nobody"))
    url = f"http://127.0.0.1:{running.http_port}/healthz"
    with urllib.request.urlopen(url, timeout=5) as answer:
        reported = json.load(answer)

    assert found == [health_pb2.HealthCheckResponse.SERVING] * 2
    assert unknown.value.code() == grpc.StatusCode.NOT_FOUND
    assert reported == {"status": "ok"}


def test_our_own_metrics_add_up(running, gauge):
    """Accepted + refused = sent, by signal, transport and cause; duplicates are told."""
    for body in (gauge(1.0, 2.0), gauge(3.0), gauge(3.0)):
        assert running.post(body)[0] == 200
    assert running.post(b"\xff\xff")[0] == 400
    with _plain(running) as channel:
        _export(channel, gauge(4.0))

    url = f"http://127.0.0.1:{running.http_port}/metrics"
    with urllib.request.urlopen(url, timeout=5) as answer:
        text = answer.read().decode()

    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    by_http, by_grpc = '{signal="metrics",transport="http"}', '{signal="metrics",transport="grpc"}'
    assert lines[f"mb_ingest_accepted_requests_total{by_http}"] == "3"
    assert lines[f"mb_ingest_accepted_items_total{by_http}"] == "4"
    assert lines[f"mb_ingest_duplicate_requests_total{by_http}"] == "1"
    assert lines[f"mb_ingest_accepted_requests_total{by_grpc}"] == "1"
    refused = (
        'mb_ingest_refused_requests_total{signal="metrics",transport="http",cause="undecodable"}'
    )
    assert lines[refused] == "1"
    assert {"mb_wal_bytes", "mb_wal_fsync_seconds", "mb_disk_free_ratio"} <= set(lines)


def test_it_records_its_own_metrics_in_the_lake(start, gauge):
    """What it counts comes to the lake the way of all telemetry, under its own name."""
    running = start(telemetry_seconds=0.1)
    running.post(gauge(1.0))

    def is_recorded() -> bool:
        files = list((running.home.lake / "raw_series").rglob("*.parquet"))
        names = set(pl.read_parquet(files)["metric_name"]) if files else set()
        return "mb_ingest_accepted_requests" in names

    _until(is_recorded)


def test_a_port_that_is_taken_is_reported_with_exit_status_2(running, tmp_path):
    """Neither door shares its port, not even with another collector."""
    for key, port in (("GRPC", running.grpc_port), ("HTTP", running.http_port)):
        other = "HTTP" if key == "GRPC" else "GRPC"
        ports = {f"MB_COLLECTOR_{key}_PORT": str(port), f"MB_COLLECTOR_{other}_PORT": "0"}
        done = subprocess.run(
            [sys.executable, "-m", "meterbook.cli", "--home", str(tmp_path / "two"), "collect"],
            env=os.environ | ports,
            cwd=Path(__file__).parents[4],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

        assert (done.returncode, f"port {port} is taken" in done.stderr) == (2, True)


def test_slow_senders_are_cut_off_and_others_served(start, gauge):
    """Half a header, half a body and a silent connection end in their time; a whole one passes."""
    running = start(header_seconds=0.5, body_seconds=0.5, idle_seconds=1.0)
    halves = (
        b"POST /v1/metrics HTTP/1.1\r\nHost: x\r\n",
        (
            b"POST /v1/metrics HTTP/1.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: 9\r\n\r\n{"
        ),
        b"",
    )
    links = []
    for half in halves:
        link = socket.create_connection(("127.0.0.1", running.http_port), timeout=10)
        link.sendall(half)
        links.append(link)

    assert running.post(gauge(1.0))[0] == 200
    assert [link.recv(10) for link in links] == [b"", b"", b""]
    for link in links:
        link.close()


def test_a_body_too_large_is_reported_while_it_is_still_being_sent(start, gauge):
    """413 in full, whether the length is declared or not; then the connection ends."""
    running = start(max_request_bytes=2048)
    head = b"POST /v1/metrics HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
    declared = head + b"Content-Length: 400000\r\n\r\n" + bytes(1000)
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n" + b"800\r\n" + bytes(2048) + b"\r\n"
    for start_of_it in (declared, chunked + b"800\r\n" + bytes(2048) + b"\r\n"):
        with socket.create_connection(("127.0.0.1", running.http_port), timeout=10) as link:
            link.sendall(start_of_it)
            assert link.recv(4096).startswith(b"HTTP/1.1 413 ")
            link.sendall(bytes(1000))  # it is still sending

    assert running.post(gauge(1.0))[0] == 200


def test_bodies_that_never_end_take_a_bounded_part_of_memory(start, gauge):
    """Forty bodies that stop at 15 MB: 17 fit into 256 MiB, the others are asked to come again."""
    running = start()
    head = (
        b"POST /v1/metrics HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
        b"Content-Length: 16000000\r\n\r\n"
    )
    links = [
        socket.create_connection(("127.0.0.1", running.http_port), timeout=20) for _ in range(40)
    ]
    for link in links:
        link.sendall(head + bytes(15_000_000))

    waiting = list(links)
    while len(waiting) > 17:
        ready, _, _ = select.select(waiting, [], [], 10)
        assert ready
        for link in ready:
            assert link.recv(20).startswith(b"HTTP/1.1 503")
            waiting.remove(link)
    assert select.select(waiting, [], [], 0.2)[0] == []
    assert running.peak() < 600_000_000
    for link in links:
        link.close()
    _until(lambda: running.post(gauge(1.0))[0] == 200)
