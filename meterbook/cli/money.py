"""Commands about where money went: explain, statement."""

from datetime import date
from pathlib import Path
from typing import Final

import click

from meterbook.answers import adjustments as adjusting
from meterbook.answers import explain as explaining
from meterbook.answers import statement as stating
from meterbook.answers.department import by_department
from meterbook.answers.rules import read_ownership
from meterbook.answers.statement_files import write
from meterbook.base.errors import ConfigError, Finding
from meterbook.base.period import month_of
from meterbook.cli.base import Context, day_of, examples, main

MONTH: Final = "Month, YYYY-MM."


@main.command(
    epilog=examples(
        "meterbook explain --team payments --day 2026-10-12",
        "meterbook explain --team payments --day 2026-10-12 --namespace checkout --json",
        "meterbook explain --service AmazonS3 --period 2026-10",
        "meterbook explain --adjustments --team payments --period 2026-11",
    )
)
@click.option("--team", help="Team or bucket, e.g. __idle__.")
@click.option("--namespace", help="Only this namespace.")
@click.option("--service", help="Only this provider's service, FOCUS ServiceName.")
@click.option("--day", help="UTC day, YYYY-MM-DD.")
@click.option("--period", help=MONTH)
@click.option("--json", "as_json", is_flag=True, help="Every row with every step.")
@click.option(
    "--adjustments",
    "is_adjusted",
    is_flag=True,
    help="What the month's statement lists of earlier, closed months, and why.",
)
@click.pass_obj
def explain(  # noqa: PLR0913, PLR0917 - one per option
    context: Context,
    team: str | None,
    namespace: str | None,
    service: str | None,
    day: str | None,
    period: str | None,
    as_json: bool,  # noqa: FBT001
    is_adjusted: bool,  # noqa: FBT001
) -> None:
    """Go from a figure back to the bill lines, shares and rules behind it."""
    if is_adjusted:
        if period is None or day or namespace or service:
            raise ConfigError([Finding("--adjustments", "want --period, and at most --team")])
        month_of(period, "--period")
        changed = adjusting.adjustments(context.settings.home, period, team)
        shown = adjusting.as_json(changed) if as_json else adjusting.as_text(changed, period)
        click.echo(shown)
        return
    first, last = _days(day, period)
    question = explaining.Question(first, last, team, namespace, service)
    made = explaining.explain(context.settings.home, question)
    click.echo(explaining.as_json(made) if as_json else explaining.as_text(made))


def _days(day: str | None, period: str | None) -> tuple[date, date]:
    chosen = day_of(day, "--day")
    if (chosen is None) == (period is None):
        raise ConfigError([Finding("--day", "want either --day or --period")])
    return (chosen, chosen) if chosen is not None else month_of(period or "", "--period")


@main.command(
    epilog=examples(
        "meterbook statement --team payments --period 2026-10 --out build/statements",
        "meterbook statement --all --period 2026-10 --cost billed --out build/statements",
        "meterbook statement --department shop --period 2026-10 --out build/statements",
    )
)
@click.option("--team", help="Team or bucket, e.g. __idle__.")
@click.option("--department", help="A department of the ownership file: all its teams.")
@click.option("--all", "is_all", is_flag=True, help="Every team, bucket and department.")
@click.option("--period", required=True, help=MONTH)
@click.option(
    "--cost",
    type=click.Choice(["effective", "billed"]),
    default="effective",
    show_default=True,
    help="billed adds up to the invoice, effective to the amortised cost.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write.")
@click.pass_obj
def statement(  # noqa: PLR0913, PLR0917 - one per option
    context: Context,
    team: str | None,
    department: str | None,
    is_all: bool,  # noqa: FBT001
    period: str,
    cost: stating.Cost,
    out: Path,
) -> None:
    """Write what a team or department owes for a month: CSV, and HTML to print."""
    if is_all + (team is not None) + (department is not None) != 1:
        raise ConfigError([Finding("--team", "want one of --team, --department and --all")])
    settings = context.settings
    ownership = read_ownership(settings.ownership, settings.base)
    made = stating.statements(settings.home, ownership, period, cost)
    above = by_department(made, ownership)
    pool = above if department is not None else made
    chosen = [one for one in pool if is_all or one.team == (team or department)]
    if not chosen:
        names = ", ".join(sorted({one.team for one in pool})) or "none"
        option, wanted = ("--team", team) if department is None else ("--department", department)
        raise ConfigError([Finding(option, f"'{wanted}' has no cost in {period}; have {names}")])
    for path in write([*chosen, *(above if is_all else ())], made, out):
        click.echo(path)
