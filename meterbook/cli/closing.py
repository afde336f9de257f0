"""The command that closes a month."""

import click

from meterbook.build import build as building
from meterbook.cli.base import Context, examples, main


@main.command(epilog=examples("meterbook close --period 2026-10"))
@click.option("--period", required=True, help="Month, YYYY-MM.")
@click.pass_obj
def close(context: Context, period: str) -> None:
    """Close a month: its figures stay, later changes are adjustments of the open month."""
    report = building.close(context.settings, period, now=context.now, say=context.say)
    click.echo(f"{period} closed; {report.text}")
