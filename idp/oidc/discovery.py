"""The provider's metadata (OpenID Connect Discovery 3): only what is there now."""

from collections.abc import Sequence
from typing import Any

from idp.oidc.addresses import (
    AUTHORIZATION_ENDPOINT,
    CHECK_SESSION,
    END_SESSION_ENDPOINT,
    ERROR_DICTIONARY,
    INTROSPECTION_ENDPOINT,
    JWKS,
    LEGAL_NOTICE,
    PERSONAL_DATA,
    REGISTRATION_ENDPOINT,
    REVOCATION_ENDPOINT,
    TOKEN_ENDPOINT,
    USERINFO_ENDPOINT,
)
from idp.oidc.authentication import SUPPORTED_ACRS
from idp.oidc.checks.authorization import RESPONSE_MODES, S256
from idp.oidc.claims import SUPPORTED_CLAIMS
from idp.oidc.registration import (
    ASSERTION_ALGORITHMS,
    AUTHENTICATION_METHODS,
    GRANT_TYPES,
    ID_TOKEN_ALGORITHMS,
    INTROSPECTION_ALGORITHMS,
    PROVING_METHODS,
    REQUEST_OBJECT_ALGORITHMS,
    USERINFO_ALGORITHMS,
)
from idp.oidc.scopes import SUPPORTED


def provider_metadata(issuer: str, *, is_registration_open: bool, languages: Sequence[str]) -> dict[str, Any]:
    """The discovery document, and that of RFC 8414. A test compares each value with what the endpoints do.

    is_registration_open: whether services may register themselves, by invitation at least. languages: of our pages.
    """
    registration = {"registration_endpoint": issuer + REGISTRATION_ENDPOINT} if is_registration_open else {}
    return registration | {
        "issuer": issuer,
        "authorization_endpoint": issuer + AUTHORIZATION_ENDPOINT,
        "token_endpoint": issuer + TOKEN_ENDPOINT,
        "userinfo_endpoint": issuer + USERINFO_ENDPOINT,
        "revocation_endpoint": issuer + REVOCATION_ENDPOINT,
        "introspection_endpoint": issuer + INTROSPECTION_ENDPOINT,
        "end_session_endpoint": issuer + END_SESSION_ENDPOINT,
        "check_session_iframe": issuer + CHECK_SESSION,
        "jwks_uri": issuer + JWKS,
        "scopes_supported": list(SUPPORTED),
        "response_types_supported": ["code"],
        "response_modes_supported": list(RESPONSE_MODES),
        "grant_types_supported": list(GRANT_TYPES),
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": list(ID_TOKEN_ALGORITHMS),
        "token_endpoint_auth_methods_supported": list(AUTHENTICATION_METHODS),
        "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "userinfo_signing_alg_values_supported": list(USERINFO_ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": list(AUTHENTICATION_METHODS),
        "revocation_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "introspection_endpoint_auth_methods_supported": list(PROVING_METHODS),
        "introspection_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "introspection_signing_alg_values_supported": list(INTROSPECTION_ALGORITHMS),
        "code_challenge_methods_supported": [S256],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claim_types_supported": ["normal"],
        "claims_supported": list(SUPPORTED_CLAIMS),
        "acr_values_supported": list(SUPPORTED_ACRS),
        "claims_parameter_supported": True,
        "request_parameter_supported": True,
        "request_uri_parameter_supported": True,
        "require_request_uri_registration": True,
        "request_object_signing_alg_values_supported": list(REQUEST_OBJECT_ALGORITHMS),
        "display_values_supported": ["page"],
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
        "authorization_response_iss_parameter_supported": True,
        "ui_locales_supported": list(languages),
        "service_documentation": issuer + ERROR_DICTIONARY,
        "op_policy_uri": issuer + PERSONAL_DATA,
        "op_tos_uri": issuer + LEGAL_NOTICE,
    }
