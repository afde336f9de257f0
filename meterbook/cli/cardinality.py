"""Commands about cardinality: simulate."""

import click

from meterbook import simulate as simulating
from meterbook.cli.base import Context, day_of, examples, main


@main.group(epilog=examples("meterbook cardinality simulate --drop http.server.duration:user.id"))
def cardinality() -> None:
    """Try what fewer labels would leave."""


@cardinality.command(
    epilog=examples(
        "meterbook cardinality simulate --drop http.server.duration:user.id",
        "meterbook cardinality simulate --drop '*:pod' --top-k queue.depth:queue:20",
        "meterbook cardinality simulate --normalise http.server.duration:url.path --json",
    )
)
@click.option("--drop", "drops", multiple=True, help="metric:label; `*` for every metric.")
@click.option("--normalise", multiple=True, help="metric:label, paths and codes of status.")
@click.option("--top-k", "top", multiple=True, help="metric:label:k, all else is `other`.")
@click.option("--day", help="UTC day, YYYY-MM-DD; the last one by default.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
@click.pass_obj
def simulate(  # noqa: PLR0917, PLR0913 - one argument per option
    context: Context,
    drops: tuple[str, ...],
    normalise: tuple[str, ...],
    top: tuple[str, ...],
    day: str | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Print what would remain of each metric and in all, with the money saved."""
    plan = simulating.parsed(drops, normalise, top)
    frame = simulating.simulate(context.settings, plan, day_of(day, "--day"))
    source = context.settings.cardinality.price_source
    click.echo(simulating.as_json(frame) if as_json else simulating.as_text(frame, source))
