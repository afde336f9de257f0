"""Commands that do the work: run, collect, serve, load, build, sample."""

import sys
from pathlib import Path

import click

from meterbook import run as running
from meterbook.base.plain import to_json
from meterbook.build import build as building
from meterbook.build.plan import Choice
from meterbook.cli.base import EXIT_REFUSED, SIZES, Context, day_of, examples, main, now_of


@main.command(
    epilog=examples(
        "meterbook --home build/demo run --demo --once   # the sample world, once, then end",
        "meterbook run                                   # your own: collector, builds, site",
    )
)
@click.option("--demo", is_flag=True, help="First make a sample world and send it in.")
@click.option("--once", is_flag=True, help="Build, publish, write the static report, and end.")
@click.option("--size", type=SIZES, default="medium", show_default=True, help="Of the demo.")
@click.option("--seed", type=int, default=7, show_default=True, help="Of the demo.")
@click.pass_obj
def run(context: Context, demo: bool, once: bool, size: str, seed: int) -> None:  # noqa: FBT001
    """Start the collector, a build every few minutes, and the site; watch them together."""
    wanted = running.Wanted(demo=running.Demo(size=size, seed=seed) if demo else None, once=once)
    sys.exit(running.run(context.settings, wanted, clock=lambda: now_of(None), say=context.say))


@main.command(epilog=examples("meterbook collect", "MB_COLLECTOR_HTTP_PORT=0 meterbook collect"))
@click.pass_obj
def collect(context: Context) -> None:
    """Receive OTLP over gRPC and HTTP, and decode it into the lake. Nothing else."""
    sys.exit(running.collect(context.settings, say=context.say))


@main.command(epilog=examples("meterbook serve", "MB_SITE_PORT=9000 meterbook serve"))
@click.pass_obj
def serve(context: Context) -> None:
    """Show the published snapshot on the site. Nothing else."""
    running.serve_site(context.settings)


@main.command(
    epilog=examples(
        "meterbook load                        # the configured sources",
        "meterbook load exports/focus.csv.gz",
        "meterbook load --accept 3f9ac1        # take a held delivery without its bad rows",
    )
)
@click.argument("places", nargs=-1)
@click.option("--accept", metavar="ID", help="Take this held delivery.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
@click.pass_obj
def load(context: Context, places: tuple[str, ...], accept: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Take billing deliveries from the configured sources, or from a folder or a file."""
    settings = context.settings
    bills = settings.billing.counted_from(settings.base)
    report = building.load_bills(
        bills, settings.home, places, now=context.now, accept=accept, say=context.say
    )
    click.echo(to_json(report.rows) if as_json else report.text)
    if report.is_refused:
        sys.exit(EXIT_REFUSED)


@main.command(
    epilog=examples(
        "meterbook build",
        "meterbook build --from 2026-10-01 --to 2026-10-31",
        "meterbook build --all --now 2026-11-01T00:00:00Z",
    )
)
@click.option("--from", "first", metavar="DAY", help="First day; without days what is new.")
@click.option("--to", "last", metavar="DAY", help="Last day.")
@click.option("--all", "everything", is_flag=True, help="Build every day anew.")
@click.option("--now", metavar="TIME", help="The time that everything compares with. [MB_NOW]")
@click.pass_obj
def build(
    context: Context,
    first: str | None,
    last: str | None,
    everything: bool,  # noqa: FBT001
    now: str | None,
) -> None:
    """Turn the lake into marts and publish a snapshot."""
    report = building.build(
        context.settings,
        now=now_of(now),
        choice=Choice(day_of(first, "--from"), day_of(last, "--to"), everything),
        say=context.say,
    )
    click.echo(report.text)


@main.command(epilog=examples("meterbook sample --out build/sample --size small --seed 1"))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write.")
@click.option("--seed", type=int, default=7, show_default=True)
@click.option("--days", type=int, default=35, show_default=True)
@click.option("--size", type=SIZES, default="medium", show_default=True)
@click.option("--end", metavar="DAY", help="First day after the world. [today]")
@click.pass_obj
def sample(  # noqa: PLR0913, PLR0917 - an option each
    context: Context, out: Path, seed: int, days: int, size: str, end: str | None
) -> None:
    """Write the sample world: OTLP requests, bills, configuration and its ground truth."""
    chosen = day_of(end, "--end") or context.now.date()
    running.write_sample_world(out, (seed, days, size, chosen), say=context.say)
    click.echo(out)
