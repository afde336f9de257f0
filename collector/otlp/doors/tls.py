"""TLS for both doors, from PEM files that may be replaced while we run.

Takes    the paths of a certificate, its key and the authority that signs clients' certificates
Gives    an `ssl` context and gRPC credentials; whether the files have changed
Refuses  files that cannot be read or do not go together (ConfigError)
"""

import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc

from meterbook.base.errors import ConfigError, Finding
from meterbook.base.settings import CollectorSettings


class Certificates:
    """The files, and when they were last taken up."""

    def __init__(self, settings: CollectorSettings) -> None:
        """Read the files once, so that a wrong one stops the start."""
        self._certificate = Path(settings.tls_certificate)
        self._key = Path(settings.tls_key)
        self._authority = Path(settings.tls_client_ca) if settings.tls_client_ca else None
        self._mark = self._marks()
        self._grpc = self._grpc_configuration()
        self.context()

    def changed(self) -> bool:
        """Tell, once for each change, whether sound new files are there.

        Files that are being replaced, or do not go together yet, are looked at again next time.
        """
        try:
            mark = self._marks()
            if mark == self._mark:
                return False
            self.context()
            self._grpc = self._grpc_configuration()
        except ConfigError:
            return False
        self._mark = mark
        return True

    def context(self) -> ssl.SSLContext:
        """Give a server context of the files as they are now."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            made.load_cert_chain(self._certificate, self._key)
            if self._authority is not None:
                made.load_verify_locations(self._authority)
                made.verify_mode = ssl.CERT_REQUIRED
        except (OSError, ssl.SSLError) as exc:
            raise self._unusable(exc) from None
        return made

    def credentials(self) -> grpc.ServerCredentials:
        """Give gRPC credentials that take up changed files by themselves."""
        return grpc.dynamic_ssl_server_credentials(
            self._grpc, lambda: self._grpc, self._authority is not None
        )

    def _grpc_configuration(self) -> Any:
        try:
            pair = (self._key.read_bytes(), self._certificate.read_bytes())
            authority = self._authority.read_bytes() if self._authority else None
        except OSError as exc:
            raise self._unusable(exc) from None
        return grpc.ssl_server_certificate_configuration([pair], authority)

    def _marks(self) -> list[tuple[int, int]]:
        paths = [self._certificate, self._key, *([self._authority] if self._authority else [])]
        try:
            found = [path.stat() for path in paths]
        except OSError as exc:
            raise self._unusable(exc) from None
        return [(each.st_mtime_ns, each.st_ino) for each in found]

    def _unusable(self, exc: Exception) -> ConfigError:
        return ConfigError([Finding("collector.tls_certificate", f"{self._certificate}: {exc}")])


def names_of(certificate: Mapping[str, Any] | None) -> Sequence[str]:
    """Give the DNS names of a client certificate as `ssl` shows it."""
    found = (certificate or {}).get("subjectAltName", ())
    return [value for kind, value in found if kind == "DNS"]


def names_of_grpc(context: Mapping[str, Sequence[bytes]]) -> Sequence[str]:
    """Give the DNS names of a client certificate as gRPC shows them."""
    return [
        name.decode("ascii", "replace") for name in context.get("x509_subject_alternative_name", ())
    ]
