"""What every command stands on: the program itself, its context, days and the clock.

Exit status: 0 done, 1 a check failed, 2 wrong use or configuration, 3 an input was refused.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import click

from meterbook.base.errors import (
    BadInputError,
    ConfigError,
    Finding,
    MeterbookError,
    NothingPublishedError,
)
from meterbook.base.home import Home
from meterbook.base.settings import Settings
from meterbook.base.settings_file import load_settings, parse_instant

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


def examples(*lines: str) -> str:
    """Give the examples at the end of a help text."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples("meterbook run --demo", "meterbook --home /var/lib/meterbook run"),
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

    ctx.obj = Context(settings, now_of(None), say)


def _config_file(home: Path | None, config: Path | None) -> Path | None:
    """Find the settings: named, else `meterbook.toml` in the home, else in the current folder."""
    if config is not None:
        return config
    chosen = home or os.environ.get("MB_HOME") or Home().root
    places = [Home(Path(chosen)).config, Home(Path()).config]
    return next((path for path in places if path.is_file()), None)


def now_of(text: str | None) -> datetime:
    """Give the time of this command: the one place that reads the clock."""
    text = text or os.environ.get("MB_NOW")
    return parse_instant(text, "MB_NOW") if text else datetime.now(UTC)  # noqa: TID251 - the edge


def day_of(text: str | None, key: str) -> date | None:
    """Read a UTC day of an option."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError([Finding(key, f"'{text}' is no day; want YYYY-MM-DD")]) from None
