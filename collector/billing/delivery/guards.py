"""What holds a delivery back, with the exact reason.

Takes    what a delivery brings for a period, what is in force for it, the settings
Gives    a reason to hold, or nothing
Holds    nothing here changes a thing; `meterbook load --accept` is the way past
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl

from collector.billing.delivery.catalog import Entry
from collector.billing.delivery.stage import Period, Staged
from meterbook.base.settings import BillingSettings

LISTED = 5


@dataclass(frozen=True)
class Candidate:
    """A period of a delivery, beside what is in force for it."""

    source: str
    name: str
    period: Period
    parts: Sequence[Path]
    former: Sequence[Entry]
    former_parts: Sequence[Path]
    others: Sequence[Entry]
    """What is in force for the period from other sources, of accounts that overlap."""


def problem_of_whole(staged: Staged, promised_rows: int | None) -> str:
    """Say what is wrong with a delivery by itself, or nothing."""
    if promised_rows is not None and promised_rows != staged.read_count:
        return f"the manifest says {promised_rows:,} rows; the files have {staged.read_count:,}"
    if staged.bad_count:
        first = staged.bad_cells().row(0, named=True)
        return (
            f"{first['file']} row {first['row_number']}, {first['column']}: "
            f"'{first['met']}': {first['reason']} ({staged.bad_count} such cells in "
            f"{staged.rejected_count} rows; all are in raw_rejected)"
        )
    if staged.native_total != staged.billed_total:
        return (
            f"the lines sum to {staged.billed_total}, the file's own rows to {staged.native_total}"
        )
    return ""


def problem(candidate: Candidate, settings: BillingSettings) -> str:
    """Say why a period must be held, or nothing."""
    found = next(_problems(candidate, settings), "")
    return f"{candidate.name}: {found}" if found else ""


def _problems(it: Candidate, settings: BillingSettings) -> Iterator[str]:
    yield from _twice(it, dict(pair.split("=", 1) for pair in settings.authoritative))
    if not it.former:
        return
    have = {account for entry in it.former for account in entry.accounts}
    if lost := have - it.period.accounts:
        yield f"accounts of the former delivery are missing: {', '.join(sorted(lost))}"
    currencies = {part for entry in it.former for part in entry.currency.split("+")}
    if currencies != it.period.currencies:
        yield (
            f"currencies {sorted(it.period.currencies)}, the former delivery has "
            f"{sorted(currencies)}"
        )
    if lost_days := sorted(charge_days(it.former_parts) - charge_days(it.parts)):
        shown = ", ".join(map(str, lost_days[:LISTED])) + (", …" if lost_days[LISTED:] else "")
        yield f"{len(lost_days)} day(s) of the former delivery are missing: {shown}"
    was = sum((Decimal(entry.billed_cost) for entry in it.former), Decimal(0))
    floor = was * (1 - Decimal(settings.max_drop_ratio))
    if was > 0 and it.period.billed_cost < floor:
        yield (
            f"billed cost falls from {was} to {it.period.billed_cost}, more than "
            f"billing.max_drop_ratio {settings.max_drop_ratio} allows"
        )


def _twice(it: Candidate, authoritative: dict[str, str]) -> Iterator[str]:
    """Refuse an account from two sources, until one is named; then refuse the other."""
    for account in sorted(it.period.accounts):
        named = authoritative.get(account, it.source)
        if named != it.source:
            yield f"account {account}: billing.authoritative names the source '{named}'"
    for other in it.others:
        twice = ", ".join(sorted(other.accounts & it.period.accounts))
        unnamed = [a for a in other.accounts & it.period.accounts if a not in authoritative]
        if unnamed:
            yield (
                f"account {twice} is in force from the source '{other.source}'; two exports of one "
                f'account count twice: name one, billing.authoritative = ["{min(unnamed)}='
                f'{it.source}"]'
            )
        elif lost := other.accounts - it.period.accounts:
            yield (
                f"account {twice} would replace the delivery of '{other.source}', which has "
                f"{', '.join(sorted(lost))} too"
            )


def charge_days(parts: Sequence[Path]) -> set[date]:
    """Give the days on which charges begin."""
    if not parts:
        return set()
    begins = pl.col("charge_period_start").dt.date().unique()
    frame = pl.scan_parquet(list(parts), hive_partitioning=False).select(begins).collect()
    return set(frame["charge_period_start"])
