"""`livret doctor`: one line for each thing that an installation needs, and what to do where it is missing."""

from datetime import datetime

import click
from flask.cli import with_appcontext

from livret_service.db import db
from livret_service.settings import current
from livret_service.sign_in.browser import relying_party
from livret_service.sign_in.checks import ProviderRefused, SignInFailed
from shared.clock import app_now
from shared.findings import Check, Finding, examine, tables_finding, tell

WITHOUT_PROVIDER = "nobody can sign in; compare LIVRET_ISSUER with what the provider calls itself"
NO_CODE = "no-code-of-a-doctor"


def check_database(_now: datetime) -> Finding:
    """Reachable, and with the tables of this release."""
    return tables_finding(db.engine, "livret")


def check_provider(_now: datetime) -> Finding:
    """Its discovery document can be had, and names the issuer of the settings."""
    provider = relying_party().provider
    try:
        provider.load_server_metadata()
    except SignInFailed as failure:
        return Finding("provider", f"{provider.issuer}: {failure.detail}", WITHOUT_PROVIDER)
    return Finding("provider", provider.issuer)


def check_provider_keys(_now: datetime) -> Finding:
    """One of the provider's keys verifies what this service accepts."""
    algorithm = current().signature_algorithm
    try:
        has_key = relying_party().provider.has_key_for_us()
    except SignInFailed as failure:
        return Finding("provider's keys", f"{algorithm}: {failure.detail}", WITHOUT_PROVIDER)
    if not has_key:
        remedy = "set LIVRET_SIGNATURE_ALGORITHM to one that the provider signs this client's tokens with"
        return Finding("provider's keys", f"none for {algorithm}", remedy)
    return Finding("provider's keys", algorithm)


def check_client(_now: datetime) -> Finding:
    """The provider knows this client by its secret or key: only then does it look at a code, which it refuses."""
    party = relying_party()
    name = party.provider.client_id
    try:
        party.provider.redeem(NO_CODE, redirect_uri=party.redirect_uri, code_verifier=NO_CODE * 3)
    except ProviderRefused as refusal:
        if refusal.detail == "invalid_grant":
            return Finding("client", name)
        remedy = "compare LIVRET_CLIENT_… with the client at the provider"
        return Finding("client", f"{name}: {refusal.detail}", remedy)
    except SignInFailed as failure:
        return Finding("client", f"{name}: {failure.detail}", WITHOUT_PROVIDER)
    return Finding("client", f"{name}: a code that nobody gave was taken", "do not use this provider")


CHECKS: tuple[Check, ...] = (check_database, check_provider, check_provider_keys, check_client)


@click.command("doctor")
@with_appcontext
def doctor() -> None:
    """Look whether this installation has what it needs: one line for each check, with what to do.

    Asks the provider for its discovery document, its keys, and whether it knows this client. Exits with 1 when a
    check says no. Changes nothing here.

    \b
    Examples:
      livret doctor
      livret doctor || echo "look at it"
    """
    tell(examine(CHECKS, app_now(), database_setting="LIVRET_DATABASE_URL"))
