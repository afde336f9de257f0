"""Certificates that change under us, and the names that clients show."""

from pathlib import Path

import pytest
import trustme

from collector.otlp.doors.tls import Certificates, names_of, names_of_grpc
from meterbook.base.errors import ConfigError
from meterbook.base.settings import CollectorSettings


def put(folder: Path) -> CollectorSettings:
    """Write a new certificate with its key, in the place of former ones."""
    made = trustme.CA().issue_cert("localhost")
    certificate, key = folder / "server.pem", folder / "server.key"
    for path, blobs in ((key, [made.private_key_pem]), (certificate, made.cert_chain_pems)):
        path.with_suffix(".new").write_bytes(b"".join(blob.bytes() for blob in blobs))
        path.with_suffix(".new").replace(path)
    return CollectorSettings(tls_certificate=str(certificate), tls_key=str(key))


def test_a_change_is_told_once(tmp_path):
    """Not at the start, once when new files are there, and not again."""
    certificates = Certificates(put(tmp_path))

    before = certificates.changed()
    put(tmp_path)

    assert [before, certificates.changed(), certificates.changed()] == [False, True, False]


def test_files_that_do_not_go_together_yet_are_looked_at_again(tmp_path):
    """A certificate without its key, then nothing at all: no change; then both."""
    certificates = Certificates(put(tmp_path))
    key = (tmp_path / "server.key").read_bytes()
    put(tmp_path)
    new = (tmp_path / "server.key").read_bytes()

    (tmp_path / "server.key").write_bytes(key)
    half = certificates.changed()
    (tmp_path / "server.key").unlink()
    none = certificates.changed()
    (tmp_path / "server.key").write_bytes(new)

    assert [half, none, certificates.changed()] == [False, False, True]


def test_wrong_files_stop_the_start(tmp_path):
    """With the setting that names them."""
    settings = put(tmp_path)
    (tmp_path / "server.pem").write_bytes(b"no certificate")

    with pytest.raises(ConfigError) as caught:
        Certificates(settings)

    assert [finding.key for finding in caught.value.findings] == ["collector.tls_certificate"]


def test_the_dns_names_of_a_client_are_its_names():
    """As each library shows them; no certificate has none."""
    shown = {"subjectAltName": (("DNS", "shop"), ("IP Address", "10.0.0.1"), ("DNS", "pay"))}

    assert names_of(shown) == ["shop", "pay"]
    assert names_of(None) == names_of({}) == []
    assert names_of_grpc({"x509_subject_alternative_name": [b"shop", b"\xff"]}) == [
        "shop",
        "\ufffd",
    ]
    assert names_of_grpc({}) == []
