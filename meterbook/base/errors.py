"""Every error that meterbook raises on purpose.

MeterbookError
├── BadInputError            the sender or the file is at fault: counted, the rest goes on
│   ├── UndecodableError     a request that is no OTLP                         .reason
│   ├── TooLargeError        a request over the size limit                     .limit_bytes
│   ├── UnauthenticatedError no token or certificate, or one that is not good
│   ├── ForbiddenError       a good token without the scope for this           .scope
│   ├── DeliveryError        a billing delivery that cannot be taken           .file .row .column
│   │   └── ChangedError     a file of it changed while it was read            .file
│   └── UnreadableUseError   a dashboard or rule file that is no JSON or YAML
├── OverloadedError          we are: the sender should come again              .retry_after_seconds
│   └── QuotaError           the tenant is over its quota                      .quota
├── SchemaMismatchError      a step of ours made a frame its table refuses     .table
├── CheckFailedError         a `fail` check on data did not hold               .table .check
├── ConfigError              who runs us: all findings at once, exit 2         .findings
├── NothingPublishedError    no snapshot to read yet                           .home
├── JournalLockedError       another collector writes to this home
├── AnotherLoadError         another load of bills is running
├── AnotherBuildError        another build is running
├── StoppedError             a load or a build was told to stop
├── DecodeLagError           the decoder has not caught up in time
├── PartEndedError           the collector or the site has ended by itself     .part
└── RefusedError             a collector refused the sample world              .report

An error that only one room raises is defined there; all are listed here.
Anything else is a bug and crashes where it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class MeterbookError(Exception):
    """The root: catch it where a message for people is printed, nowhere else."""


class BadInputError(MeterbookError):
    """The sender or the file is at fault."""


class UndecodableError(BadInputError):
    """A request body that is not the OTLP it claims to be."""

    def __init__(self, reason: str) -> None:
        """Keep `reason`, a short text for the sender and for the counter."""
        super().__init__(reason)
        self.reason = reason


class TooLargeError(BadInputError):
    """A request body over the limit, before or after decompression."""

    def __init__(self, limit_bytes: int) -> None:
        """Keep the limit that was passed."""
        super().__init__(
            f"the request is larger than {limit_bytes} bytes; send smaller batches, or raise "
            "collector.max_request_bytes"
        )
        self.limit_bytes = limit_bytes


class UnauthenticatedError(BadInputError):
    """A request without a token or certificate that we know; it never says which part was wrong."""


class ForbiddenError(BadInputError):
    """A request whose token is good, but not for this."""

    def __init__(self, scope: str) -> None:
        """Keep the scope that is wanted."""
        super().__init__(f"the token has no scope `{scope}`; create one that has")
        self.scope = scope


class DeliveryError(BadInputError):
    """A billing delivery that cannot be taken; the former one stays in force."""

    def __init__(
        self, message: str, *, file: str = "", row: int | None = None, column: str = ""
    ) -> None:
        """Keep where it was met: file name, 1-based data row, column as the file names it."""
        place = " ".join(
            part
            for part in (
                file,
                f"row {row}" if row is not None else "",
                f"column {column}" if column else "",
            )
            if part
        )
        super().__init__(f"{place}: {message}" if place else message)
        self.file = file
        self.row = row
        self.column = column


class OverloadedError(MeterbookError):
    """We cannot take more now; nothing was stored and the sender should come again."""

    def __init__(self, reason: str, retry_after_seconds: int = 10) -> None:
        """Keep the reason and the seconds the sender is asked to wait."""
        super().__init__(reason)
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds


class QuotaError(OverloadedError):
    """A tenant sends more than its quota; others are served, and it should come again."""

    def __init__(self, tenant: str, quota: str, retry_after_seconds: int) -> None:
        """Keep which quota is used up, in the words of the setting."""
        super().__init__(f"tenant {tenant} is over its quota of {quota}", retry_after_seconds)
        self.quota = quota


class SchemaMismatchError(MeterbookError):
    """A frame that its table's declaration refuses: our own step is wrong."""

    def __init__(
        self,
        table: str,
        *,
        missing: Sequence[str] = (),
        unexpected: Sequence[str] = (),
        wrong_type: Sequence[str] = (),
    ) -> None:
        """Keep the table and what differs from its declaration."""
        super().__init__(
            f"{table}: missing {list(missing)}, unexpected {list(unexpected)}, "
            f"wrong type {list(wrong_type)}"
        )
        self.table = table
        self.missing = tuple(missing)
        self.unexpected = tuple(unexpected)
        self.wrong_type = tuple(wrong_type)


class CheckFailedError(MeterbookError):
    """A `fail` check on data did not hold, so nothing was written."""

    def __init__(self, table: str, check: str, met: str) -> None:
        """Keep the table, the check's name and what was met."""
        super().__init__(f"{table}: check '{check}' failed: {met}. Nothing was written.")
        self.table = table
        self.check = check
        self.met = met


@dataclass(frozen=True)
class Finding:
    """One thing wrong in the configuration: where, and what to do."""

    key: str
    message: str

    def __str__(self) -> str:
        """Give one line: the key's path, then the message."""
        return f"{self.key}: {self.message}"


class ConfigError(MeterbookError):
    """The configuration is wrong; every finding is listed, not only the first."""

    def __init__(self, findings: Sequence[Finding], place: Path | str = "configuration") -> None:
        """Keep all findings."""
        lines = "\n".join(f"  {finding}" for finding in findings)
        super().__init__(f"{place}: {len(findings)} finding(s)\n{lines}")
        self.findings = tuple(findings)


class NothingPublishedError(MeterbookError):
    """There is no snapshot yet."""

    def __init__(self, home: Path) -> None:
        """Keep the home that was looked into."""
        super().__init__(
            f"{home}: no published snapshot yet. `meterbook build` makes one from what has "
            "arrived; `meterbook run --demo` starts with a sample world."
        )
        self.home = home
