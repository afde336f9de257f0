"""Deliveries that are held: kept out with a reason, until they or their terms change.

Takes    a delivery that was refused, and why
Gives    its entry in the catalogue and its bad rows; the digest of what it was judged by
Holds    what is in force stays in force; a held delivery is judged again when its terms change
"""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl

from collector.billing.delivery.catalog import Entry
from collector.billing.delivery.delivery import content_digest
from collector.billing.delivery.outcome import Job, Outcome
from collector.billing.delivery.stage import Staged
from collector.billing.format.mapping import FOLDER
from meterbook.base.settings import BillingSettings
from warehouse.tables.raw import REJECTED
from warehouse.tables.values import HELD


def terms(settings: BillingSettings) -> str:
    """Digest what a delivery is judged by: settings, rates, and the mappings of all formats."""
    rates = Path(settings.fx_rates)
    content = content_digest(rates) if settings.fx_rates and rates.is_file() else ""
    mappings = "".join(content_digest(path) for path in sorted(FOLDER.glob("*.toml")))
    return hashlib.sha256(f"{settings!r}\0{content}\0{mappings}".encode()).hexdigest()[:16]


def held_key(title: str) -> str:
    """Name what was held last of a place's manifest or folder."""
    return f"held\0{title}"


def terms_key(identity: str) -> str:
    """Name the terms that a held delivery was judged by."""
    return f"terms\0{identity}"


def hold(  # noqa: PLR0913 - what is held, and where it was met
    job: Job,
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
        source=job.name,
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
        loaded_at=job.now.isoformat(),
        folder="",
    )
    rows = rejected(job, staged, identity) if staged else _whole(job, identity, file, row, reason)
    former = job.catalog.last_seen(job.name, held_key(title))
    with job.catalog.change():
        for stale in job.catalog.entries("identity = ? AND state = ?", former, HELD):
            job.catalog.forget(stale.delivery_id)  # another one came in its place
        job.catalog.see(job.name, held_key(title), identity)
        job.catalog.see(job.name, terms_key(identity), terms(job.settings))
        job.catalog.forget(identity)
        job.catalog.put(entry)
        job.catalog.put_rejected(rows)
    if staged is not None:
        shutil.rmtree(staged.folder, ignore_errors=True)
    return replace(again(job, entry, title), reason=reason)


def again(job: Job, entry: Entry, title: str) -> Outcome:
    """Say again that it is held."""
    return Outcome(
        job.name,
        title,
        HELD,
        entry.identity,
        rejected_count=entry.rejected_count,
        reason=entry.reason,
    )


def rejected(job: Job, staged: Staged, delivery_id: str) -> pl.DataFrame:
    """Give the bad cells of a delivery as rows of raw_rejected."""
    cells = staged.bad_cells().with_columns(
        pl.lit(delivery_id).alias("delivery_id"),
        pl.lit(job.name).alias("source"),
        pl.lit(job.now).alias("rejected_at"),
    )
    return cells.select(REJECTED.schema.names()).cast(REJECTED.schema)


def _whole(job: Job, delivery_id: str, file: str, row: int | None, reason: str) -> pl.DataFrame:
    values = (delivery_id, job.name, file, row, "", "", reason, job.now)
    return pl.DataFrame([values], schema=REJECTED.schema, orient="row")
