"""Billing deliveries: found, staged, checked, and switched in one transaction.

Takes    places, the home, the settings, the time
Gives    bill lines in the lake and the catalogue's word on which are in force
Refuses  a delivery with unreadable values, a sudden drop, other currencies, a sum that is not the
         file's own: it is held with its reason, and the former one stays in force
Holds    the same delivery again changes nothing; a crash leaves the former state or the new one
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final

import polars as pl

from collector.billing.catalog import (
    HELD,
    IN_FORCE,
    PREVIOUS,
    Catalog,
    Entry,
    lake_folder,
    remove_leftovers,
)
from collector.billing.delivery import Delivery, find
from collector.billing.source import Place, Source, open_source, places_of
from collector.billing.stage import Period, Staged, slug, stage
from meterbook.errors import DeliveryError, MeterbookError
from meterbook.settings import BillingSettings
from warehouse.disk import alone, sync
from warehouse.tables.raw import REJECTED

__all__ = ["LoadReport", "Place", "load", "places_of"]

Say = Callable[[str], None]
UNCHANGED: Final = "unchanged"
LOADED: Final = "loaded"
REPLACED: Final = "replaced"
WAITING: Final = "waiting"


class AnotherLoadError(MeterbookError):
    """Another load holds the catalogue."""


@dataclass(frozen=True)
class Outcome:
    """What became of a delivery, or of one of its periods."""

    source: str
    title: str
    state: str
    delivery_id: str = ""
    period: str = ""
    account: str = ""
    row_count: int = 0
    rejected_count: int = 0
    effective_cost: str = "0"
    reason: str = ""

    @property
    def text(self) -> str:
        """Give one line."""
        what = f"{self.source} {self.period or self.title}: {self.state}"
        if self.state in {LOADED, REPLACED}:
            return f"{what}, {self.row_count:,} lines, effective cost {self.effective_cost}"
        if self.state == HELD:
            return (
                f"{what}: {self.reason}\n  The former one, if any, stays in force. "
                f"`meterbook load --accept {self.delivery_id}` takes it anyway."
            )
        return f"{what}{': ' + self.reason if self.reason else ''}"


@dataclass(frozen=True)
class LoadReport:
    """What a load did."""

    outcomes: tuple[Outcome, ...]

    @property
    def is_refused(self) -> bool:
        """Tell whether something is held."""
        return any(outcome.state == HELD for outcome in self.outcomes)

    @property
    def rows(self) -> list[dict[str, object]]:
        """Give the outcomes as plain values."""
        return [dict(vars(outcome)) for outcome in self.outcomes]

    @property
    def text(self) -> str:
        """Give a line per outcome."""
        return "\n".join(outcome.text for outcome in self.outcomes) or "no billing sources"


def load(  # noqa: PLR0913 - places and home, and four terms by name
    places: Sequence[Place],
    home: Path,
    settings: BillingSettings,
    *,
    now: datetime,
    accept: str | None,
    say: Say,
) -> LoadReport:
    """Take what these places deliver. Errors: DeliveryError for a place that is not there."""
    outcomes: list[Outcome] = []
    with sole_load(home):
        catalog = Catalog(home)
        try:
            remove_leftovers(home, catalog)
            for place in places:
                loader = _Loader(
                    open_source(place), home, settings, catalog, now, accept or "", say
                )
                outcomes += loader.run()
        finally:
            catalog.close()
    return LoadReport(tuple(outcomes))


@dataclass(frozen=True)
class _Loader:
    source: Source
    home: Path
    settings: BillingSettings
    catalog: Catalog
    now: datetime
    accept: str
    say: Say

    @property
    def name(self) -> str:
        return self.source.place.name

    def run(self) -> Iterator[Outcome]:
        found = find(self.source, now=self.now, settle_seconds=self.settings.settle_seconds)
        for title in found.unsettled:
            reason = f"written to within {self.settings.settle_seconds} s; the next load takes it"
            yield Outcome(self.name, title, WAITING, reason=reason)
        for title, error in found.broken:
            yield self._hold(title, f"manifest:{title}", str(error))
        if found.ignored_count:
            self.say(f"{self.name}: {found.ignored_count} file(s) that no manifest names are left")
        for delivery in found.deliveries:
            yield from self._take(delivery)

    def _take(self, delivery: Delivery) -> Iterator[Outcome]:
        identity = delivery.identity(self.source)
        known = self.catalog.entries("identity = ? AND source = ?", identity, self.name)
        is_accepted = bool(self.accept) and (
            identity.startswith(self.accept)
            or any(entry.delivery_id.startswith(self.accept) for entry in known)
        )
        held = [entry for entry in known if entry.state == HELD]
        # A folder that another one has replaced is old news, unless its content has changed since.
        is_seen = self.catalog.last_seen(self.name, delivery.title) == identity
        if known and not held and (is_seen or any(entry.state == IN_FORCE for entry in known)):
            yield Outcome(self.name, delivery.title, UNCHANGED, identity)
            return
        if held and not is_accepted:
            yield self._again(held[0], delivery.title)
            return
        folder = self.home / "billing" / "staging" / identity
        try:
            staged = stage(
                self.source, delivery, folder, partial(self._delivery_id, identity), self.say
            )
            problem = "" if is_accepted else self._problem(staged)
        except DeliveryError as exc:
            yield self._hold(delivery.title, identity, str(exc), file=exc.file, row=exc.row)
            return
        if problem:
            yield self._hold(delivery.title, identity, problem, staged=staged)
            return
        yield from self._switch(delivery, identity, staged)

    def _again(self, entry: Entry, title: str) -> Outcome:
        return Outcome(
            self.name,
            title,
            HELD,
            entry.identity,
            rejected_count=entry.rejected_count,
            reason=entry.reason,
        )

    def _problem(self, staged: Staged) -> str:
        """Say why a delivery must be held, or nothing."""
        if staged.bad_count:
            first = staged.bad_cells().row(0, named=True)
            return (
                f"{first['file']} row {first['row_number']}, {first['column']}: "
                f"'{first['met']}': {first['reason']} ({staged.bad_count} such cells in "
                f"{staged.rejected_count} rows; all are in raw_rejected)"
            )
        if staged.native_total != staged.billed_total:
            return (
                f"the lines sum to {staged.billed_total}, the file's own rows to "
                f"{staged.native_total}"
            )
        problems = (self._guard(name, period) for name, period in sorted(staged.periods.items()))
        return next((problem for problem in problems if problem), "")

    def _guard(self, name: str, period: Period) -> str:
        for other in self.catalog.entries("period = ? AND state = ?", name, IN_FORCE):
            if other.source != self.name and (twice := other.accounts & period.accounts):
                return (
                    f"{name}: account {', '.join(sorted(twice))} is in force from the source "
                    f"'{other.source}'; two exports of one account count twice"
                )
        former = self._former(name, period)
        if not former:
            return ""
        currencies = {part for entry in former for part in entry.currency.split("+")}
        if currencies != period.currencies:
            return (
                f"{name}: currencies {sorted(period.currencies)}, the former delivery has "
                f"{sorted(currencies)}"
            )
        was = sum((Decimal(entry.billed_cost) for entry in former), Decimal(0))
        floor = was * (1 - Decimal(self.settings.max_drop_ratio))
        if was > 0 and period.billed_cost < floor:
            return (
                f"{name}: billed cost falls from {was} to {period.billed_cost}, more than "
                f"billing.max_drop_ratio {self.settings.max_drop_ratio} allows"
            )
        return ""

    def _former(self, name: str, period: Period) -> list[Entry]:
        """Give what is in force for the source and period, of accounts that overlap."""
        entries = self.catalog.entries(
            "source = ? AND period = ? AND state = ?", self.name, name, IN_FORCE
        )
        return [entry for entry in entries if entry.accounts & period.accounts]

    def _switch(self, delivery: Delivery, identity: str, staged: Staged) -> Iterator[Outcome]:
        """Move the parts into the lake, then make all periods current in one transaction."""
        entries: list[tuple[Entry, list[Entry]]] = []
        for name, period in sorted(staged.periods.items()):
            entry = self._entry(delivery, identity, staged, name)
            self._move(staged.folder / name, lake_folder(self.home) / entry.folder)
            entries.append((entry, self._former(name, period)))
        with self.catalog.change():
            self.catalog.see(self.name, delivery.title, identity)
            for stale in self.catalog.entries("identity = ? AND state = ?", identity, HELD):
                self.catalog.forget(stale.delivery_id)
            for entry, former in entries:
                for old in former:
                    self.catalog.set_state(old.delivery_id, PREVIOUS)
                self.catalog.put(entry)
            if entries:
                self.catalog.put_rejected(self._rejected(staged, entries[0][0].delivery_id))
        shutil.rmtree(staged.folder, ignore_errors=True)
        for entry, former in entries:
            yield Outcome(
                self.name,
                delivery.title,
                REPLACED if former else LOADED,
                entry.delivery_id,
                entry.period,
                entry.account,
                entry.row_count,
                entry.rejected_count,
                entry.effective_cost,
            )
        if not entries:
            yield Outcome(self.name, delivery.title, LOADED, identity, reason="no rows")

    def _delivery_id(self, identity: str, period: str) -> str:
        # Held or replaced before, the same files may come again: the time keeps the ids apart.
        seed = f"{identity}\0{period}\0{self.now.isoformat()}"
        return hashlib.sha256(seed.encode()).hexdigest()[:16]

    def _entry(self, delivery: Delivery, identity: str, staged: Staged, name: str) -> Entry:
        period = staged.periods[name]
        account = "+".join(sorted(period.accounts))
        delivery_id = staged.name_of(name)
        folder = (
            f"source={slug(self.name)}/account={slug(account)[:80]}/period={name}"
            f"/delivery={delivery_id}"
        )
        return Entry(
            delivery_id=delivery_id,
            identity=identity,
            source=self.name,
            source_format=staged.format,
            account=account,
            period=name,
            state=IN_FORCE,
            reason="",
            file_count=len(delivery.files),
            row_count=period.row_count,
            rejected_count=staged.rejected_count,
            currency="+".join(sorted(period.currencies)),
            effective_cost=str(period.effective_cost),
            billed_cost=str(period.billed_cost),
            loaded_at=self.now.isoformat(),
            folder=folder,
        )

    @staticmethod
    def _move(staged: Path, target: Path) -> None:
        """Put the parts where they belong, synced."""
        for part in staged.glob("*.parquet"):
            sync(part)
        shutil.rmtree(target, ignore_errors=True)  # the same files at the same time, come back
        target.parent.mkdir(parents=True, exist_ok=True)
        staged.rename(target)
        sync(target.parent)

    def _hold(  # noqa: PLR0913 - what is held, and where it was met
        self,
        title: str,
        identity: str,
        reason: str,
        *,
        staged: Staged | None = None,
        file: str = "",
        row: int | None = None,
    ) -> Outcome:
        """Keep a delivery out, with its reason and its bad rows."""
        entry = Entry(
            delivery_id=identity,
            identity=identity,
            source=self.name,
            source_format=staged.format if staged else "",
            account="+".join(sorted({a for p in staged.periods.values() for a in p.accounts}))
            if staged
            else "",
            period="+".join(sorted(staged.periods)) if staged else "",
            state=HELD,
            reason=reason,
            file_count=0,
            row_count=0,
            rejected_count=staged.rejected_count if staged else 0,
            currency="",
            effective_cost="0",
            billed_cost="0",
            loaded_at=self.now.isoformat(),
            folder="",
        )
        rows = (
            self._rejected(staged, identity) if staged else self._whole(identity, file, row, reason)
        )
        with self.catalog.change():
            self.catalog.forget(identity)
            self.catalog.put(entry)
            self.catalog.put_rejected(rows)
        if staged is not None:
            shutil.rmtree(staged.folder, ignore_errors=True)
        return replace(self._again(entry, title), reason=reason)

    def _rejected(self, staged: Staged, delivery_id: str) -> pl.DataFrame:
        cells = staged.bad_cells().with_columns(
            pl.lit(delivery_id).alias("delivery_id"),
            pl.lit(self.name).alias("source"),
            pl.lit(self.now).alias("rejected_at"),
        )
        return cells.select(REJECTED.schema.names()).cast(REJECTED.schema)

    def _whole(self, delivery_id: str, file: str, row: int | None, reason: str) -> pl.DataFrame:
        values = (delivery_id, self.name, file, row, "", "", reason, self.now)
        return pl.DataFrame([values], schema=REJECTED.schema, orient="row")


def sole_load(home: Path) -> AbstractContextManager[None]:
    """Hold the lock of loads. Errors: AnotherLoadError."""
    busy = AnotherLoadError(f"{home}: another load is running; try again when it is done")
    return alone(home / "billing" / "lock", busy)
