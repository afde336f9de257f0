"""Bills in a bucket, against a server that speaks the protocol and checks signatures."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from botocore.response import StreamingBody

from collector.billing.delivery import catalog, s3
from collector.billing.delivery.load import LoadReport, load, places_of
from collector.billing.delivery.source import ChangedError, SourceFile
from meterbook.base.errors import DeliveryError
from meterbook.base.home import Home
from meterbook.base.settings import BillingSettings

Put = Callable[..., Path]
NOW = datetime(2099, 11, 2, tzinfo=UTC)
KEY, SECRET = "AKIAEXAMPLE", "a-secret-that-nobody-may-see"
RCLONE = Path(sys.executable).with_name("rclone")


def states(report: LoadReport) -> list[str]:
    """Give what became of each."""
    return [outcome.state for outcome in report.outcomes]


@dataclass(frozen=True)
class Bucket:
    """A bucket that is a folder of the server's."""

    root: Path
    port: int

    @property
    def folder(self) -> Path:
        """Give the bucket's folder: what is written there is served."""
        return self.root / "bills"

    def take(self, home: Home, prefix: str = "", *, port: int = 0) -> LoadReport:
        """Load what lies below a prefix."""
        terms = BillingSettings(
            settle_seconds=0,
            s3_endpoint=f"http://127.0.0.1:{port or self.port}",
            s3_region="us-east-1",
            s3_path_style=True,
            s3_attempts=3,
        )
        places = places_of([f"s3://bills/{prefix}"])
        said: list[str] = []
        report = load(places, home, terms, now=NOW, accept=None, say=said.append)
        assert SECRET not in report.text + "".join(said)
        return report


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """Serve a folder as S3 on loopback."""
    root = tmp_path_factory.mktemp("s3")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", f"{KEY},{SECRET}"]
    cached = ["--vfs-cache-mode", "off", "--dir-cache-time", "0s", "--config", os.devnull]
    process = subprocess.Popen([RCLONE, *words, *cached, str(root)], stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield Bucket(root, port)
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        threading.Event().wait(0.05)
    pytest.fail("the server does not answer")


@pytest.fixture
def bucket(server: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """Give an empty bucket, with the right credentials in the environment."""
    server.folder.rename(tmp_path / "former") if server.folder.exists() else None
    server.folder.mkdir()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    return server


def ids(home: Home) -> list[str]:
    """Give the resources of the lines in force."""
    frame = catalog.scan_cost_lines(home).select("resource_id").collect()
    return sorted(frame["resource_id"].to_list())


@pytest.mark.slow
def test_paging_over_1000_keys(put: Put, bucket: Bucket, tmp_path: Path) -> None:
    """All of 1,500 keys are listed, over two pages."""
    for number in range(1500):
        (bucket.folder / f"{number:04d}.txt").touch()
    put(bucket.folder / "z" / "last.csv", line_item_resource_id="i-last")

    report = bucket.take(Home(tmp_path / "home"))

    assert states(report) == ["loaded"]
    assert ids(Home(tmp_path / "home")) == ["i-last"]


def test_only_what_the_manifest_names_is_read(put: Put, bucket: Bucket, tmp_path: Path) -> None:
    """A leftover part is not even downloaded."""
    for name in ("part-1", "part-2"):
        put(bucket.folder / "data" / f"{name}.csv", line_item_resource_id=name)
    names = {"dataFiles": ["s3://bills/data/part-1.csv"]}
    (bucket.folder / "x-Manifest.json").write_text(json.dumps(names))

    assert states(bucket.take(Home(tmp_path / "home"))) == ["loaded"]
    assert ids(Home(tmp_path / "home")) == ["part-1"]
    assert states(bucket.take(Home(tmp_path / "home"))) == ["unchanged"]
    assert not (Home(tmp_path / "home").landing).is_dir() or not list(
        (Home(tmp_path / "home").landing).iterdir()
    )


@pytest.mark.parametrize("name", ["a b.csv", "a+b.csv", "größe-東.csv", "a=1&b.csv"])
def test_keys_with_spaces_plus_unicode(put: Put, bucket: Bucket, tmp_path: Path, name: str) -> None:
    """Such keys are read like others."""
    put(bucket.folder / "some where" / name, line_item_resource_id="i-1")

    assert states(bucket.take(Home(tmp_path / "home"), "some where")) == ["loaded"]
    assert ids(Home(tmp_path / "home")) == ["i-1"]


def test_one_object_and_no_neighbour(put: Put, bucket: Bucket, tmp_path: Path) -> None:
    """An address of one object reads that, not another whose key begins with it."""
    put(bucket.folder / "exports" / "cur.csv", line_item_resource_id="i-1")
    put(bucket.folder / "exports" / "cur.csv.gz.csv", line_item_resource_id="i-2")
    put(bucket.folder / "exports-old" / "cur.csv", line_item_resource_id="i-3")

    bucket.take(Home(tmp_path / "one"), "exports/cur.csv")
    bucket.take(Home(tmp_path / "all"), "exports")

    assert ids(Home(tmp_path / "one")) == ["i-1"]
    assert ids(Home(tmp_path / "all")) == ["i-1", "i-2"]


@pytest.mark.parametrize(
    ("key", "secret", "words"),
    [
        ("AKIAOTHER", SECRET, "the access key is not known there"),
        (KEY, "wrong", "the secret key does not fit"),
    ],
)
def test_wrong_credentials(
    bucket: Bucket, tmp_path: Path, monkeypatch, key: str, secret: str, words: str
) -> None:
    """They are told in words, without the credentials, and the load says that it is not done."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)

    report = bucket.take(Home(tmp_path / "home"))

    assert states(report) == ["not read"]
    assert report.is_refused
    assert words in report.text
    assert secret not in report.text
    assert key not in report.text


def test_no_credentials(bucket: Bucket, tmp_path: Path, monkeypatch) -> None:
    """Without any the words say where they are looked for."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    assert "AWS_PROFILE" in bucket.take(Home(tmp_path / "home")).text


def test_no_such_bucket_or_endpoint(bucket: Bucket, tmp_path: Path) -> None:
    """Both are told; a source that does not answer leaves the others alone."""
    bucket.folder.rmdir()
    with socket.socket() as shut:
        shut.bind(("127.0.0.1", 0))
        port = shut.getsockname()[1]

        assert "no such bucket" in bucket.take(Home(tmp_path / "home")).text
        assert "nothing answers" in bucket.take(Home(tmp_path / "home"), port=port).text


@pytest.mark.parametrize(
    ("status", "code"), [(400, "AuthorizationHeaderMalformed"), (301, "PermanentRedirect")]
)
def test_wrong_region(bucket: Bucket, tmp_path: Path, status: int, code: str) -> None:
    """A store that expects another region is told in words that say what to set."""
    answer = f"<Error><Code>{code}</Code><Region>eu-central-1</Region></Error>".encode()

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as store:
        threading.Thread(target=store.serve_forever, daemon=True).start()
        report = bucket.take(Home(tmp_path / "home"), port=store.server_port)
        store.shutdown()

    assert states(report) == ["not read"]
    assert "the bucket is in another region; set billing.s3_region" in report.text


@pytest.mark.slow
@pytest.mark.parametrize("words", [("load",), ("run", "--once")])
def test_the_command_reads_a_configured_bucket(
    put: Put, bucket: Bucket, tmp_path: Path, words: Sequence[str]
) -> None:
    """`meterbook load` and `meterbook run` take an `s3://` source of meterbook.toml."""
    put(bucket.folder / "cur" / "cur.csv", line_item_resource_id="i-1")
    config = tmp_path / "meterbook.toml"
    config.write_text(
        f"""
        [billing]
        sources = ["s3://bills/cur"]
        settle_seconds = 0
        s3_endpoint = "http://127.0.0.1:{bucket.port}"
        s3_region = "us-east-1"
        s3_path_style = true
        """
    )
    program = [sys.executable, "-m", "meterbook.cli", "--config", str(config)]

    done = subprocess.run(
        [*program, "--home", str(tmp_path / "home"), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )

    assert done.returncode == 0, done.stderr
    assert "cur 2026-10: loaded, 1 lines" in done.stdout + done.stderr
    assert ids(Home(tmp_path / "home")) == ["i-1"]
    assert SECRET not in done.stdout + done.stderr


class Cutter:
    """A proxy that passes so many bytes of answers, and then ends the connection, once."""

    def __init__(self, port: int, after: int) -> None:
        """Listen on a free port."""
        self.target, self.left = port, after
        self.requests: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.was_cut = False
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.target))
            for one, other, back in ((near, far, False), (far, near, True)):
                threading.Thread(target=self._pass, args=(one, other, back), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket, is_answer: bool) -> None:  # noqa: FBT001
        with one, other:
            while True:
                try:
                    data = one.recv(65536)
                    if not data:
                        return
                    if is_answer:
                        self.left -= len(data)
                        if self.left < 0 and not self.was_cut:
                            self.was_cut = True
                            other.shutdown(socket.SHUT_RDWR)  # closed alone it would stay open
                            return
                    else:
                        self.requests.append(data)
                    other.sendall(data)
                except OSError:
                    return


def _big(put: Put, path: Path, rows: int) -> Sequence[str]:
    """Write a bill that does not fit into one chunk; give its resources."""
    put(path)
    names = [f"i-{number:06d}" for number in range(rows)]
    frame = pl.read_csv(path, infer_schema=False).select(pl.all().repeat_by(rows).explode())
    frame.with_columns(pl.Series("line_item_resource_id", names)).write_csv(path)
    return names


@pytest.mark.slow
def test_a_connection_that_breaks_in_mid_download(put: Put, bucket: Bucket, tmp_path: Path) -> None:
    """The download goes on where it broke: the second request asks for the rest only."""
    names = _big(put, bucket.folder / "cur.csv", 20_000)
    cutter = Cutter(bucket.port, after=1_500_000)
    with cutter.listener:
        report = bucket.take(Home(tmp_path / "home"), port=cutter.port)

    assert cutter.was_cut
    assert states(report) == ["loaded"]
    assert ids(Home(tmp_path / "home")) == names
    ranges = [part for request in cutter.requests for part in request.split(b"\r\n")]
    begun = [part for part in ranges if part.lower().startswith(b"range: bytes=")]
    assert begun
    assert not begun[0].lower().startswith(b"range: bytes=0-")


@pytest.mark.slow
def test_a_multipart_object(put: Put, bucket: Bucket, tmp_path: Path) -> None:
    """An object that was uploaded in parts is read, whatever its ETag looks like."""
    names = _big(put, tmp_path / "cur.csv", 60_000)
    terms = BillingSettings(
        s3_endpoint=f"http://127.0.0.1:{bucket.port}", s3_region="us-east-1", s3_path_style=True
    )
    client = s3.open_s3(places_of(["s3://bills/"])[0], terms, tmp_path, print).client
    data = (tmp_path / "cur.csv").read_bytes()
    where = {"Bucket": "bills", "Key": "cur.csv"}
    upload = client.create_multipart_upload(**where)["UploadId"]
    parts = []
    for number in (1, 2):
        body = data[: 5 << 20] if number == 1 else data[5 << 20 :]
        done = client.upload_part(**where, PartNumber=number, UploadId=upload, Body=body)
        parts.append({"PartNumber": number, "ETag": done["ETag"]})
    client.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})

    assert states(bucket.take(Home(tmp_path / "home"))) == ["loaded"]
    assert ids(Home(tmp_path / "home")) == names


def test_a_delivery_again_while_loading(
    put: Put, bucket: Bucket, tmp_path: Path, monkeypatch
) -> None:
    """An object that is written anew during a load waits for the next load; nothing is mixed."""
    home = Home(tmp_path / "home")
    put(bucket.folder / "cur.csv", line_item_resource_id="i-old")
    assert states(bucket.take(home)) == ["loaded"]
    put(bucket.folder / "cur.csv", line_item_resource_id="i-mid")
    fetch = s3.S3Source.fetch

    def slow(source: s3.S3Source, name: str) -> Path:
        put(bucket.folder / "cur.csv", line_item_resource_id="i-newest")
        return fetch(source, name)

    with monkeypatch.context() as patched:
        patched.setattr(s3.S3Source, "fetch", slow)
        assert states(bucket.take(home)) == ["waiting"]
    assert ids(home) == ["i-old"]
    assert states(bucket.take(home)) == ["replaced"]
    assert ids(home) == ["i-newest"]


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://169.254.169.254",
        "http://169.254.169.254:80/latest",
        "http://[fe80::1]",
        "http://[::ffff:169.254.169.254]",
        "http://[fd00:ec2::254]",
        "http://100.100.100.200",
        "http://2852039166",  # 169.254.169.254 as one number
        "http://0.0.0.0",
        "http://metadata.google.internal",
        "ftp://127.0.0.1",
        "http://user:secret@127.0.0.1",
        "nonsense",
    ],
)
def test_metadata_endpoints_are_refused(endpoint: str) -> None:
    """No address that gives credentials to machines is ever asked, however it is spelled."""
    with pytest.raises(DeliveryError, match=r"billing\.s3_endpoint"):
        s3.refuse_endpoint(endpoint)


def test_names_that_resolve_to_metadata_are_refused(monkeypatch) -> None:
    """What counts is where a name leads."""
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 80))]
    monkeypatch.setattr(s3, "getaddrinfo", lambda *_: answer)

    with pytest.raises(DeliveryError, match="link-local or metadata"):
        s3.refuse_endpoint("http://innocent.example")


def test_the_endpoint_of_the_environment_is_held_to_the_same(tmp_path: Path, monkeypatch) -> None:
    """AWS_ENDPOINT_URL is no way around."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://169.254.169.254")
    place = places_of(["s3://bills/x"])[0]

    with pytest.raises(DeliveryError, match="link-local or metadata"):
        s3.open_s3(place, BillingSettings(s3_region="us-east-1"), tmp_path, print)


@pytest.mark.parametrize(
    "key",
    ["../up.csv", "/etc/passwd.csv", "a/../../b.csv", "a//b.csv", "nul\0.csv", "a\\..\\b.csv"],
)
def test_keys_cannot_leave_the_landing_folder(key: str) -> None:
    """Such a key is no file of ours, and a landed file bears a digest whatever the key is."""
    assert not s3.is_safe(key)
    assert "/" not in s3.landed_name(key, "tag")
    assert s3.landed_name(key, "tag").endswith(".csv")


def test_a_link_in_the_landing_folder_is_not_followed(
    put: Put, bucket: Bucket, tmp_path: Path
) -> None:
    """Nothing is written through a link that lies where a download would go."""
    put(bucket.folder / "cur.csv")
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    terms = BillingSettings(
        s3_endpoint=f"http://127.0.0.1:{bucket.port}", s3_region="us-east-1", s3_path_style=True
    )
    source = s3.open_s3(places_of(["s3://bills/"])[0], terms, tmp_path / "landing", print)
    file = source.files()[0]
    source.landing.mkdir()
    name = s3.landed_name("cur.csv", file.tag)
    (source.landing / f"{name}.part").symlink_to(victim)

    with pytest.raises(OSError, match="symbolic links"):
        source.fetch("cur.csv")
    assert victim.read_text() == "untouched"


class Busy:
    """A store that says SlowDown so many times."""

    def __init__(self, times: int, code: str = "SlowDown", status: int = 0) -> None:
        """Keep how often, and how it says it."""
        self.times, self.code, self.calls = times, code, 0
        self.status = status or (503 if code == "SlowDown" else 403)

    def get_object(self, **_: object) -> dict[str, object]:
        """Answer, or ask to slow down."""
        from io import BytesIO  # noqa: PLC0415 - only here

        from botocore.exceptions import ClientError  # noqa: PLC0415

        self.calls += 1
        if self.calls <= self.times:
            status: Any = {"HTTPStatusCode": self.status}
            raise ClientError({"Error": {"Code": self.code}, "ResponseMetadata": status}, "Get")
        return {"Body": StreamingBody(BytesIO(b"abc"), 3), "ContentLength": 3, "ETag": "t"}


def _busy(tmp_path: Path, store: Busy, tag: str = "t") -> s3.S3Source:
    place = places_of(["s3://bills/"])[0]
    file = SourceFile("a.csv", 3, 0, tag)
    listed, keys = {"a.csv": file}, {"a.csv": "a.csv"}
    return s3.S3Source(place, store, tmp_path, 3, lambda _: None, listed, keys)


def test_slow_down_is_waited_out(tmp_path: Path) -> None:
    """Twice told to slow down, the third try has it; a fourth is not made."""
    assert _busy(tmp_path, Busy(2)).fetch("a.csv").read_bytes() == b"abc"
    with pytest.raises(DeliveryError, match="slow down"):
        _busy(tmp_path / "x", Busy(3)).fetch("a.csv")


@pytest.mark.parametrize(("status", "calls"), [(500, 3), (599, 3), (499, 1)])
def test_what_is_the_stores_own_fault_is_tried_again(
    tmp_path: Path, status: int, calls: int
) -> None:
    """From 500 on; below it is what we asked that was wrong."""
    store = Busy(9, "Odd", status)

    with pytest.raises(DeliveryError):
        _busy(tmp_path, store).fetch("a.csv")
    assert store.calls == calls


def test_permission_lost_is_not_tried_again(tmp_path: Path) -> None:
    """A refusal stays one."""
    store = Busy(1, "AccessDenied")

    with pytest.raises(DeliveryError, match="may not read it"):
        _busy(tmp_path, store).fetch("a.csv")
    assert store.calls == 1


def test_another_etag_is_another_object(tmp_path: Path) -> None:
    """Bytes of an object that is not the listed one are not taken."""
    with pytest.raises(ChangedError):
        _busy(tmp_path, Busy(0), tag="other").fetch("a.csv")
