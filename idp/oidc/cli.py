"""`idp clients`: the services that may sign people in."""

import json
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from idp.oidc import clients as registry
from idp.oidc import dynamic_registration
from idp.oidc.client_options import given_members, metadata_options
from idp.oidc.events import journal_id
from idp.oidc.logout import delivery_totals
from idp.oidc.models import Client
from idp.oidc.registration import ClientMetadata
from idp.oidc.registration_request import DEFAULT_SCOPE, RegistrationPolicy
from idp.oidc.scopes import OPENID, SUPPORTED
from idp.settings import current as current_settings
from idp.throttling.rules import NEVER
from shared.clock import app_now

clients = AppGroup(
    "clients", help="Register, invite, list, show and disable the services that sign people in."
)
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


@clients.command("add")
@click.argument("name")
@click.option("--client-id", help="Its id; drawn when not given.")
@metadata_options
@click.option("--jwks", type=click.File("r"), help="Its public keys (JWK Set), for private_key_jwt.")
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
      idp clients add Statistiques --grant-type client_credentials --scope ""
    """
    metadata = ClientMetadata(
        client_id=client_id or secrets.token_hex(12),
        name=name,
        jwks=_read_jwks(jwks),
        require_pkce=not no_require_pkce,
        **given_members(options),
    )
    dynamic_registration.check_all(metadata)
    client_secret = registry.add_client(metadata, now=app_now())
    _tell({"client_id": metadata.client_id}, "client_secret", client_secret, secret_file, style)


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
    columns = ("client_id", "name", "token_endpoint_auth_method", "scope", "last_used_at", "state")
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
    _tell({"client_id": client_id}, "client_secret", client_secret, secret_file, style)


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


@clients.command("enable")
@click.argument("client_id")
def enable(client_id: str) -> None:
    """Give back to a disabled client what it had; what expired meanwhile stays expired.

    \b
    Examples:
      idp clients enable livret
      idp clients show livret
    """
    registry.enable_client(client_id, now=app_now())
    click.echo(f"client {client_id} is in use", err=True)


def check_scope(_context: click.Context, _option: click.Parameter, scope: str) -> str:
    """Known scopes, openid among them."""
    scopes = scope.split()
    if OPENID not in scopes or not set(scopes) <= set(SUPPORTED):
        raise click.BadParameter(f"must hold openid, and only {', '.join(SUPPORTED)}")
    return " ".join(scopes)


@clients.command("invite")
@click.option(
    "--scope",
    default=DEFAULT_SCOPE,
    show_default=True,
    callback=check_scope,
    help="What clients may ask for; one that names nothing gets these without the children.",
)
@click.option(
    "--no-require-pkce", is_flag=True, help="Accept requests without PKCE from confidential clients."
)
@click.option(
    "--uses", type=click.IntRange(1, 10_000), default=1, show_default=True, help="How many clients."
)
@click.option("--expires-days", type=click.IntRange(1, 365), default=7, show_default=True)
@click.option(
    "--client-days",
    type=click.IntRange(1, 3650),
    help="Days until each such client expires; never by default.",
)
@SECRET_FILE
@FORMAT
def invite(
    scope: str,
    no_require_pkce: bool,  # noqa: FBT001 - click gives a flag by position
    uses: int,
    expires_days: int,
    client_days: int | None,
    secret_file: Path | None,
    style: str,
) -> None:
    """Draw an initial access token, with which a service registers itself at /oauth/register.

    \b
    Examples:
      idp clients invite
      idp clients invite --uses 100 --no-require-pkce --expires-days 1 --client-days 2
    """
    policy = RegistrationPolicy(scope, require_pkce=not no_require_pkce, client_days=client_days)
    now, life = app_now(), timedelta(days=expires_days)
    initial_access_token = dynamic_registration.invite(policy, uses=uses, life=life, now=now)
    if current_settings().registration == "closed":
        click.echo("IDP_REGISTRATION is closed: the token opens nothing until that changes.", err=True)
    told = {"uses": str(uses), "expires_at": (now + life).isoformat(), "scope": scope}
    _tell(told, "initial_access_token", initial_access_token, secret_file, style)


@clients.command("logouts")
@FORMAT
def logouts(style: str) -> None:
    """Show how telling each client of ended sessions goes (back-channel logout).

    \b
    Examples:
      idp clients logouts
      idp clients logouts --format json
    """
    rows = [
        {**asdict(totals), "last_delivered_at": _instant(totals.last_delivered_at)}
        for totals in delivery_totals()
    ]
    if style == "json":
        click.echo(json.dumps({"schema": 1, "clients": rows}, ensure_ascii=False, indent=2))
        return
    columns = ("client_id", "waiting", "delivered", "failed", "last_delivered_at", "last_failure")
    _table(rows, columns)


def _tell(told: dict[str, str], name: str, secret: str | None, secret_file: Path | None, style: str) -> None:
    """What was made, with its secret, if it has one, under `name`: here, or in its file."""
    if secret is not None and secret_file is not None:
        _write_secret(secret_file, secret)
    elif secret is not None:
        told = {**told, name: secret}
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
    row["journal_id"] = str(journal_id(client.client_id))
    instants = {name: getattr(client, name) for name in ("created_at", "last_used_at", "disabled_at")}
    instants["expires_at"] = client.expires_at if client.expires_at < NEVER else None
    return row | {name: at.isoformat() if at else None for name, at in instants.items()}


def _instant(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None


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
