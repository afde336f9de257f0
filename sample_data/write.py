"""A whole sample world on disk.

Takes    a WorldSpec, a folder
Gives    `bills/`, `formats/` (one ledger as every bill format, with its truth), `truth/`,
         `meterbook.toml`, `ownership.yaml`, `inventory.csv`, and unless told otherwise
         `otlp/<signal>-<day>.binpb`: the requests of a day, each with its length before it as a
         protobuf varint (`google.protobuf.internal.decoder._DecodeVarint` reads it)
"""

from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import polars as pl

from sample_data.billing import write_bills
from sample_data.config import write_config
from sample_data.formats import write_formats
from sample_data.ledger import make_ledger, totals
from sample_data.model import SignalName, World, WorldSpec
from sample_data.otlp import Request, requests
from sample_data.signals import HOUR, SECOND
from sample_data.truth import write_truth
from sample_data.wire import varint
from sample_data.world import make_world
from warehouse.table import USD

BILLS = "bills"
FORMATS = "formats"


def write_sample(
    spec: WorldSpec, out: Path, say: Callable[[str], None], *, otlp: bool = True
) -> None:
    """Write everything of a world to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    world = make_world(spec)
    say(
        f"sample: {len(world.clusters)} clusters, {len(world.nodes)} nodes, "
        f"{len(world.pods)} pods, {len(world.services)} services, {spec.days} days"
    )
    write_bills(world, out / BILLS)
    say(f"sample: bills in {out / BILLS}")
    _write_formats(world, out)
    write_truth(world, out)
    write_config(world, out)
    say(f"sample: configuration and truth in {out}")
    if otlp:
        say(f"sample: {_write_otlp(world, out / 'otlp'):,} points in {out / 'otlp'}")


def _write_formats(world: World, out: Path) -> None:
    """Write one small ledger in every bill format, beside what it sums to."""
    ledger = make_ledger(world.spec.seed, [_month(period) for period, _, _ in world.months()])
    write_formats(ledger, out / FORMATS)
    rows = [(*key, *costs) for key, costs in totals(ledger).items()]
    schema = dict.fromkeys(("month", "account", "service", "namespace"), pl.String())
    frame = pl.DataFrame(
        rows, schema={**schema, "billed_cost": USD, "effective_cost": USD}, orient="row"
    )
    frame.write_parquet(out / FORMATS / "truth.parquet", statistics=False)


def _month(period: str) -> tuple[int, int]:
    year, month = period.split("-")
    return int(year), int(month)


def _write_otlp(world: World, folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    points = 0

    def key(request: Request) -> int:
        return (request.first_at // SECOND - world.epoch) // (24 * HOUR // SECOND)

    for day, group in groupby(requests(world), key=key):
        files: dict[SignalName, list[bytes]] = {}
        for request in group:
            points += request.points
            files.setdefault(request.signal, []).extend((varint(len(request.body)), request.body))
        for signal, parts in files.items():
            path = folder / f"{signal}-{world.day(day)}.binpb"
            path.write_bytes(b"".join(parts))
    return points
