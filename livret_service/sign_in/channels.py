"""Addresses that the provider calls, not a person: its logout channels, this client's keys and request objects."""

import structlog
from flask import Blueprint, Response, abort, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from livret_service.settings import current
from livret_service.sign_in import endings
from livret_service.sign_in.browser import relying_party
from livret_service.sign_in.checks import ProviderUnavailable
from livret_service.sign_in.logout_checks import LogoutTokenRefused
from livret_service.sign_in.request_objects import PATH, find_request_object
from livret_service.sign_in.rules import single_values
from shared.clock import request_now
from shared.headers import allow

RETRY_AFTER_SECONDS = 30
LOG = structlog.get_logger("sign_in")

blueprint = Blueprint("channels", __name__)


@blueprint.post("/deconnexion/canal-arriere")
def back_channel() -> ResponseReturnValue:
    """Back-Channel Logout 2.8: 200 when the token was good, whether or not a session was there to end; else 400.

    503 when the provider's keys cannot be had: it will try again.
    """
    posted = single_values(request.form.to_dict(flat=False))
    try:
        count = endings.end_by_logout_token(
            relying_party(), posted.get("logout_token", ""), now=request_now()
        )
    except LogoutTokenRefused as refusal:
        LOG.warning("logout_token_refused", error_code=refusal.error_code, reason=refusal.detail)
        return machine_answer({"error": "invalid_request", "error_description": "logout token refused"}, 400)
    except ProviderUnavailable as failure:
        LOG.warning("logout_token_unverified", reason=failure.detail)
        answer = machine_answer({"error": "temporarily_unavailable"}, 503)
        answer.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return answer
    LOG.info("sessions_ended", channel="back", count=count)
    return machine_answer({}, 200)


PROTOCOL_POSTS = (back_channel,)
"""Views whose form another program sends, by a standard: no form token there."""


def machine_answer(body: dict[str, str], status: int) -> Response:
    """A JSON answer that nobody keeps (Back-Channel Logout 2.8)."""
    answer = jsonify(body)
    answer.status_code = status
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.get("/deconnexion/canal-avant")
def front_channel() -> ResponseReturnValue:
    """Front-Channel Logout 2: in a frame of the provider's page, without cookies; `iss` and `sid` both needed.

    The protocol's own GET that acts: it can only end the one session whose `sid` the caller knows.
    """
    asked = single_values(request.args.to_dict(flat=False))
    sid = asked.get("sid")
    if asked.get("iss") != relying_party().provider.issuer or not sid:
        abort(400)
    count = endings.end_by_front_channel(relying_party(), sid, now=request_now())
    LOG.info("sessions_ended", channel="front", count=count)
    allow(frame_ancestors=[current().issuer])
    answer = Response(render_template("sign_in/front_channel.html"))
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.get("/connexion/cles")
def keys() -> ResponseReturnValue:
    """This client's public keys (RFC 7517 5), for a provider that reads them by address."""
    key = relying_party().provider.client_key
    answer = jsonify(key.public_jwks() if key else {"keys": []})
    answer.headers["Cache-Control"] = "public, max-age=300"
    return answer


@blueprint.get(PATH + "<handle>")
def request_object(handle: str) -> ResponseReturnValue:
    """A request object, for the provider to fetch (RFC 9101 5.2.3)."""
    found = find_request_object(relying_party(), handle, now=request_now())
    if found is None:
        abort(404)
    answer = Response(found, mimetype="application/oauth-authz-req+jwt")
    answer.headers["Cache-Control"] = "no-store"
    return answer
