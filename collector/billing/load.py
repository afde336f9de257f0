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
from functools import cached_property, partial
from pathlib import Path
from typing import Final

import polars as pl

from collector.billing import fx
from collector.billing.catalog import (
    HELD,
    IN_FORCE,
    PREVIOUS,
    Catalog,
    Entry,
    lake_folder,
    remove_leftovers,
)
from collector.billing.conform import conformance
from collector.billing.delivery import Delivery, content_digest, find
from collector.billing.guards import Candidate, problem, problem_of_whole
from collector.billing.restate import restatement
from collector.billing.s3 import open_s3
from collector.billing.source import ChangedError, Place, Source, SourceFile, open_local, places_of
from collector.billing.stage import Staged, slug, stage
from meterbook.errors import ConfigError, DeliveryError, Finding, MeterbookError
from meterbook.settings import BillingSettings
from warehouse.disk import alone, sync
from warehouse.tables.raw import REJECTED

__all__ = ["LoadReport", "Place", "load", "places_of"]

Say = Callable[[str], None]
UNCHANGED: Final = "unchanged"
LOADED: Final = "loaded"
REPLACED: Final = "replaced"
WAITING: Final = "waiting"
OLDER: Final = "older"
MANIFEST_ID: Final = "manifest:"
NOT_READ: Final = "not read"

STEPS: Final = (
    "lock taken", "catalogue opened", "leftovers removed", "source opened", "files listed",
    "delivery identified", "staging begun", "delivery staged", "files unchanged", "guards passed",
    "restatement told", "parts synced", "place cleared", "place made", "parts moved",
    "place synced", "transaction begun", "files noted", "former set aside", "entry put",
    "before commit", "committed", "staging removed",
)  # fmt: skip
"""The points of a load, in order; a crash at any of them leaves the former state or the new one."""

Step = Callable[[str], None]


def _go_on(name: str) -> None:
    """Do nothing at a step."""


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
            kept = f"{what}: {self.reason}\n  The former one, if any, stays in force."
            if self.delivery_id.startswith(MANIFEST_ID):
                return kept  # there are no files that could be taken
            return f"{kept} `meterbook load --accept {self.delivery_id}` takes it anyway."
        return f"{what}{': ' + self.reason if self.reason else ''}"


@dataclass(frozen=True)
class LoadReport:
    """What a load did."""

    outcomes: tuple[Outcome, ...]

    @property
    def is_refused(self) -> bool:
        """Tell whether something is held."""
        return any(outcome.state in {HELD, NOT_READ} for outcome in self.outcomes)

    @property
    def rows(self) -> list[dict[str, object]]:
        """Give the outcomes as plain values."""
        return [dict(vars(outcome)) for outcome in self.outcomes]

    @property
    def text(self) -> str:
        """Give a line per outcome."""
        return "\n".join(outcome.text for outcome in self.outcomes) or "no billing sources"


def load(  # noqa: PLR0913 - places and home, and five terms by name
    places: Sequence[Place],
    home: Path,
    settings: BillingSettings,
    *,
    now: datetime,
    accept: str | None,
    say: Say,
    step: Step = _go_on,
) -> LoadReport:
    """Take what these places deliver; `step` is told each of STEPS as it is passed.

    Errors: DeliveryError for a place that is not there, ConfigError for an id that is not held.
    """
    outcomes: list[Outcome] = []
    with sole_load(home):
        step("lock taken")
        catalog = Catalog(home)
        step("catalogue opened")
        try:
            _refuse_unknown(catalog, accept)
            remove_leftovers(home, catalog)
            step("leftovers removed")
            for place in places:
                try:
                    source = _open(place, home, settings, say)
                    step("source opened")
                    loader = _Loader(source, home, settings, catalog, now, accept or "", say, step)
                    outcomes += loader.run()
                except DeliveryError as exc:
                    if not place.address:
                        raise
                    # A store that does not answer today is no reason to leave the others out.
                    outcomes.append(Outcome(place.name, place.address, NOT_READ, reason=str(exc)))
        finally:
            catalog.close()
    return LoadReport(tuple(outcomes))


def _refuse_unknown(catalog: Catalog, accept: str | None) -> None:
    """Refuse an id that no held delivery bears, before anything is read."""
    names = [entry.delivery_id for entry in catalog.entries("state = ?", HELD)]
    held = [name for name in names if not name.startswith(MANIFEST_ID)]
    if accept is None or (accept and any(name.startswith(accept) for name in held)):
        return
    known = ", ".join(held) or "none"
    raise ConfigError([Finding("--accept", f"'{accept}' is no held delivery; held: {known}")])


def _open(place: Place, home: Path, settings: BillingSettings, say: Say) -> Source:
    if not place.address:
        return open_local(place)
    return open_s3(place, settings, home / "billing" / "landing" / slug(place.name), say)


@dataclass(frozen=True)
class _Loader:
    source: Source
    home: Path
    settings: BillingSettings
    catalog: Catalog
    now: datetime
    accept: str
    say: Say
    step: Step

    @property
    def name(self) -> str:
        return self.source.place.name

    @cached_property
    def _terms(self) -> str:
        """Digest what a delivery is judged by: a held one is judged again when that changes."""
        rates = Path(self.settings.fx_rates)
        content = content_digest(rates) if self.settings.fx_rates and rates.is_file() else ""
        return hashlib.sha256(f"{self.settings!r}\0{content}".encode()).hexdigest()[:16]

    def run(self) -> Iterator[Outcome]:
        found = find(self.source, now=self.now, settle_seconds=self.settings.settle_seconds)
        self.step("files listed")
        for title in found.unsettled:
            reason = f"written to within {self.settings.settle_seconds} s; the next load takes it"
            yield Outcome(self.name, title, WAITING, reason=reason)
        for title, error in found.broken:
            yield self._hold(title, f"{MANIFEST_ID}{title}", str(error))
        if found.ignored_count:
            self.say(f"{self.name}: {found.ignored_count} file(s) that no manifest names are left")
        for delivery in found.deliveries:
            try:
                yield from self._take(delivery)
            except ChangedError as exc:
                yield Outcome(self.name, delivery.title, WAITING, reason=str(exc))
        # What was downloaded is in the lake, held, or out of date; a crash leaves it to go on from.
        shutil.rmtree(self.home / "billing" / "landing" / slug(self.name), ignore_errors=True)

    def _content(self, file: SourceFile) -> str:
        """Digest a file, unless its size and time say that it has been digested before."""
        known = self.catalog.content(self.name, file.name, file.size, file.modified_ns)
        if known:
            return known
        digest = content_digest(self.source.fetch(file.name))
        self.source.refuse_changed(file)
        self.catalog.put_content((self.name, file.name, file.size, file.modified_ns, digest))
        return digest

    def _take(self, delivery: Delivery) -> Iterator[Outcome]:
        identity = delivery.identity(self._content)
        self.step("delivery identified")
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
        is_judged = self.catalog.last_seen(self.name, _terms(identity)) == self._terms
        if held and not is_accepted and is_judged:
            yield self._again(held[0], delivery.title)
            return
        folder = self.home / "billing" / "staging" / identity
        self.step("staging begun")
        try:
            staged = stage(
                self.source, delivery, folder, partial(self._delivery_id, identity), self.say
            )
            self.step("delivery staged")
            for file in delivery.files:
                self.source.refuse_changed(file)
            self.step("files unchanged")
            candidates = [self._candidate(staged, name) for name in sorted(staged.periods)]
            found = "" if is_accepted else self._problem(delivery, staged, candidates)
        except ChangedError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        except DeliveryError as exc:
            yield self._hold(delivery.title, identity, str(exc), file=exc.file, row=exc.row)
            return
        if found:
            yield self._hold(delivery.title, identity, found, staged=staged)
            return
        if later := self._later(delivery, candidates):
            shutil.rmtree(folder, ignore_errors=True)
            reason = f"run at {delivery.run_at}; in force is that of {later}"
            yield Outcome(self.name, delivery.title, OLDER, identity, reason=reason)
            return
        self.step("guards passed")
        yield from self._switch(delivery, identity, staged, candidates)

    def _again(self, entry: Entry, title: str) -> Outcome:
        return Outcome(
            self.name,
            title,
            HELD,
            entry.identity,
            rejected_count=entry.rejected_count,
            reason=entry.reason,
        )

    def _problem(self, delivery: Delivery, staged: Staged, candidates: Sequence[Candidate]) -> str:
        """Say why a delivery must be held, or nothing."""
        problems = (problem(candidate, self.settings) for candidate in candidates)
        whole = problem_of_whole(staged, delivery.row_count)
        if found := whole or next((found for found in problems if found), ""):
            return found
        rates = fx.read_rates(self.settings)
        unrated = (fx.problem(it.parts, self.settings, rates) for it in candidates)
        return next((found for found in unrated if found), "")

    def _candidate(self, staged: Staged, name: str) -> Candidate:
        """Put a period of the delivery beside what is in force, of accounts that overlap."""
        period = staged.periods[name]
        in_force = self.catalog.entries("period = ? AND state = ?", name, IN_FORCE)
        overlap = [entry for entry in in_force if entry.accounts & period.accounts]
        former = [entry for entry in overlap if entry.source == self.name]
        return Candidate(
            source=self.name,
            name=name,
            period=period,
            parts=sorted((staged.folder / name).glob("*.parquet")),
            former=former,
            former_parts=self._parts(former),
            others=[entry for entry in overlap if entry.source != self.name],
        )

    def _parts(self, entries: Sequence[Entry]) -> list[Path]:
        root = lake_folder(self.home)
        return sorted(path for e in entries for path in (root / e.folder).glob("*.parquet"))

    def _later(self, delivery: Delivery, candidates: Sequence[Candidate]) -> str:
        """Give when a later run than this was made that is in force; empty where none is known."""
        runs = [self.catalog.run_at(entry.delivery_id) for it in candidates for entry in it.former]
        later = [run for run in runs if delivery.run_at and run > delivery.run_at]
        return max(later, default="")

    def _switch(
        self, delivery: Delivery, identity: str, staged: Staged, candidates: Sequence[Candidate]
    ) -> Iterator[Outcome]:
        """Move the parts into the lake, then make all periods current in one transaction."""
        made = [self._made(delivery, identity, staged, candidate) for candidate in candidates]
        self.step("restatement told")
        for it in made:
            self._move(staged.folder / it.entry.period, lake_folder(self.home) / it.entry.folder)
        with self.catalog.change():
            self.step("transaction begun")
            self._note(delivery, identity)
            self.step("files noted")
            for it in made:
                for old in it.former:
                    self.catalog.set_state(old.delivery_id, PREVIOUS)
                self.step("former set aside")
                self.catalog.put(it.entry)
                self.catalog.put_facts(it.entry.delivery_id, delivery.run_at, it.restated, it.rules)
                self.step("entry put")
            if made:
                self.catalog.put_rejected(self._rejected(staged, made[0].entry.delivery_id))
            self.step("before commit")
        self.step("committed")
        shutil.rmtree(staged.folder, ignore_errors=True)
        self.step("staging removed")
        for it in made:
            entry = it.entry
            yield Outcome(
                self.name,
                delivery.title,
                REPLACED if it.former else LOADED,
                entry.delivery_id,
                entry.period,
                entry.account,
                entry.row_count,
                entry.rejected_count,
                entry.effective_cost,
            )
        if not made:
            yield Outcome(self.name, delivery.title, LOADED, identity, reason="no rows")

    def _note(self, delivery: Delivery, identity: str) -> None:
        """Remember what was brought, and forget what was held of it or in its place before."""
        title = delivery.title
        self.catalog.see(self.name, title, identity)
        stale = {identity, f"{MANIFEST_ID}{title}", self.catalog.last_seen(self.name, _held(title))}
        for entry in self.catalog.entries("source = ? AND state = ?", self.name, HELD):
            if entry.identity in stale:
                self.catalog.forget(entry.delivery_id)

    def _made(
        self, delivery: Delivery, identity: str, staged: Staged, candidate: Candidate
    ) -> "_Made":
        entry = self._entry(delivery, identity, staged, candidate.name)
        former = [*candidate.former, *candidate.others]
        names = (entry.delivery_id, "+".join(old.delivery_id for old in former))
        before = self._parts(former)
        restated = restatement(before, candidate.parts if former else (), ids=names, at=self.now)
        return _Made(entry, former, restated, conformance(candidate.parts))

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

    def _move(self, staged: Path, target: Path) -> None:
        """Put the parts where they belong, synced."""
        for part in staged.glob("*.parquet"):
            sync(part)
        self.step("parts synced")
        shutil.rmtree(target, ignore_errors=True)  # the same files at the same time, come back
        self.step("place cleared")
        target.parent.mkdir(parents=True, exist_ok=True)
        self.step("place made")
        staged.rename(target)
        self.step("parts moved")
        sync(target.parent)
        self.step("place synced")

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
        former = self.catalog.last_seen(self.name, _held(title))
        with self.catalog.change():
            for stale in self.catalog.entries("identity = ? AND state = ?", former, HELD):
                self.catalog.forget(stale.delivery_id)  # another one came in its place
            self.catalog.see(self.name, _held(title), identity)
            self.catalog.see(self.name, _terms(identity), self._terms)
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


@dataclass(frozen=True)
class _Made:
    """A period of a delivery, ready to be switched to."""

    entry: Entry
    former: Sequence[Entry]
    restated: pl.DataFrame
    rules: Sequence[tuple[str, str, int, int, str]]


def _held(title: str) -> str:
    return f"held\0{title}"


def _terms(identity: str) -> str:
    return f"terms\0{identity}"


def sole_load(home: Path) -> AbstractContextManager[None]:
    """Hold the lock of loads. Errors: AnotherLoadError."""
    busy = AnotherLoadError(f"{home}: another load is running; try again when it is done")
    return alone(home / "billing" / "lock", busy)
