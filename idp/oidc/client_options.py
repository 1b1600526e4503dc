"""The options of `idp clients add`: one a member of the metadata, under its standard name (RFC 7591 2)."""

from collections.abc import Callable, Sequence
from typing import Any

import click

from idp.oidc.registration import CHOICES, DEFAULT_METHOD, GRANT_TYPES

Command = Callable[..., Any]
DEFAULT_SCOPE = "openid profile email"

ADDRESSES = {
    "initiate_login_uri": "Where a person starts signing in to it; shows it on the portal.",
    "client_uri": "Its home page.",
    "logo_uri": "Its logo, shown where people sign in.",
    "policy_uri": "How it uses what it is told, linked where people sign in.",
    "tos_uri": "Its terms of use, linked where people sign in.",
    "jwks_uri": "Where its public keys are, instead of --jwks.",
    "sector_identifier_uri": "A document that lists its redirect URIs; its host is the sector of pairwise subjects.",
    "backchannel_logout_uri": "Where it is told, server to server, that a session ended.",
    "frontchannel_logout_uri": "The page of it that is framed when a session ends.",
}
LISTS = {
    "redirect_uris": ("--redirect-uri", "Exact; may be repeated."),
    "post_logout_redirect_uris": ("--post-logout-redirect-uri", "Exact; may be repeated."),
    "contacts": ("--contact", "Whom to ask about it; may be repeated."),
    "request_uris": ("--request-uri", "Where its request objects are; may be repeated."),
    "default_acr_values": (
        "--default-acr-value",
        "An acr it wants unless it asks for another; may be repeated.",
    ),
}
ALGORITHMS = {
    "token_endpoint_auth_signing_alg": "Of its assertions; any supported one when not given.",
    "id_token_signed_response_alg": "Of its ID tokens.",
    "userinfo_signed_response_alg": "Userinfo comes signed by it; as plain JSON when not given.",
    "introspection_signed_response_alg": "Introspection comes signed by it when asked for as a JWT.",
    "request_object_signing_alg": "Of its request objects; any supported one when not given.",
}
TEXTS = {
    "software_id": "Which software it is.",
    "software_version": "Which version of that software.",
    "sector_identifier": "Host for pairwise subjects; needed when redirect URIs are on several hosts.",
}
FLAGS = {
    "first_party": "A service of the same operator: what is shared is asked on a short page.",
    "require_auth_time": "Its ID tokens always hold auth_time.",
    "backchannel_logout_session_required": "Its back-channel logout tokens always hold sid.",
    "frontchannel_logout_session_required": "Its framed logout page is always told iss and sid.",
}


def metadata_options(command: Command) -> Command:
    """Add every option; each arrives as the keyword of its member, None where the default of the standards holds."""
    options: Sequence[Callable[[Command], Command]] = (
        *(click.option(_flag(name), name, help=text) for name, text in (TEXTS | ADDRESSES).items()),
        *(click.option(flag, name, multiple=True, help=text) for name, (flag, text) in LISTS.items()),
        *(
            click.option(_flag(name), name, type=click.Choice(CHOICES[name]), help=text)
            for name, text in ALGORITHMS.items()
        ),
        *(click.option(_flag(name), name, is_flag=True, help=text) for name, text in FLAGS.items()),
        click.option(
            "--scope", default=DEFAULT_SCOPE, show_default=True, help="What it may ask for, space-separated."
        ),
        click.option(
            "--grant-type",
            "grant_types",
            multiple=True,
            type=click.Choice(GRANT_TYPES),
            help="May be repeated; by default authorization_code, and refresh_token with offline_access.",
        ),
        click.option(
            "--token-endpoint-auth-method",
            type=click.Choice(CHOICES["token_endpoint_auth_method"]),
            default=DEFAULT_METHOD,
            show_default=True,
        ),
        click.option("--application-type", type=click.Choice(CHOICES["application_type"])),
        click.option(
            "--access-token-format",
            type=click.Choice(CHOICES["access_token_format"]),
            help="jwt: RFC 9068, for services that verify tokens themselves.",
        ),
        click.option(
            "--default-max-age", type=click.IntRange(0), help="Seconds since sign-in that it accepts."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def given_members(options: dict[str, Any]) -> dict[str, Any]:
    """What was given, as metadata: without the options left at None."""
    members = {name: value for name, value in options.items() if value is not None}
    scopes = members["scope"].split()
    if not members.pop("grant_types"):
        with_refresh = "offline_access" in scopes
        return members | {"grant_types": GRANT_TYPES[:2] if with_refresh else GRANT_TYPES[:1]}
    grant_types = options["grant_types"]
    return members | {
        "grant_types": grant_types,
        "response_types": ("code",) if "authorization_code" in grant_types else (),
    }


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
