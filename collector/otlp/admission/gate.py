"""Who is at the door: from a token or a certificate to a tenant.

Takes    the Authorization values of a request and the client's certificate, if any
Gives    the tenant; without authentication everybody is `default`
Refuses  who is not known (UnauthenticatedError), who may not do this (ForbiddenError)
Never    looks into a body: what a body says of teams and tenants is a claim, not a proof
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from collector.otlp.admission.tokens import TENANT, TokenBook
from meterbook.base.errors import ForbiddenError, UnauthenticatedError

DEFAULT_TENANT: Final = "default"
READ: Final = "read:telemetry"
NO_TOKEN: Final = "want the header `Authorization: Bearer <token>`, once"  # noqa: S105 - words
BAD_TOKEN: Final = "the token is not known, has expired or was revoked"  # noqa: S105 - words
NO_CERTIFICATE: Final = "want a client certificate with one DNS name that is a tenant's"

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Sender:
    """Who sends, and by which transport."""

    tenant: str
    transport: str


class Gate:
    """Lets in by the rule of `collector.auth`: none, token or certificate."""

    def __init__(self, auth: str, tokens: TokenBook, clock: Clock) -> None:
        """Keep the rule, the tokens and the clock that tells whether they expired."""
        self._auth = auth
        self._tokens = tokens
        self._clock = clock

    def ingest(self, signal: str, authorization: Sequence[str], names: Sequence[str]) -> str:
        """Give the tenant that may send this signal.

        `authorization`: all values of that header. `names`: DNS names of the client certificate.
        """
        return self._tenant(f"ingest:{signal}", authorization, names)

    def read(self, authorization: Sequence[str], names: Sequence[str]) -> str:
        """Give the tenant that may read what the collector tells of itself."""
        return self._tenant(READ, authorization, names)

    def _tenant(self, scope: str, authorization: Sequence[str], names: Sequence[str]) -> str:
        if self._auth == "token":
            return self._by_token(scope, authorization)
        if self._auth == "certificate":
            if len(names) != 1 or not TENANT.fullmatch(names[0]):
                raise UnauthenticatedError(NO_CERTIFICATE)
            return names[0]
        return DEFAULT_TENANT

    def _by_token(self, scope: str, authorization: Sequence[str]) -> str:
        if len(authorization) != 1:
            raise UnauthenticatedError(NO_TOKEN)
        scheme, _, clear = authorization[0].strip().partition(" ")
        if scheme.lower() != "bearer" or not clear.strip():
            raise UnauthenticatedError(NO_TOKEN)
        token = self._tokens.find(clear.strip(), self._clock())
        if token is None:
            raise UnauthenticatedError(BAD_TOKEN)
        if not token.allows(scope):
            raise ForbiddenError(scope)
        return token.tenant
