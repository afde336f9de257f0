"""A whole sample world on disk.

Takes    a WorldSpec, a folder
Gives    `bills/`, `truth/`, `meterbook.toml`, `ownership.yaml`, `inventory.csv`, and unless told
         otherwise `otlp/<signal>-<day>.binpb`: the requests of a day, each with its length before
         it as a protobuf varint (`google.protobuf.internal.decoder._DecodeVarint` reads it)
"""

from collections.abc import Callable
from itertools import groupby
from pathlib import Path

from sample_data.billing import write_bills
from sample_data.config import write_config
from sample_data.model import SignalName, World, WorldSpec
from sample_data.otlp import Request, requests
from sample_data.signals import HOUR, SECOND
from sample_data.truth import write_truth
from sample_data.wire import varint
from sample_data.world import make_world

BILLS = "bills"


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
    write_truth(world, out)
    write_config(world, out)
    say(f"sample: configuration and truth in {out}")
    if otlp:
        say(f"sample: {_write_otlp(world, out / 'otlp'):,} points in {out / 'otlp'}")


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
