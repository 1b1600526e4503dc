"""Commands of the relying party: its own key."""

import json
import os
from pathlib import Path

import click
from joserfc.jwk import ECKey, RSAKey

from livret_service.sign_in.provider import load_client_key

RSA_BITS = 2048
GUARD_EXIT_CODE = 3
REFUSED_EXIT_CODE = 2


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
