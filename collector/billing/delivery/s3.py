"""Bills in an S3 bucket: listed page by page, fetched with resume, landed beside the lake.

Takes    `s3://bucket/prefix`, the settings, a landing folder; credentials from AWS's usual chain
Gives    the objects there, by name relative to the prefix, and each as a local path
Refuses  endpoints that are link-local or serve instance metadata; an object that changed since it
         was listed (ChangedError); what the store refuses, in words that hold no credentials
Holds    no key becomes a path: a landed file is named by a digest; a broken download goes on where
         it broke, and only bytes of one ETag are ever put together
"""

import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from random import SystemRandom
from socket import gaierror, getaddrinfo
from threading import Event
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
import click
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
)

from collector.billing.delivery.source import ChangedError, Place, SourceFile, is_hidden
from meterbook.base.disk import sync
from meterbook.base.errors import DeliveryError
from meterbook.base.settings import BillingSettings

Say = Callable[[str], None]

CHUNK: Final = 1 << 20
PROGRESS_BYTES: Final = 64 << 20
"""Without a terminal a line of progress is written each time so much has come."""
FIRST_WAIT_SECONDS: Final = 0.2
LONGEST_WAIT_SECONDS: Final = 20.0

METADATA_NAMES: Final = ("metadata.google.internal", "metadata.goog", "instance-data")
METADATA_ADDRESSES: Final = frozenset(
    map(ip_address, ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16"))
)
"""Where clouds serve credentials to their machines, beside the link-local 169.254.0.0/16."""

WORDS: Final = {
    "InvalidAccessKeyId": "the access key is not known there",
    "SignatureDoesNotMatch": "the secret key does not fit the access key",
    "ExpiredToken": "the credentials have expired",
    "AccessDenied": "these credentials may not read it",
    "403": "these credentials may not read it",
    "NoSuchBucket": "no such bucket",
    "NoSuchKey": "it is no longer there",
    "404": "it is not there",
    "PermanentRedirect": "the bucket is in another region; set billing.s3_region",
    "AuthorizationHeaderMalformed": "the bucket is in another region; set billing.s3_region",
    "SlowDown": "the store asks to slow down, and did so until the attempts were used up",
}
PASSING: Final = frozenset({"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable"})


@dataclass(frozen=True)
class S3Source:
    """The objects below a prefix, or one object."""

    place: Place
    client: Any
    landing: Path
    attempts: int
    say: Say
    listed: dict[str, SourceFile] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def bucket(self) -> str:
        """Give the bucket."""
        return split_address(self.place.address)[0]

    def files(self) -> list[SourceFile]:
        """List the objects, page by page. Errors: DeliveryError."""
        prefix = split_address(self.place.address)[1]
        folder = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
        self.listed.clear()
        unsafe = 0
        with _reported(self.place.address):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix
            )
            for item in (item for page in pages for item in page.get("Contents", ())):
                key = item["Key"]
                if key != prefix and not key.startswith(folder):
                    continue  # `exports-old/` begins with `exports` too
                name = key.rsplit("/", 1)[-1] if key == prefix else key.removeprefix(folder)
                if not is_safe(name):
                    unsafe += not name.endswith("/")  # folders are markers, not files
                elif not is_hidden(name):
                    changed = int(item["LastModified"].timestamp() * 1e9)
                    self.listed[name] = SourceFile(name, item["Size"], changed, _tag(item))
                    self.keys[name] = key
        if unsafe:
            self.say(f"{self.place.name}: {unsafe} key(s) that are no names of files are left")
        return sorted(self.listed.values(), key=lambda file: file.name)

    def fetch(self, name: str) -> Path:
        """Give the object's bytes as a file; what came already is not asked for again.

        Errors: ChangedError when it is another one than was listed, DeliveryError.
        """
        file = self.listed[name]
        target = self.landing / landed_name(self.keys[name], file.tag)
        if target.is_file() and not target.is_symlink():
            return target
        self.landing.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        with _reported(name), _progress(f"{self.place.name}: {name}", file.size, self.say) as moved:
            self._download(file, part, moved)
        part.replace(target)
        sync(self.landing)
        return target

    def refuse_changed(self, file: SourceFile) -> None:
        """Ask whether the object is still the listed one. Errors: ChangedError, DeliveryError."""
        with _reported(file.name):
            head = self.client.head_object(Bucket=self.bucket, Key=self.keys[file.name])
        if _tag(head) != file.tag or head["ContentLength"] != file.size:
            raise ChangedError(file.name)

    def _download(self, file: SourceFile, part: Path, moved: Callable[[int], None]) -> None:
        """Append until all is there; every attempt begins where the one before it broke."""
        for attempt in range(self.attempts):
            have = _size(part)
            moved(have)
            if have == file.size and part.exists():
                return
            try:
                self._append(file, part, have, moved)
            except (HTTPClientError, IncompleteReadError, ClientError, OSError) as exc:
                if attempt + 1 == self.attempts or not _passes(exc):
                    raise
                self.say(f"{self.place.name}: {file.name}: broke off, goes on ({attempt + 1})")
                _wait(attempt)
            else:
                if _size(part) == file.size:
                    return
        raise DeliveryError(
            f"broke off {self.attempts} times; {_size(part):,} of {file.size:,} bytes are here and "
            "the next load goes on from there",
            file=file.name,
        )

    def _append(
        self, file: SourceFile, part: Path, have: int, moved: Callable[[int], None]
    ) -> None:
        key, bucket = self.keys[file.name], self.bucket
        answer = (
            self.client.get_object(Bucket=bucket, Key=key, Range=f"bytes={have}-")
            if have
            else self.client.get_object(Bucket=bucket, Key=key)
        )
        _refuse_other(file, answer, have)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        with os.fdopen(os.open(part, flags, 0o600), "ab") as out:
            for chunk in answer["Body"].iter_chunks(CHUNK):
                out.write(chunk)
                have += len(chunk)
                moved(have)
            out.flush()
            os.fsync(out.fileno())


def open_s3(place: Place, settings: BillingSettings, landing: Path, say: Say) -> S3Source:
    """Open a bucket. Errors: DeliveryError for endpoints that are refused, an unknown profile."""
    refuse_endpoint(settings.s3_endpoint)
    config = Config(
        retries={"mode": "standard", "total_max_attempts": settings.s3_attempts},
        connect_timeout=10,
        read_timeout=60,
        s3={"addressing_style": "path" if settings.s3_path_style else "auto"},
    )
    with _reported(place.address):
        session = boto3.Session(
            profile_name=settings.s3_profile or None, region_name=settings.s3_region or None
        )
        client = session.client("s3", endpoint_url=settings.s3_endpoint or None, config=config)
    refuse_endpoint(client.meta.endpoint_url)  # the environment or a profile may name another
    return S3Source(place, client, landing, settings.s3_attempts, say)


def split_address(address: str) -> tuple[str, str]:
    """Give bucket and prefix of `s3://bucket/prefix`. Errors: DeliveryError."""
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}", bucket):
        raise DeliveryError("want s3://bucket/prefix", file=address)
    return bucket, prefix


def refuse_endpoint(endpoint: str) -> None:
    """Refuse an endpoint whose host is, or resolves to, what serves credentials to machines.

    Errors: DeliveryError.
    """
    if not endpoint:
        return
    parts = urlsplit(endpoint)
    host = (parts.hostname or "").rstrip(".").lower()
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None:
        raise DeliveryError("billing.s3_endpoint: want http(s)://host[:port] without credentials")
    try:
        found = {str(entry[4][0]) for entry in getaddrinfo(host, parts.port)}
    except (gaierror, UnicodeError):
        found = set()  # who asks it will be told that the name is not known
    if host in METADATA_NAMES or any(map(_is_refused, found)):
        raise DeliveryError(
            f"billing.s3_endpoint: {host} is a link-local or metadata address, never a store"
        )


def _is_refused(text: str) -> bool:
    address = ip_address(text.split("%", 1)[0])
    address = getattr(address, "ipv4_mapped", None) or address
    return (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address in METADATA_ADDRESSES
    )


def is_safe(name: str) -> bool:
    """Tell whether a name stays below its folder, were it a path."""
    parts = name.split("/")
    return "\0" not in name and "\\" not in name and not {"", ".", ".."} & set(parts)


def landed_name(key: str, tag: str) -> str:
    """Name a landed file: a digest of key and ETag, with the ending, which tells the format."""
    digest = hashlib.sha256(f"{key}\0{tag}".encode()).hexdigest()[:32]
    ending = re.search(r"(\.[A-Za-z0-9]{1,10}){1,2}$", key.rsplit("/", 1)[-1])
    return digest + (ending.group().lower() if ending else "")


def _tag(answer: Mapping[str, Any]) -> str:
    """Give the ETag without the quotes, which some stores leave away in lists."""
    return str(answer["ETag"]).strip('"')


def _refuse_other(file: SourceFile, answer: Mapping[str, Any], have: int) -> None:
    """Refuse bytes of another object than the listed one, or from another place in it."""
    total = answer["ContentLength"] + have
    if _tag(answer) != file.tag or total != file.size:
        raise ChangedError(file.name)
    if have and not answer.get("ContentRange", "").startswith(f"bytes {have}-"):
        raise DeliveryError("the store does not give ranges", file=file.name)


def _passes(exc: Exception) -> bool:
    """Tell whether trying again can help: the wire broke, or the store is busy."""
    if not isinstance(exc, ClientError):
        return True
    status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or exc.response.get("Error", {}).get("Code", "") in PASSING


def _wait(attempt: int) -> None:
    longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**attempt)
    Event().wait(SystemRandom().uniform(longest / 2, longest))


def _size(part: Path) -> int:
    return part.lstat().st_size if part.is_file() and not part.is_symlink() else 0


@contextmanager
def _reported(what: str) -> Iterator[None]:
    """Turn an error of the library into ours: a code and words, never what was signed."""
    try:
        yield
    except ClientError as exc:
        code = exc.response.get("Error", {}).get("Code", "")
        raise DeliveryError(f"S3: {WORDS.get(code, 'refused')} ({code})", file=what) from None
    except BotoCoreError as exc:
        kind = type(exc).__name__
        words = {
            "NoCredentialsError": "no credentials; AWS_PROFILE, AWS_ACCESS_KEY_ID or a role",
            "ProfileNotFound": "no such profile; billing.s3_profile names it",
            "EndpointConnectionError": "nothing answers at the endpoint",
        }
        raise DeliveryError(f"S3: {words.get(kind, 'broke off')} ({kind})", file=what) from None


@contextmanager
def _progress(label: str, size: int, say: Say) -> Iterator[Callable[[int], None]]:
    """Show how far a download is: a bar on a terminal, else a line every so many bytes."""
    if sys.stderr.isatty():
        with click.progressbar(length=size, label=label, file=sys.stderr) as bar:
            yield lambda have: bar.update(have - bar.pos)
        return
    spoken = 0

    def progress(have: int) -> None:
        nonlocal spoken
        if have - spoken >= PROGRESS_BYTES:
            spoken = have
            say(f"{label}: {have >> 20:,} of {size >> 20:,} MiB")

    yield progress
