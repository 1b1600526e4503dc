"""Commands of the relying party: its own key, and its registration at the provider."""

import json
import os
from pathlib import Path
from typing import IO

import click
from joserfc.jwk import ECKey, RSAKey

from livret_service.settings import Settings
from livret_service.sign_in.checks import ProviderRefused, ProviderUnavailable
from livret_service.sign_in.client_authentication import load_client_key
from livret_service.sign_in.client_file import write_registration
from livret_service.sign_in.party import relying_party
from livret_service.sign_in.registration import client_metadata, register
from shared.clock import utc_now

RSA_BITS = 2048
GUARD_EXIT_CODE = 3
REFUSED_EXIT_CODE = 2
UNAVAILABLE_EXIT_CODE = 4


@click.group("client-key")
def client_key() -> None:
    """The key with which this service proves itself to the provider (private_key_jwt)."""


@client_key.command("create")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="New file; never overwritten.",
)
@click.option("--algorithm", type=click.Choice(["RS256", "ES256"]), default="RS256", show_default=True)
def create(out: Path, algorithm: str) -> None:
    """Write a new private key to a file that only its owner reads, and print its public JWKS.

    \b
    livret client-key create --out client-key.pem > client-jwks.json
    idp clients add … --jwks client-jwks.json
    """
    key = RSAKey.generate_key(RSA_BITS) if algorithm == "RS256" else ECKey.generate_key("P-256")
    try:
        write_new_private_file(out, key.as_pem(private=True))
    except FileExistsError:
        click.echo(f"{out} is there already: nothing written", err=True)
        raise SystemExit(GUARD_EXIT_CODE) from None
    click.echo(json.dumps(load_client_key(out).public_jwks(), indent=2))
    click.echo(f"private key in {out}: set LIVRET_CLIENT_KEY_FILE to it", err=True)


@client_key.command("show")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
def show(file: Path) -> None:
    """Print the public JWKS of a private key file."""
    try:
        click.echo(json.dumps(load_client_key(file).public_jwks(), indent=2))
    except ValueError:
        click.echo(f"{file} is not a private RSA or P-256 key", err=True)
        raise SystemExit(REFUSED_EXIT_CODE) from None


def write_new_private_file(path: Path, content: bytes) -> None:
    """Create a file of mode 0600. Raises FileExistsError: a key in use is never written over."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


@click.group("client")
def client() -> None:
    """This service as a client of its provider."""


@client.command("register")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="New file for the registration; never overwritten.",
)
@click.option(
    "--initial-access-token-file",
    "token_file",
    type=click.File("r"),
    help="File with the provider's initial access token, or - for standard input.",
)
@click.option(
    "--contact", "contacts", multiple=True, required=True, help="Mail address of an operator; repeatable."
)
def register_command(out: Path, token_file: IO[str] | None, contacts: tuple[str, ...]) -> None:
    """Register this service at its provider (OpenID Connect Dynamic Client Registration).

    Settings say what is registered; LIVRET_CLIENT_ID need not be set yet.

    \b
    livret client register --out client.json --contact ops@school.example --initial-access-token-file token
    """
    if out.exists():
        click.echo(f"{out} exists already: nothing sent, nothing written", err=True)
        raise SystemExit(GUARD_EXIT_CODE)
    # Not registered yet: what is missing is what this command is for.
    settings = Settings.load(client_id="unregistered", client_secret="-", client_file=None)  # noqa: S106
    party = relying_party(settings, utc_now)
    initial_access_token = token_file.read().strip() if token_file else None
    try:
        document = register(party, client_metadata(party, settings, contacts), initial_access_token)
    except ProviderUnavailable as failure:
        click.echo(f"the provider does not answer: {failure.detail}", err=True)
        raise SystemExit(UNAVAILABLE_EXIT_CODE) from None
    except ProviderRefused as refusal:
        click.echo(f"the provider refused: {refusal.detail}", err=True)
        raise SystemExit(REFUSED_EXIT_CODE) from None
    write_registration(out, settings.issuer, document)
    click.echo(document["client_id"])
    click.echo(f"registration in {out}: set LIVRET_CLIENT_FILE to it", err=True)
