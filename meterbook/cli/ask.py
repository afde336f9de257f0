"""Commands that ask what is known: export, report, status, check, query."""

import sys
from pathlib import Path

import click

from meterbook import run as running
from meterbook.answers import export as exporting
from meterbook.answers import opencost
from meterbook.base.errors import ConfigError, Finding
from meterbook.base.plain import to_json
from meterbook.cli import status as reporting
from meterbook.cli.base import EXIT_CHECK_FAILED, Context, examples, main
from meterbook.cli.status_text import as_text
from warehouse.store.focus_views import VERSIONS


@main.command(
    epilog=examples(
        "meterbook export focus --version 1.2 --out build/focus",
        "meterbook export allocation --window 7d --aggregate namespace",
        "meterbook export allocation --window lastmonth --format csv --out allocation.csv",
    )
)
@click.argument("what", type=click.Choice(["focus", "allocation"]))
@click.option(
    "--version", type=click.Choice(VERSIONS), default="1.2", show_default=True, help="Of FOCUS."
)
@click.option("--window", default="7d", show_default=True, help="As OpenCost's: 7d, month, a,b.")
@click.option(
    "--aggregate",
    type=click.Choice(list(opencost.AGGREGATES)),
    default="namespace",
    show_default=True,
)
@click.option("--by-day", is_flag=True, help="One set a day, not one of the window.")
@click.option(
    "--format", "form", type=click.Choice(["json", "csv"]), default="json", show_default=True
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder (focus) or file to write.")
@click.pass_obj
def export(  # noqa: PLR0913, PLR0917 - one per option
    context: Context,
    what: str,
    version: str,
    window: str,
    aggregate: str,
    by_day: bool,  # noqa: FBT001
    form: str,
    out: Path | None,
) -> None:
    """Write the bill and its allocation as FOCUS Parquet, or costs in the shape of OpenCost's."""
    if what == "focus":
        if out is None:
            raise ConfigError([Finding("--out", "want a folder to write")])
        for path in exporting.export_focus(context.settings.home, version, out):
            click.echo(f"{what} {version}: {path}")
        return
    chosen = opencost.window_of(window, context.now.date())
    if form == "csv":
        text = opencost.as_csv(context.settings.home, chosen)
    else:
        sets = opencost.allocations(context.settings.home, chosen, aggregate, by_day=by_day)
        text = opencost.as_json(sets)
    if out is None:
        click.echo(text)
    else:
        out.write_text(text, encoding="utf-8")
        click.echo(out)


@main.command(epilog=examples("meterbook report --out report.html"))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File to write.")
@click.pass_obj
def report(context: Context, out: Path) -> None:
    """Write the static report: one HTML file with the figures of the current snapshot."""
    running.report(context.settings, out)
    click.echo(out)


@main.command(epilog=examples("meterbook status", "meterbook status --json"))
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
@click.pass_obj
def status(context: Context, as_json: bool) -> None:  # noqa: FBT001
    """Tell freshness, deliveries, journal, quarantine and the last build."""
    facts = reporting.status(context.settings, now=context.now)
    click.echo(to_json(facts) if as_json else as_text(facts))


@main.command(epilog=examples("meterbook check"))
@click.pass_obj
def check(context: Context) -> None:
    """Check the configuration and the published data: all findings at once."""
    findings = reporting.findings(context.settings)
    for line in [*reporting.notes(context.settings), *findings]:
        click.echo(line)
    if findings:
        sys.exit(EXIT_CHECK_FAILED)
    click.echo("no findings")


@main.command(
    epilog=examples(
        "meterbook query 'select * from mart_reconciliation_daily' --format json",
    )
)
@click.argument("sql")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json", "parquet"]),
    default="table",
    show_default=True,
)
@click.option("--out", type=click.Path(path_type=Path), help="File to write, needed for parquet.")
@click.pass_obj
def query(context: Context, sql: str, form: str, out: Path | None) -> None:
    """Ask the current snapshot in SQL, read-only."""
    reporting.query(context.settings, sql, form, out)
