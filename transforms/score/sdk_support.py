"""Which runtimes an OpenTelemetry SDK supports, as its own package declares it.

Takes    language and version of an SDK and the version of the runtime, as resources bear them
Gives    whether the runtime is supported; null where no fact here tells it
Holds    only what a package declares counts: `Requires-Python` of opentelemetry-sdk 1.0.0 to
         1.45.2, `engines.node` of @opentelemetry/sdk-trace-base 1.0.0 to 2.12.1, "Java 8 or higher"
         of opentelemetry-java 1.x. A later version of an SDK is judged by the last one here

Packages declare the oldest runtime, seldom the newest: one that is newer than its SDK passes.
"""

from dataclasses import dataclass
from typing import Final

import polars as pl

Version = tuple[int, int, int]


@dataclass(frozen=True)
class Support:
    """From this version of an SDK on, until the next entry of its language: runtimes supported."""

    language: str
    sdk: Version
    runtimes: tuple[tuple[Version, Version | None], ...]
    """From the first version on, below the second."""
    text: str


def _least(language: str, sdk: Version, runtime: Version, text: str) -> Support:
    return Support(language, sdk, ((runtime, None),), text)


SUPPORTED: Final = (
    _least("python", (1, 0, 0), (3, 6, 0), "3.6 or later"),
    _least("python", (1, 13, 0), (3, 7, 0), "3.7 or later"),
    _least("python", (1, 23, 0), (3, 8, 0), "3.8 or later"),
    _least("python", (1, 34, 0), (3, 9, 0), "3.9 or later"),
    _least("python", (1, 42, 0), (3, 10, 0), "3.10 or later"),
    _least("nodejs", (1, 0, 0), (8, 0, 0), "8 or later"),
    _least("nodejs", (1, 2, 0), (8, 12, 0), "8.12 or later"),
    _least("nodejs", (1, 4, 0), (14, 0, 0), "14 or later"),
    Support("nodejs", (2, 0, 0), (((18, 19, 0), (19, 0, 0)), ((20, 6, 0), None)),
            "18.19 or later of 18, 20.6 or later"),
    _least("java", (1, 0, 0), (1, 8, 0), "8 or later"),
)  # fmt: skip
_STEP: Final = 1_000_000


def _number(version: Version) -> int:
    return (version[0] * _STEP + version[1]) * _STEP + version[2]


def _read(text: pl.Expr) -> pl.Expr:
    """Read the first three numbers of a version as one; null when it begins with none."""
    parts = text.str.extract(r"^v?(\d{1,6}(?:\.\d{1,6}){0,2})(?:\D|$)").str.split(".")
    numbers = [parts.list.get(at, null_on_oob=True).cast(pl.Int64).fill_null(0) for at in range(3)]
    whole = (numbers[0] * _STEP + numbers[1]) * _STEP + numbers[2]
    return pl.when(parts.is_not_null()).then(whole)


def is_supported(language: str, sdk: str, runtime: str) -> pl.Expr:
    """Tell whether a runtime is supported, from the columns of its language and both versions."""
    reported, of = _read(pl.col(sdk)), _read(pl.col(runtime))
    found = pl.lit(None, pl.Boolean)
    for entry in SUPPORTED:  # a later entry of a language counts before an earlier one
        ranges = [
            (of >= _number(least)) & ((of < _number(below)) if below else pl.lit(value=True))
            for least, below in entry.runtimes
        ]
        is_entry = (pl.col(language) == entry.language) & (reported >= _number(entry.sdk))
        found = pl.when(is_entry).then(pl.any_horizontal(ranges)).otherwise(found)
    return pl.when(reported.is_not_null() & of.is_not_null()).then(found)
