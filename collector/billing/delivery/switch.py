"""The switch: staged parts go into the lake, and one transaction makes them current.

Takes    a delivery that has passed its guards, with its parts by billing period
Gives    an outcome per period
Holds    a crash leaves the former state or the new one
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from collector.billing.delivery.catalog import Entry
from collector.billing.delivery.delivery import Delivery
from collector.billing.delivery.guards import Candidate
from collector.billing.delivery.hold import held_key, rejected
from collector.billing.delivery.outcome import LOADED, MANIFEST_ID, REPLACED, Job, Outcome
from collector.billing.delivery.restate import restatement
from collector.billing.delivery.stage import Staged, slug
from collector.billing.format.conform import conformance
from meterbook.base.disk import sync
from warehouse.tables.values import HELD, IN_FORCE, PREVIOUS


def parts_of(job: Job, entries: Sequence[Entry]) -> list[Path]:
    """Give the parts of deliveries in the lake."""
    root = job.home.bill_lines
    return sorted(path for e in entries for path in (root / e.folder).glob("*.parquet"))


@dataclass(frozen=True)
class _Made:
    """A period of a delivery, ready to be switched to."""

    entry: Entry
    former: Sequence[Entry]
    restated: pl.DataFrame
    rules: Sequence[tuple[str, str, int, int, str]]


def switch(
    job: Job, delivery: Delivery, identity: str, staged: Staged, candidates: Sequence[Candidate]
) -> Iterator[Outcome]:
    """Move the parts into the lake, then make all periods current in one transaction."""
    made = [_made(job, delivery, identity, staged, candidate) for candidate in candidates]
    job.step("restatement told")
    for it in made:
        _move(job, staged.folder / it.entry.period, job.home.bill_lines / it.entry.folder)
    with job.catalog.change():
        job.step("transaction begun")
        _note(job, delivery, identity)
        job.step("files noted")
        for it in made:
            for old in it.former:
                job.catalog.set_state(old.delivery_id, PREVIOUS)
            job.step("former set aside")
            job.catalog.put(it.entry)
            job.catalog.put_facts(it.entry.delivery_id, delivery.run_at, it.restated, it.rules)
            job.step("entry put")
        if made:
            job.catalog.put_rejected(rejected(job, staged, made[0].entry.delivery_id))
        job.step("before commit")
    job.step("committed")
    shutil.rmtree(staged.folder, ignore_errors=True)
    job.step("staging removed")
    for it in made:
        entry = it.entry
        yield Outcome(
            job.name,
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
        yield Outcome(job.name, delivery.title, LOADED, identity, reason="no rows")


def _note(job: Job, delivery: Delivery, identity: str) -> None:
    """Remember what was brought, and forget what was held of it or in its place before."""
    title = delivery.title
    job.catalog.see(job.name, title, identity)
    stale = {identity, f"{MANIFEST_ID}{title}", job.catalog.last_seen(job.name, held_key(title))}
    for entry in job.catalog.entries("source = ? AND state = ?", job.name, HELD):
        if entry.identity in stale:
            job.catalog.forget(entry.delivery_id)


def _made(
    job: Job, delivery: Delivery, identity: str, staged: Staged, candidate: Candidate
) -> "_Made":
    entry = _entry(job, delivery, identity, staged, candidate.name)
    former = [*candidate.former, *candidate.others]
    names = (entry.delivery_id, "+".join(old.delivery_id for old in former))
    before = parts_of(job, former)
    restated = restatement(before, candidate.parts if former else (), ids=names, at=job.now)
    return _Made(entry, former, restated, conformance(candidate.parts))


def _entry(job: Job, delivery: Delivery, identity: str, staged: Staged, name: str) -> Entry:
    period = staged.periods[name]
    account = "+".join(sorted(period.accounts))
    delivery_id = staged.name_of(name)
    folder = (
        f"source={slug(job.name)}/account={slug(account)[:80]}/period={name}/delivery={delivery_id}"
    )
    return Entry(
        delivery_id=delivery_id,
        identity=identity,
        source=job.name,
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
        loaded_at=job.now.isoformat(),
        folder=folder,
    )


def _move(job: Job, staged: Path, target: Path) -> None:
    """Put the parts where they belong, synced."""
    for part in staged.glob("*.parquet"):
        sync(part)
    job.step("parts synced")
    shutil.rmtree(target, ignore_errors=True)  # the same files at the same time, come back
    job.step("place cleared")
    target.parent.mkdir(parents=True, exist_ok=True)
    job.step("place made")
    staged.rename(target)
    job.step("parts moved")
    sync(target.parent)
    job.step("place synced")
