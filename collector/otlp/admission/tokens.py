"""Bearer tokens: who may send, as which tenant, and what.

Takes    a file of the home, tokens as they are shown
Gives    a new token once, in clear; later the record of it
Refuses  a third active token of one tenant, tenants with odd names (ConfigError)
Never    keeps a token: the file holds its SHA-256, and comparing takes the same time for any text
"""

import dataclasses
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from meterbook.base.disk import sync
from meterbook.base.errors import ConfigError, Finding

INGEST: Final = ("ingest:metrics", "ingest:logs", "ingest:traces")
SCOPES: Final = ("ingest", *INGEST, "read:telemetry")
MAX_ACTIVE: Final = 2
"""Two, so that one can be replaced without a gap."""
PREFIX: Final = "mb"
TENANT: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@dataclass(frozen=True)
class Token:
    """What is kept of a token. Instants in ISO 8601, UTC; empty means never."""

    id: str
    tenant: str
    sha256: str
    scopes: tuple[str, ...]
    created_at: str
    expires_at: str = ""
    revoked_at: str = ""

    def is_active(self, now: datetime) -> bool:
        """Tell whether it may be used now."""
        return not self.revoked_at and (
            not self.expires_at or now < datetime.fromisoformat(self.expires_at)
        )

    def allows(self, scope: str) -> bool:
        """Tell whether it is good for a scope; `ingest` stands for every signal."""
        return scope in self.scopes or ("ingest" in self.scopes and scope in INGEST)


def read_tokens(path: Path) -> list[Token]:
    """Give all tokens, revoked ones too; none where there is no file."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return [Token(**{**row, "scopes": tuple(row["scopes"])}) for row in rows]


def create_token(
    path: Path, tenant: str, scopes: Sequence[str], now: datetime, days: int | None = None
) -> tuple[str, Token]:
    """Make a token of a tenant; give it in clear, this once, and what is kept of it."""
    known = read_tokens(path)
    findings = _findings(tenant, scopes, days)
    active = [t.id for t in known if t.tenant == tenant and t.is_active(now)]
    if len(active) >= MAX_ACTIVE:
        findings.append(
            Finding(
                "--tenant",
                f"{tenant} has {len(active)} active tokens ({', '.join(active)}); revoke one first",
            )
        )
    if findings:
        raise ConfigError(findings)
    name = secrets.token_hex(4)
    clear = f"{PREFIX}_{name}_{secrets.token_urlsafe(32)}"
    token = Token(
        id=name,
        tenant=tenant,
        sha256=hashlib.sha256(clear.encode()).hexdigest(),
        scopes=tuple(scopes),
        created_at=_text(now),
        expires_at=_text(now + timedelta(days=days)) if days else "",
    )
    _write(path, [*known, token])
    return clear, token


def revoke_token(path: Path, name: str, now: datetime) -> Token:
    """Revoke a token by its id. Errors: ConfigError when there is none."""
    known = read_tokens(path)
    found = next((token for token in known if token.id == name), None)
    if found is None:
        raise ConfigError([Finding("ID", f"no token {name}; `meterbook token list` shows all")])
    revoked = dataclasses.replace(found, revoked_at=found.revoked_at or _text(now))
    _write(path, [revoked if token.id == name else token for token in known])
    return revoked


def _findings(tenant: str, scopes: Sequence[str], days: int | None) -> list[Finding]:
    findings = [
        Finding("--scope", f"'{scope}'; want one of {', '.join(SCOPES)}")
        for scope in scopes
        if scope not in SCOPES
    ]
    if not TENANT.fullmatch(tenant):
        findings.append(Finding("--tenant", f"'{tenant}'; want a-z 0-9 . _ - and 63 at most"))
    if days is not None and days < 1:
        findings.append(Finding("--days", "want 1 or more"))
    return findings


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _write(path: Path, tokens: Sequence[Token]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    making = path.with_suffix(".making")
    making.unlink(missing_ok=True)
    handle = os.open(making, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump([dataclasses.asdict(token) for token in tokens], file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    making.replace(path)
    sync(path.parent)


class TokenBook:
    """The tokens as a running collector knows them; a changed file is read again."""

    def __init__(self, path: Path) -> None:
        """Read the file."""
        self._path = path
        self._mark = (0, 0)
        self._tokens: dict[str, Token] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read the file again if it was replaced since."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self._tokens, self._mark = {}, (0, 0)
            return
        mark = (found.st_mtime_ns, found.st_ino)
        if mark != self._mark:
            self._tokens = {token.id: token for token in read_tokens(self._path)}
            self._mark = mark

    def find(self, clear: str, now: datetime) -> Token | None:
        """Give the active token that was shown, or None."""
        parts = clear.split("_", 2)
        known = self._tokens.get(parts[1]) if len(parts) == 3 else None
        wanted = known.sha256 if known else "0" * 64  # compared all the same: no telling by time
        is_same = hmac.compare_digest(hashlib.sha256(clear.encode()).hexdigest(), wanted)
        return known if known and is_same and known.is_active(now) else None
