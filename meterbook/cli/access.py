"""Commands that say who may send: token create, list, revoke."""

import json

import click

from collector.otlp.admission import tokens
from meterbook.cli.base import Context, examples, main


@main.group(epilog=examples("meterbook token create --tenant shop", "meterbook token list"))
def token() -> None:
    """Say who may send: tokens for `collector.auth = "token"`."""


@token.command(
    "create",
    epilog=examples(
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
    path = context.settings.home.tokens
    clear, made = tokens.create_token(path, tenant, scopes, context.now, days)
    click.echo(json.dumps({"id": made.id, "tenant": tenant, "token": clear}) if as_json else clear)


@token.command("list", epilog=examples("meterbook token list", "meterbook token list --json"))
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
@click.pass_obj
def list_tokens(context: Context, as_json: bool) -> None:  # noqa: FBT001
    """List all tokens, without what was shown when they were made."""
    known = tokens.read_tokens(context.settings.home.tokens)
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


@token.command(epilog=examples("meterbook token revoke 1f2e3d4c"))
@click.argument("name", metavar="ID")
@click.pass_obj
def revoke(context: Context, name: str) -> None:
    """Revoke a token: a running collector refuses it within a second or two."""
    gone = tokens.revoke_token(context.settings.home.tokens, name, context.now)
    click.echo(f"revoked {gone.id} of {gone.tenant}")
