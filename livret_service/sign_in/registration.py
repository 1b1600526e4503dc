"""This service registers itself at the provider (OpenID Registration 3): once, by command, with an initial token."""

from collections.abc import Mapping
from typing import Any

import requests

from livret_service.settings import RequestForm, Settings
from livret_service.sign_in.checks import ProviderRefused, ProviderUnavailable
from livret_service.sign_in.client_file import read_client
from livret_service.sign_in.party import RelyingParty
from livret_service.sign_in.request_objects import request_uris
from livret_service.sign_in.transport import BoundedSession


def client_metadata(party: RelyingParty, settings: Settings, contacts: tuple[str, ...]) -> dict[str, Any]:
    """What this service says of itself (OpenID Registration 2, and the three logout specifications).

    contacts: mail addresses.
    """
    url, key = settings.public_url, party.provider.client_key
    metadata: dict[str, Any] = {
        "application_type": "web",
        "client_name": settings.service_name,
        "redirect_uris": [party.redirect_uri],
        "response_types": ["code"],
        "grant_types": ["authorization_code"],
        "scope": settings.scope,
        "contacts": list(contacts),
        "token_endpoint_auth_method": "private_key_jwt" if key else "client_secret_basic",
        "id_token_signed_response_alg": settings.signature_algorithm,
        "initiate_login_uri": url + "/connexion",
        "post_logout_redirect_uris": [url + "/deconnexion/retour"],
        "backchannel_logout_uri": url + "/deconnexion/canal-arriere",
        "backchannel_logout_session_required": True,
        "frontchannel_logout_uri": url + "/deconnexion/canal-avant",
        "frontchannel_logout_session_required": True,
    }
    if key:
        metadata["jwks_uri"] = url + "/connexion/cles"
    if settings.userinfo_algorithm:
        metadata["userinfo_signed_response_alg"] = settings.userinfo_algorithm
    if settings.request_form is not RequestForm.PARAMETERS:
        is_signed = settings.request_form is RequestForm.SIGNED_OBJECT and key is not None
        metadata["request_uris"] = request_uris(party)
        metadata["request_object_signing_alg"] = key.algorithm if is_signed and key else "none"
    return metadata


def register(
    party: RelyingParty, metadata: Mapping[str, Any], initial_access_token: str | None
) -> dict[str, Any]:
    """The provider's answer, whole. Raises ProviderUnavailable, ProviderRefused with the provider's own code."""
    endpoint = party.provider.load_server_metadata().get("registration_endpoint")
    if endpoint is None:
        raise ProviderRefused("no registration_endpoint in discovery")
    headers = {"Authorization": f"Bearer {initial_access_token}"} if initial_access_token else {}
    try:
        with BoundedSession() as session:
            answer = session.request(
                "POST", endpoint, withhold_token=True, json=dict(metadata), headers=headers
            )
        document = answer.json()
    except (requests.RequestException, ValueError, RecursionError) as error:
        raise ProviderUnavailable(type(error).__name__) from None
    if answer.status_code != 201 or not isinstance(document, dict):
        raise ProviderRefused(_refusal(answer.status_code, document))
    try:
        read_client(document)
    except ValueError:
        raise ProviderRefused("no client_id in the answer") from None
    return document


def _refusal(status: int, document: object) -> str:
    given = document.get("error") if isinstance(document, dict) else None
    error = given if isinstance(given, str) and given.isprintable() else "no error code"
    return f"{status} {error[:100]}"
