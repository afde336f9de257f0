"""What a tenant may send: requests and bytes a second, and how many series.

Takes    the settings, a tenant, what it sends, the seconds of a steady clock
Gives    nothing while it is within its quota
Refuses  what goes beyond (QuotaError), with the time after which to come again
Holds    a tenant may burst for some seconds; over any long time it gets its rate and no more

A bucket may go into debt by one request, so that a request larger than the burst gets in at all.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Final

from meterbook.base.errors import Finding, QuotaError

BURST_SECONDS: Final = 5
UNLIMITED: Final = 0
MAX_WAIT_SECONDS: Final = 60


@dataclass(frozen=True)
class Quota:
    """Of one tenant; 0 is unlimited."""

    requests: int = UNLIMITED
    """Requests a second."""
    bytes: int = UNLIMITED
    """Bytes a second, unpacked."""
    series: int = UNLIMITED
    """Series that were active in the last 24 hours."""


class Bucket:
    """A rate with a burst."""

    def __init__(self, rate: int, now: float) -> None:
        """Begin full."""
        self._rate = rate
        self._level = float(rate * BURST_SECONDS)
        self._at = now

    def wait_seconds(self, now: float) -> int:
        """Give 0 when something may be taken, else the whole seconds until then."""
        self._level = min(self._rate * BURST_SECONDS, self._level + (now - self._at) * self._rate)
        self._at = now
        if self._level > 0:
            return 0
        return min(MAX_WAIT_SECONDS, 1 + math.ceil(-self._level / self._rate))

    def take(self, amount: int) -> None:
        """Take an amount, into debt if need be."""
        self._level -= amount


class Quotas:
    """The buckets of all tenants."""

    def __init__(self, quotas: Sequence[str], clock: Callable[[], float]) -> None:
        """Read the settings (`tenant:requests=10,bytes=1000,series=50`; `*` for all others)."""
        self._of = dict(parse_quota(text) for text in quotas)
        self._clock = clock
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def of(self, tenant: str) -> Quota:
        """Give the quota of a tenant."""
        return self._of.get(tenant) or self._of.get("*") or Quota()

    def admit(self, tenant: str) -> None:
        """Count a request. Errors: QuotaError."""
        quota = self.of(tenant)
        for name, rate in (("requests", quota.requests), ("bytes", quota.bytes)):
            if rate and (wait := self._bucket(tenant, name, rate).wait_seconds(self._clock())):
                raise QuotaError(tenant, f"{rate} {name} a second", wait)
        if quota.requests:
            self._bucket(tenant, "requests", quota.requests).take(1)

    def charge(self, tenant: str, size: int) -> None:
        """Count the unpacked bytes of an admitted request."""
        rate = self.of(tenant).bytes
        if rate:
            self._bucket(tenant, "bytes", rate).take(size)

    def _bucket(self, tenant: str, name: str, rate: int) -> Bucket:
        key = (tenant, name)
        if key not in self._buckets:
            self._buckets[key] = Bucket(rate, self._clock())
        return self._buckets[key]


def parse_quota(text: str) -> tuple[str, Quota]:
    """Read `tenant:requests=10,bytes=1000,series=50`. Errors: ValueError."""
    tenant, _, rest = text.partition(":")
    known = {part.name for part in fields(Quota)}
    values: dict[str, int] = {}
    for part in rest.split(","):
        name, _, number = part.partition("=")
        if name.strip() not in known or not number.strip().isdecimal():
            raise ValueError(f"'{text}'; want tenant:requests=N,bytes=N,series=N")
        values[name.strip()] = int(number)
    return tenant.strip(), Quota(**values)


def quota_findings(quotas: Sequence[str]) -> list[Finding]:
    """List the quotas that cannot be read."""
    findings: list[Finding] = []
    for text in quotas:
        try:
            parse_quota(text)
        except ValueError as exc:
            findings.append(Finding("collector.quotas", str(exc)))
    return findings
