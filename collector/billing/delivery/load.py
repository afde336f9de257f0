"""Billing deliveries: found, staged, checked, and switched in one transaction.

Takes    places, the home, the settings, the time
Gives    bill lines in the lake and the catalogue's word on which are in force
Refuses  a delivery with unreadable values, a sudden drop, other currencies, a sum that is not the
         file's own: it is held with its reason, and the former one stays in force
Holds    the same delivery again changes nothing; a crash leaves the former state or the new one
"""

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from collector.billing.delivery.catalog import Catalog, remove_leftovers
from collector.billing.delivery.delivery import Delivery, content_digest, find
from collector.billing.delivery.guards import Candidate, problem, problem_of_whole
from collector.billing.delivery.hold import again, hold, terms, terms_key
from collector.billing.delivery.outcome import (
    MANIFEST_ID,
    NOT_READ,
    OLDER,
    STEPS,
    UNCHANGED,
    WAITING,
    Job,
    LoadReport,
    Outcome,
    Say,
    Step,
)
from collector.billing.delivery.source import (
    ChangedError,
    Place,
    Source,
    SourceFile,
    open_local,
    places_of,
)
from collector.billing.delivery.stage import Staged, slug, stage
from collector.billing.delivery.switch import parts_of, switch
from collector.billing.format import fx
from meterbook.base.disk import alone
from meterbook.base.errors import ConfigError, DeliveryError, Finding, MeterbookError
from meterbook.base.home import Home
from meterbook.base.settings import BillingSettings
from warehouse.tables.values import HELD, IN_FORCE

__all__ = ["STEPS", "LoadReport", "Place", "load", "places_of"]


def _go_on(name: str) -> None:
    """Do nothing at a step."""


class AnotherLoadError(MeterbookError):
    """Another load holds the catalogue."""


def load(  # noqa: PLR0913 - places and home, and five terms by name
    places: Sequence[Place],
    home: Home,
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
                    job = Job(place.name, home, settings, catalog, now, accept or "", say, step)
                    outcomes += _Loader(source, job).run()
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


def _open(place: Place, home: Home, settings: BillingSettings, say: Say) -> Source:
    if not place.address:
        return open_local(place)
    from collector.billing.delivery.s3 import open_s3  # noqa: PLC0415 - the AWS library only for a bucket

    return open_s3(place, settings, home.landing / slug(place.name), say)


@dataclass(frozen=True)
class _Loader:
    source: Source
    job: Job

    def run(self) -> Iterator[Outcome]:
        settle_seconds = self.job.settings.settle_seconds
        found = find(self.source, now=self.job.now, settle_seconds=settle_seconds)
        self.job.step("files listed")
        for title in found.unsettled:
            reason = f"written to within {settle_seconds} s; the next load takes it"
            yield Outcome(self.job.name, title, WAITING, reason=reason)
        for title, error in found.broken:
            yield hold(self.job, title, f"{MANIFEST_ID}{title}", str(error))
        if found.ignored_count:
            self.job.say(
                f"{self.job.name}: {found.ignored_count} file(s) that no manifest names are left"
            )
        for delivery in found.deliveries:
            try:
                yield from self._take(delivery)
            except ChangedError as exc:
                yield Outcome(self.job.name, delivery.title, WAITING, reason=str(exc))
        # What was downloaded is in the lake, held, or out of date; a crash leaves it to go on from.
        shutil.rmtree(self.job.home.landing / slug(self.job.name), ignore_errors=True)

    def _content(self, file: SourceFile) -> str:
        """Digest a file, unless its size and time say that it has been digested before."""
        known = self.job.catalog.content(self.job.name, file.name, file.size, file.modified_ns)
        if known:
            return known
        digest = content_digest(self.source.fetch(file.name))
        self.source.refuse_changed(file)
        self.job.catalog.put_content(
            (self.job.name, file.name, file.size, file.modified_ns, digest)
        )
        return digest

    def _take(self, delivery: Delivery) -> Iterator[Outcome]:
        identity = delivery.identity(self._content)
        self.job.step("delivery identified")
        known = self.job.catalog.entries("identity = ? AND source = ?", identity, self.job.name)
        is_accepted = bool(self.job.accept) and (
            identity.startswith(self.job.accept)
            or any(entry.delivery_id.startswith(self.job.accept) for entry in known)
        )
        held = [entry for entry in known if entry.state == HELD]
        # A folder that another one has replaced is old news, unless its content has changed since.
        is_seen = self.job.catalog.last_seen(self.job.name, delivery.title) == identity
        if known and not held and (is_seen or any(entry.state == IN_FORCE for entry in known)):
            yield Outcome(self.job.name, delivery.title, UNCHANGED, identity)
            return
        judged_by = self.job.catalog.last_seen(self.job.name, terms_key(identity))
        is_judged = judged_by == terms(self.job.settings)
        if held and not is_accepted and is_judged:
            yield again(self.job, held[0], delivery.title)
            return
        folder = self.job.home.staging / identity
        self.job.step("staging begun")
        try:
            staged = stage(
                self.source, delivery, folder, partial(self._delivery_id, identity), self.job.say
            )
            self.job.step("delivery staged")
            for file in delivery.files:
                self.source.refuse_changed(file)
            self.job.step("files unchanged")
            candidates = [self._candidate(staged, name) for name in sorted(staged.periods)]
            found = "" if is_accepted else self._problem(delivery, staged, candidates)
        except ChangedError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        except DeliveryError as exc:
            yield hold(self.job, delivery.title, identity, str(exc), file=exc.file, row=exc.row)
            return
        if found:
            yield hold(self.job, delivery.title, identity, found, staged=staged)
            return
        if later := self._later(delivery, candidates):
            shutil.rmtree(folder, ignore_errors=True)
            reason = f"run at {delivery.run_at}; in force is that of {later}"
            yield Outcome(self.job.name, delivery.title, OLDER, identity, reason=reason)
            return
        self.job.step("guards passed")
        yield from switch(self.job, delivery, identity, staged, candidates)

    def _problem(self, delivery: Delivery, staged: Staged, candidates: Sequence[Candidate]) -> str:
        """Say why a delivery must be held, or nothing."""
        problems = (problem(candidate, self.job.settings) for candidate in candidates)
        whole = problem_of_whole(staged, delivery.row_count)
        if found := whole or next((found for found in problems if found), ""):
            return found
        rates = fx.read_rates(self.job.settings)
        unrated = (fx.problem(it.parts, self.job.settings, rates) for it in candidates)
        return next((found for found in unrated if found), "")

    def _candidate(self, staged: Staged, name: str) -> Candidate:
        """Put a period of the delivery beside what is in force, of accounts that overlap."""
        period = staged.periods[name]
        in_force = self.job.catalog.entries("period = ? AND state = ?", name, IN_FORCE)
        overlap = [entry for entry in in_force if entry.accounts & period.accounts]
        former = [entry for entry in overlap if entry.source == self.job.name]
        return Candidate(
            source=self.job.name,
            name=name,
            period=period,
            parts=sorted((staged.folder / name).glob("*.parquet")),
            former=former,
            former_parts=parts_of(self.job, former),
            others=[entry for entry in overlap if entry.source != self.job.name],
        )

    def _later(self, delivery: Delivery, candidates: Sequence[Candidate]) -> str:
        """Give when a later run than this was made that is in force; empty where none is known."""
        runs = [
            self.job.catalog.run_at(entry.delivery_id) for it in candidates for entry in it.former
        ]
        later = [run for run in runs if delivery.run_at and run > delivery.run_at]
        return max(later, default="")

    def _delivery_id(self, identity: str, period: str) -> str:
        # Held or replaced before, the same files may come again: the time keeps the ids apart.
        seed = f"{identity}\0{period}\0{self.job.now.isoformat()}"
        return hashlib.sha256(seed.encode()).hexdigest()[:16]


def sole_load(home: Home) -> AbstractContextManager[None]:
    """Hold the lock of loads. Errors: AnotherLoadError."""
    busy = AnotherLoadError(f"{home}: another load is running; try again when it is done")
    return alone(home.bill_lock, busy)
