"""The command `meterbook`.

Exit status: 0 done, 1 a check failed, 2 wrong use or configuration, 3 an input was refused.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import click

from collector.otlp import tokens
from meterbook import build as building
from meterbook import explain as explaining
from meterbook import export as exporting
from meterbook import run as running
from meterbook import status as telling
from meterbook.errors import (
    BadInputError,
    ConfigError,
    Finding,
    MeterbookError,
    NothingPublishedError,
)
from meterbook.plain import plain
from meterbook.settings import Settings, load_settings, parse_instant
from warehouse.focus_views import VERSIONS

EXIT_CHECK_FAILED: Final = 1
EXIT_WRONG_USE: Final = 2
EXIT_REFUSED: Final = 3
SIZES: Final = click.Choice(["small", "medium", "large"])


@dataclass(frozen=True)
class Context:
    """What every subcommand gets: settings and the time it is."""

    settings: Settings
    now: datetime
    say: Callable[[str], None]


class Program(click.Group):
    """A group that turns our errors into their message and exit status."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a subcommand; print an error of ours without a traceback."""
        try:
            return super().invoke(ctx)
        except (ConfigError, NothingPublishedError) as exc:
            click.echo(f"meterbook: {exc}", err=True)
            sys.exit(EXIT_WRONG_USE)
        except BadInputError as exc:
            click.echo(f"meterbook: {exc}", err=True)
            sys.exit(EXIT_REFUSED)
        except MeterbookError as exc:
            click.echo(f"meterbook: {exc}", err=True)
            sys.exit(EXIT_CHECK_FAILED)


def _examples(*lines: str) -> str:
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_examples("meterbook run --demo", "meterbook --home /var/lib/meterbook run"),
)
@click.option("--home", type=click.Path(path_type=Path), help="Where the data lives. [MB_HOME]")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="MB_CONFIG",
    help="Settings file, meterbook.toml. [MB_CONFIG]",
)
@click.version_option(package_name="meterbook")
@click.pass_context
def main(ctx: click.Context, home: Path | None, config: Path | None) -> None:
    """Keep the book of what a platform's telemetry says and what it costs.

    Receives OTLP telemetry and billing exports, explains the bill per namespace and team to the
    last digit, finds the labels that explode, and shows which services are dark.
    """
    if ctx.resilient_parsing:
        return
    settings = load_settings(_config_file(home, config), os.environ, {"home": home})
    started = time.monotonic()

    def say(text: str) -> None:
        click.echo(f"[{time.monotonic() - started:6.1f} s] {text}", err=True)

    ctx.obj = Context(settings, _now(None), say)


def _config_file(home: Path | None, config: Path | None) -> Path | None:
    """Find the settings: named, else `meterbook.toml` in the home, else in the current folder."""
    if config is not None:
        return config
    places = [Path(str(home or os.environ.get("MB_HOME") or Settings().home)), Path()]
    return next((p / "meterbook.toml" for p in places if (p / "meterbook.toml").is_file()), None)


def _now(text: str | None) -> datetime:
    """Give the time of this command: the one place that reads the clock."""
    text = text or os.environ.get("MB_NOW")
    return parse_instant(text, "MB_NOW") if text else datetime.now(UTC)  # noqa: TID251 - the edge


def _day(text: str | None, key: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError([Finding(key, f"'{text}' is no day; want YYYY-MM-DD")]) from None


@main.command(
    epilog=_examples(
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
    sys.exit(running.run(context.settings, wanted, clock=lambda: _now(None), say=context.say))


@main.command(epilog=_examples("meterbook collect", "MB_COLLECTOR_HTTP_PORT=0 meterbook collect"))
@click.pass_obj
def collect(context: Context) -> None:
    """Receive OTLP over gRPC and HTTP, and decode it into the lake. Nothing else."""
    sys.exit(running.collect(context.settings, say=context.say))


@main.command(epilog=_examples("meterbook serve", "MB_SITE_PORT=9000 meterbook serve"))
@click.pass_obj
def serve(context: Context) -> None:
    """Show the published snapshot on the site. Nothing else."""
    running.serve_site(context.settings)


@main.command(
    epilog=_examples(
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
    report = building.load_bills(
        context.settings, places, now=context.now, accept=accept, say=context.say
    )
    click.echo(json.dumps(report.rows, indent=1, default=plain) if as_json else report.text)
    if report.is_refused:
        sys.exit(EXIT_REFUSED)


@main.command(
    epilog=_examples(
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
        now=_now(now),
        choice=building.Choice(_day(first, "--from"), _day(last, "--to"), everything),
        say=context.say,
    )
    click.echo(report.text)


@main.command(epilog=_examples("meterbook export focus --version 1.2 --out build/focus"))
@click.argument("what", type=click.Choice(["focus"]))
@click.option(
    "--version", type=click.Choice(VERSIONS), default="1.2", show_default=True, help="Of FOCUS."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write.")
@click.pass_obj
def export(context: Context, what: str, version: str, out: Path) -> None:
    """Write the published bill, and its Kubernetes allocation, as FOCUS Parquet."""
    for path in exporting.export_focus(context.settings, version, out):
        click.echo(f"{what} {version}: {path}")


@main.command(epilog=_examples("meterbook report --out report.html"))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File to write.")
@click.pass_obj
def report(context: Context, out: Path) -> None:
    """Write the static report: one HTML file with the figures of the current snapshot."""
    running.report(context.settings, out)
    click.echo(out)


@main.command(
    epilog=_examples(
        "meterbook explain --team payments --day 2026-10-12",
        "meterbook explain --team payments --day 2026-10-12 --namespace checkout --json",
    )
)
@click.option("--team", required=True, help="Team or bucket, e.g. __idle__.")
@click.option("--day", required=True, help="UTC day, YYYY-MM-DD.")
@click.option("--namespace", help="Only this namespace.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
@click.pass_obj
def explain(context: Context, team: str, day: str, namespace: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Go from a figure back to the bill lines, shares and rules behind it."""
    chosen = _day(day, "--day")
    if chosen is not None:
        frame = explaining.explain(context.settings, team, chosen, namespace)
        click.echo(
            explaining.as_json(frame) if as_json else explaining.as_text(frame, team, chosen)
        )


@main.command(epilog=_examples("meterbook status", "meterbook status --json"))
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
@click.pass_obj
def status(context: Context, as_json: bool) -> None:  # noqa: FBT001
    """Tell freshness, deliveries, journal, quarantine and the last build."""
    facts = telling.status(context.settings, now=context.now)
    click.echo(json.dumps(facts, indent=1, default=plain) if as_json else telling.as_text(facts))


@main.command(epilog=_examples("meterbook check"))
@click.pass_obj
def check(context: Context) -> None:
    """Check the configuration and the published data: all findings at once."""
    findings = telling.findings(context.settings)
    for line in findings:
        click.echo(line)
    if findings:
        sys.exit(EXIT_CHECK_FAILED)
    click.echo("no findings")


@main.command(
    epilog=_examples(
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
    telling.query(context.settings, sql, form, out)


@main.command(epilog=_examples("meterbook sample --out build/sample --size small --seed 1"))
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
    chosen = _day(end, "--end") or context.now.date()
    running.write_sample_world(out, (seed, days, size, chosen), say=context.say)
    click.echo(out)


@main.group(epilog=_examples("meterbook token create --tenant shop", "meterbook token list"))
def token() -> None:
    """Say who may send: tokens for `collector.auth = "token"`."""


@token.command(
    "create",
    epilog=_examples(
        "meterbook token create --tenant shop",
        "meterbook token create --tenant shop --scope ingest:metrics --days 90",
    ),
)
@click.option("--tenant", required=True, help="Whose data it brings.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    default=("ingest",),
    show_default=True,
    help=f"What it is good for, may be repeated: {', '.join(tokens.SCOPES)}.",
)
@click.option("--days", type=int, help="Days until it expires. [never]")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
@click.pass_obj
def create(
    context: Context,
    tenant: str,
    scopes: tuple[str, ...],
    days: int | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Make a token and show it, this once: only its SHA-256 is kept."""
    path = tokens.tokens_file(context.settings.home)
    clear, made = tokens.create_token(path, tenant, scopes, context.now, days)
    click.echo(json.dumps({"id": made.id, "tenant": tenant, "token": clear}) if as_json else clear)


@token.command("list", epilog=_examples("meterbook token list", "meterbook token list --json"))
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
@click.pass_obj
def list_tokens(context: Context, as_json: bool) -> None:  # noqa: FBT001
    """List all tokens, without what was shown when they were made."""
    known = tokens.read_tokens(tokens.tokens_file(context.settings.home))
    if as_json:
        rows = [
            {
                "id": t.id,
                "tenant": t.tenant,
                "scopes": t.scopes,
                "created_at": t.created_at,
                "expires_at": t.expires_at,
                "revoked_at": t.revoked_at,
                "is_active": t.is_active(context.now),
            }
            for t in known
        ]
        click.echo(json.dumps(rows, indent=1))
        return
    if not known:
        click.echo("no tokens; `meterbook token create --tenant T` makes one")
    for t in known:
        state = "active" if t.is_active(context.now) else "revoked" if t.revoked_at else "expired"
        end = f", expires {t.expires_at}" if t.expires_at else ""
        click.echo(f"{t.id}  {t.tenant}  {state}  {', '.join(t.scopes)}  made {t.created_at}{end}")


@token.command(epilog=_examples("meterbook token revoke 1f2e3d4c"))
@click.argument("name", metavar="ID")
@click.pass_obj
def revoke(context: Context, name: str) -> None:
    """Revoke a token: a running collector refuses it within a second or two."""
    gone = tokens.revoke_token(tokens.tokens_file(context.settings.home), name, context.now)
    click.echo(f"revoked {gone.id} of {gone.tenant}")


if __name__ == "__main__":
    main()
