"""The one place that writes what the protocol answers: to a client by redirect or form, as JSON, or as our page."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from flask import Response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from idp.errors import OAuthRefusal
from idp.oidc import bounces
from idp.oidc.addresses import ERROR_DICTIONARY, REGISTRATION_ENDPOINT
from idp.oidc.checks.authorization import AuthorizationRequest, RedirectUriMismatch
from idp.oidc.differences import kinds_of_difference
from idp.oidc.dynamic_registration import Registered
from idp.oidc.registration import SECRET_METHODS, RegistrationRefused
from idp.oidc.registration_request import write_metadata
from idp.oidc.session_state import browser_origin, session_state
from idp.sessions.views import browser_state, set_browser_state
from idp.settings import current as current_settings
from idp.throttling.rules import NEVER
from shared.clock import request_now
from shared.headers import allow
from shared.logging import request_reference
from shared.secrets import new_secret

RECEIVED_LENGTH = 300
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def with_parameters(uri: str, parameters: Mapping[str, str]) -> str:
    """The address with parameters appended; what it held stays to the character (RFC 6749 3.1.2)."""
    if not parameters:
        return uri
    joint = "" if uri.endswith(("?", "&")) else "&" if "?" in uri else "?"
    return uri + joint + urlencode(parameters, quote_via=quote, safe="")


def answer_client(
    asked: AuthorizationRequest, parameters: Mapping[str, str], *, returns: int = 0
) -> BaseResponse:
    """An authorization response, success or error: with `iss` always (RFC 9207) and `state` as it was sent.

    303, so that a posted password is never posted again to the client (RFC 9700 4.12). returns: how often the service
    has sent the browser back at once.
    """
    whole = dict(parameters)
    if asked.state is not None:
        whole["state"] = asked.state
    whole["iss"] = current_settings().issuer
    if "code" in parameters:
        whole |= _watched_state(asked)
    if asked.response_mode == "form_post":
        response = _post_to_client(asked, whole)
    else:
        response = _private(redirect(with_parameters(asked.redirect_uri, whole), 303))
    if "session_state" in whole:
        set_browser_state(response)
    if "code" in parameters and has_somebody_waiting(asked):
        _remember_answer(response, asked, returns)
    return response


def has_somebody_waiting(asked: AuthorizationRequest) -> bool:
    """Whether a person looks at where this request leads: a page that a browser opens, and not silently."""
    return not asked.is_silent and request.headers.get("Sec-Fetch-Mode") == "navigate"


def returns_at_once(asked: AuthorizationRequest) -> int:
    """How often the service has sent this browser back as soon as it was answered, this time included."""
    if not has_somebody_waiting(asked):
        return 0
    kept = request.cookies.get(answered_cookie(), "")
    return bounces.count_returns(kept, asked.client.client_id, now=request_now())


def bounced_page(asked: AuthorizationRequest, demande: str) -> BaseResponse:
    """The page that ends a circle: the sign-in is good, the service is to be told. It forgets the circle."""
    page = render_template(
        "oidc/bounced.html",
        client=asked.client,
        demande=demande,
        reference=request_reference(),
        at=request_now(),
    )
    response = _private(Response(page))
    response.delete_cookie(answered_cookie(), path="/", secure=current_settings().is_https, httponly=True)
    return response


def answered_cookie() -> str:
    """Its name; `__Host-` under https, so that no sibling host can write it."""
    return "__Host-idp_answered" if current_settings().is_https else "idp_answered"


def refuse_authorization(refusal: OAuthRefusal, asked: AuthorizationRequest | None) -> BaseResponse:
    """A refusal at the authorization endpoint: to the client when it may be told there, else our page."""
    # Nobody is sent to an address that is not the client's, whatever went wrong before it was checked.
    if asked is None or not refusal.may_redirect or not asked.client.check_redirect_uri(asked.redirect_uri):
        return error_page(refusal, asked)
    return answer_client(asked, told_of(refusal))


def told_of(refusal: OAuthRefusal) -> dict[str, str]:
    """What a client is told (RFC 6749 5.2): the constant, a fixed text, and where the dictionary explains it."""
    return {
        "error": refusal.error,
        "error_description": refusal.hint,
        "error_uri": explanation_url(refusal),
    }


def explanation_url(refusal: OAuthRefusal) -> str:
    """This refusal's place in the error dictionary, at the issuer."""
    return f"{current_settings().issuer}{ERROR_DICTIONARY}#{refusal.error_code}"


def error_page(refusal: OAuthRefusal, asked: AuthorizationRequest | None = None) -> BaseResponse:
    """The page for two readers: the parent first, then the service's developers. 400, never a redirect."""
    received = asked.redirect_uri if asked and isinstance(refusal, RedirectUriMismatch) else ""
    # Without a known client the page is the same to the byte, whatever was sent (AZ-22): no reference, no time.
    page = render_template(
        "oidc/error.html",
        refusal=refusal,
        client=asked.client if asked else None,
        explanation_url=explanation_url(refusal),
        reference=request_reference() if asked else "",
        at=request_now(),
        received=received[:RECEIVED_LENGTH],
        differences=kinds_of_difference(received, asked.client.redirect_uris) if asked and received else (),
    )
    return _private(Response(page, 400))


def json_answer(
    content: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """JSON that nobody keeps (RFC 6749 5.1)."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Response(body, status, {**NO_STORE, **(headers or {})}, mimetype="application/json")


def jwt_answer(signed: str, media_type: str) -> Response:
    """A signed answer that nobody keeps."""
    return Response(signed, headers=NO_STORE, content_type=media_type)


def refuse_json(refusal: OAuthRefusal, *, challenge: str = "") -> Response:
    """A refusal of the token endpoint (RFC 6749 5.2). challenge: `Basic` when the client used the header."""
    headers = (
        {"WWW-Authenticate": f'{challenge} realm="token"'} if challenge and refusal.status == 401 else {}
    )
    return json_answer(told_of(refusal), refusal.status, headers)


def refuse_bearer(refusal: OAuthRefusal, *, realm: str = "userinfo") -> Response:
    """A refusal of what a bearer token opens (RFC 6750 3): the challenge says why; without a token nothing."""
    told = told_of(refusal) if refusal.error else {}
    challenge = "Bearer " + ", ".join(
        [f'realm="{realm}"', *(f'{name}="{value}"' for name, value in told.items())]
    )
    return json_answer(told, refusal.status, {"WWW-Authenticate": challenge})


def registration_answer(registered: Registered, status: int = 200) -> Response:
    """RFC 7591 3.2.1, RFC 7592 3: all that is registered, and the secrets that were drawn now."""
    metadata, issuer = registered.metadata, current_settings().issuer
    told: dict[str, Any] = {
        "client_id": metadata.client_id,
        "client_id_issued_at": int(registered.issued_at.timestamp()),
        "registration_client_uri": f"{issuer}{REGISTRATION_ENDPOINT}/{metadata.client_id}",
        "registration_access_token": registered.registration_access_token,
        "client_secret": registered.client_secret,
    }
    if metadata.token_endpoint_auth_method in SECRET_METHODS:
        # 0 is the standard's word for a secret without an end.
        has_end = registered.expires_at < NEVER
        told["client_secret_expires_at"] = int(registered.expires_at.timestamp()) if has_end else 0
    drawn = {name: value for name, value in told.items() if value is not None}
    return json_answer(drawn | write_metadata(metadata), status)


def refuse_registration(refused: RegistrationRefused) -> Response:
    """RFC 7591 3.2.2."""
    return json_answer({"error": refused.error, "error_description": refused.description}, 400)


def refuse_for_now(seconds: int) -> Response:
    """Too many requests (RFC 6585 4); `seconds` until one is looked at again."""
    told = {"error": "temporarily_unavailable", "error_description": "Too many requests. Try again later."}
    return json_answer(told, 429, {"Retry-After": str(seconds)})


def _watched_state(asked: AuthorizationRequest) -> dict[str, str]:
    """Session Management 2; nothing for an address that no page can have."""
    origin = browser_origin(asked.redirect_uri)
    if origin is None:
        return {}
    return {"session_state": session_state(asked.client.client_id, origin, browser_state(), new_secret())}


def _remember_answer(response: BaseResponse, asked: AuthorizationRequest, returns: int) -> None:
    response.set_cookie(
        answered_cookie(),
        bounces.write_answered(asked.client.client_id, returns, now=request_now()),
        max_age=bounces.AT_ONCE,
        path="/",
        secure=current_settings().is_https,
        httponly=True,
        samesite="Lax",
    )


def _post_to_client(asked: AuthorizationRequest, parameters: Mapping[str, str]) -> BaseResponse:
    allow(form_action=[asked.redirect_uri])
    page = render_template(
        "oidc/form_post.html",
        action=asked.redirect_uri,
        parameters=parameters,
        client=asked.client,
    )
    return _private(Response(page))


def _private(response: BaseResponse) -> BaseResponse:
    response.headers.update(NO_STORE)
    return response
