"""Commands about cardinality: simulate."""

from datetime import date
from typing import Any

import click

from meterbook.answers import simulate as simulating
from meterbook.cli.base import Context, day_of, examples, main


@main.group(epilog=examples("meterbook cardinality simulate --drop http.server.duration:user.id"))
def cardinality() -> None:
    """Try what fewer labels would leave."""


@cardinality.command(
    epilog=examples(
        "meterbook cardinality simulate --drop http.server.duration:user.id",
        "meterbook cardinality simulate --drop http.server.duration:user.id+session.id",
        "meterbook cardinality simulate --drop '*:k8s.pod.uid' --top-k queue.depth:queue:20",
        "meterbook cardinality simulate --normalise http.server.duration:url.path --json",
        "meterbook cardinality simulate --drop-metric debug.timings --halve-bounds '*'",
    )
)
@click.option(
    "--drop",
    multiple=True,
    metavar="METRIC:LABEL[+LABEL]",
    help="Drop labels of a metric, `*` for every metric. May be given often.",
)
@click.option(
    "--normalise",
    multiple=True,
    metavar="METRIC:LABEL",
    help="Fold paths to templates and codes of status to classes.",
)
@click.option(
    "--top-k",
    multiple=True,
    metavar="METRIC:LABEL:K",
    help="Keep the K values with most series, all else is `other`.",
)
@click.option("--drop-metric", multiple=True, metavar="METRIC", help="Drop a whole metric.")
@click.option(
    "--halve-bounds",
    multiple=True,
    metavar="METRIC",
    help="Keep every second bound of a histogram, `*` for all.",
)
@click.option("--day", metavar="DAY", help="UTC day, YYYY-MM-DD; by default the last that is over.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
@click.pass_obj
def simulate(context: Context, /, day: str | None, *, as_json: bool, **asked: Any) -> None:
    """Print what would remain of each metric and in all, with the money saved.

    All changes at once, counted exactly on the series of the last day that is over. A label is
    dropped wherever it stands, on points and on the resource. Ends with 2 where a metric or label
    is not there.
    """
    plan = simulating.parsed(simulating.Asked(**asked))
    chosen: date | None = day_of(day, "--day")
    today = context.now.date()
    settings = context.settings
    frame = simulating.simulate(settings.home, settings.cardinality, plan, chosen, today=today)
    source = settings.cardinality.price_source
    click.echo(simulating.as_json(frame) if as_json else simulating.as_text(frame, source, today))
