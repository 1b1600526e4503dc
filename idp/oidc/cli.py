"""`idp clients`: the services that may sign people in."""

import json
import os
import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from idp.oidc import clients as registry
from idp.oidc.models import Client
from idp.oidc.registration import AUTHENTICATION_METHODS, DEFAULT_METHOD, ClientMetadata
from idp.throttling.rules import NEVER
from shared.clock import app_now

clients = AppGroup("clients", help="Register, list, show and disable the services that sign people in.")
FORMAT = click.option(
    "--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True
)


def check_absent(_context: click.Context, _option: click.Parameter, path: Path | None) -> Path | None:
    """Before anything is done: a secret that cannot be written would be lost."""
    if path is not None and (path.exists() or not path.parent.is_dir()):
        raise click.BadParameter("must be a new file in a folder that is there")
    return path


SECRET_FILE = click.option(
    "--secret-file",
    type=click.Path(path_type=Path),
    callback=check_absent,
    help="Write the secret to this new file, readable by its owner alone, instead of standard output.",
)
DEFAULT_SCOPE = "openid profile email"


@clients.command("add")
@click.argument("name")
@click.option("--client-id", help="Its id; drawn when not given.")
@click.option("--redirect-uri", "redirect_uris", multiple=True, required=True, help="Exact; may be repeated.")
@click.option(
    "--post-logout-redirect-uri", "post_logout_redirect_uris", multiple=True, help="Exact; may be repeated."
)
@click.option("--initiate-login-uri", help="Where a person starts signing in to it; shows it on the portal.")
@click.option("--client-uri", help="Its home page.")
@click.option(
    "--scope", default=DEFAULT_SCOPE, show_default=True, help="What it may ask for, space-separated."
)
@click.option(
    "--sector-identifier", help="Host for pairwise subjects; needed when redirect URIs are on several hosts."
)
@click.option(
    "--token-endpoint-auth-method",
    type=click.Choice(AUTHENTICATION_METHODS),
    default=DEFAULT_METHOD,
    show_default=True,
)
@click.option("--jwks", type=click.File("r"), help="Its public keys (JWK Set), for private_key_jwt.")
@click.option("--first-party", is_flag=True, help="A service of the same operator: no consent is asked.")
@click.option("--no-require-pkce", is_flag=True, help="Accept requests without PKCE.")
@SECRET_FILE
@FORMAT
def add(
    name: str,
    client_id: str | None,
    jwks: Any,
    no_require_pkce: bool,  # noqa: FBT001 - click gives a flag by position
    secret_file: Path | None,
    style: str,
    **options: Any,
) -> None:
    """Register the client NAME. Its secret is printed once and kept nowhere.

    \b
    Examples:
      idp clients add "Livret scolaire" --redirect-uri https://livret.example/retour --scope "openid children"
      idp clients add Portail --redirect-uri https://p.example/cb --token-endpoint-auth-method private_key_jwt --jwks p.json
    """
    metadata = ClientMetadata(
        client_id=client_id or secrets.token_hex(12),
        name=name,
        jwks=_read_jwks(jwks),
        require_pkce=not no_require_pkce,
        **options,
    )
    client_secret = registry.add_client(metadata, now=app_now())
    _tell_secret(metadata.client_id, client_secret, secret_file, style)


@clients.command("list")
@FORMAT
def list_(style: str) -> None:
    """List the clients.

    \b
    Examples:
      idp clients list
      idp clients list --format json
    """
    rows = [_row(client) for client in registry.list_clients()]
    if style == "json":
        click.echo(json.dumps({"schema": 1, "clients": rows}, ensure_ascii=False, indent=2))
        return
    columns = ("client_id", "name", "token_endpoint_auth_method", "scope", "state")
    _table([{**row, "state": "disabled" if row["disabled_at"] else "in use"} for row in rows], columns)


@clients.command("show")
@click.argument("client_id")
@FORMAT
def show(client_id: str, style: str) -> None:
    """Show one client's registration.

    \b
    Examples:
      idp clients show livret
      idp clients show livret --format json
    """
    row = _row(registry.get_client(client_id))
    if style == "json":
        click.echo(json.dumps({"schema": 1, **row}, ensure_ascii=False, indent=2))
        return
    _table([{"member": member, "value": _cell(value)} for member, value in row.items()], ("member", "value"))


@clients.command("rotate-secret")
@click.argument("client_id")
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, 24 * 30),
    default=24,
    show_default=True,
    help="How long the older secrets still work.",
)
@SECRET_FILE
@FORMAT
def rotate_secret(client_id: str, overlap_hours: int, secret_file: Path | None, style: str) -> None:
    """Draw a new secret; the older ones work a while longer.

    \b
    Examples:
      idp clients rotate-secret livret
      idp clients rotate-secret livret --overlap-hours 0 --secret-file livret.secret
    """
    client_secret = registry.rotate_secret(client_id, overlap=timedelta(hours=overlap_hours), now=app_now())
    _tell_secret(client_id, client_secret, secret_file, style)


@clients.command("disable")
@click.argument("client_id")
def disable(client_id: str) -> None:
    """Refuse a client everything, at once: authorizations, codes, tokens.

    \b
    Examples:
      idp clients disable livret
      idp clients list
    """
    registry.disable_client(client_id, now=app_now())
    click.echo(f"client {client_id} is disabled", err=True)


def _tell_secret(client_id: str, client_secret: str | None, secret_file: Path | None, style: str) -> None:
    told = {"client_id": client_id}
    if client_secret is not None and secret_file is not None:
        _write_secret(secret_file, client_secret)
    elif client_secret is not None:
        told["client_secret"] = client_secret
        click.echo("The secret is shown this once.", err=True)
    if style == "json":
        click.echo(json.dumps({"schema": 1, **told}))
        return
    _table([{"member": member, "value": value} for member, value in told.items()], ("member", "value"))


def _write_secret(path: Path, client_secret: str) -> None:
    # Never over a file that is there, never readable by others, not even for an instant.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(client_secret + "\n")


def _read_jwks(file: Any) -> Any:
    if file is None:
        return None
    try:
        jwks = json.load(file)
    except ValueError:
        raise click.BadParameter("not a JSON document", param_hint="--jwks") from None
    if not isinstance(jwks, dict):
        raise click.BadParameter("not a JWK Set", param_hint="--jwks")
    return jwks


def _row(client: Client) -> dict[str, Any]:
    row = {member: getattr(client, member) for member in registry.METADATA_MEMBERS}
    instants = {name: getattr(client, name) for name in ("created_at", "last_used_at", "disabled_at")}
    instants["expires_at"] = client.expires_at if client.expires_at < NEVER else None
    return row | {name: at.isoformat() if at else None for name, at in instants.items()}


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value)
    return ", ".join(value) if isinstance(value, list) else "-" if value is None else str(value)


def _table(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    cells: Callable[[dict[str, Any]], list[str]] = lambda row: [_cell(row[column]) for column in columns]  # noqa: E731
    lines = [list(columns), *(cells(row) for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
