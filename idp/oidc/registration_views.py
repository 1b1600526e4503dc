"""Dynamic registration and its management (RFC 7591, RFC 7592). No form token: each request carries its own proof."""

from typing import Any

import structlog
from flask import Blueprint, Response, abort, request
from flask.blueprints import BlueprintSetupState

from idp.errors import OAuthRefusal
from idp.oidc import answers, dynamic_registration
from idp.oidc.addresses import REGISTRATION_ENDPOINT
from idp.oidc.dynamic_registration import Invitation
from idp.oidc.endpoints import BearerMissing, BearerPresented, read_bearer
from idp.oidc.provider import current_provider
from idp.oidc.registration import Problem, RegistrationRefused
from idp.oidc.registration_request import read_document
from idp.settings import current as current_settings
from idp.throttling import service as throttling
from idp.throttling.rules import TooManyAttempts, network_of, registration_budget
from shared.clock import request_now

blueprint = Blueprint("registration", __name__)
LOG = structlog.get_logger("oidc")
REALM = "registration"
REFUSALS = (OAuthRefusal, RegistrationRefused, TooManyAttempts)
Refusal = OAuthRefusal | RegistrationRefused | TooManyAttempts


@blueprint.record_once
def exempt_from_form_tokens(state: BlueprintSetupState) -> None:
    """Programs call these, with a token of their own."""
    for view in (register, update, remove):
        state.app.extensions["csrf"].exempt(view)


@blueprint.before_request
def check_registration_is_open() -> None:
    """Where nobody registers itself, nothing is here (AD-06, ADR 0024)."""
    if current_settings().registration == "closed":
        abort(404)


@blueprint.post(REGISTRATION_ENDPOINT)
def register() -> Response:
    """RFC 7591 3.1: with an initial access token, or without one where anybody may."""
    try:
        throttling.spend(registration_budget(network_of(request.remote_addr)), now=request_now())
        initial_access_token = presented_invitation()
        registered = dynamic_registration.register(posted_document(), initial_access_token, now=request_now())
    except REFUSALS as refusal:
        return refuse(refusal)
    return answers.registration_answer(registered, 201)


@blueprint.get(f"{REGISTRATION_ENDPOINT}/<client_id>")
def read(client_id: str) -> Response:
    """RFC 7592 2.1."""
    try:
        registered = dynamic_registration.read_registration(client_id, presented_token(), now=request_now())
    except REFUSALS as refusal:
        return refuse(refusal)
    return answers.registration_answer(registered)


@blueprint.put(f"{REGISTRATION_ENDPOINT}/<client_id>")
def update(client_id: str) -> Response:
    """RFC 7592 2.2."""
    try:
        registered = dynamic_registration.update_registration(
            client_id, presented_token(), posted_document(), now=request_now()
        )
    except REFUSALS as refusal:
        return refuse(refusal)
    current_provider().read_client_again(client_id)
    return answers.registration_answer(registered)


@blueprint.delete(f"{REGISTRATION_ENDPOINT}/<client_id>")
def remove(client_id: str) -> Response:
    """RFC 7592 2.3."""
    try:
        dynamic_registration.remove_registration(client_id, presented_token(), now=request_now())
    except REFUSALS as refusal:
        return refuse(refusal)
    current_provider().read_client_again(client_id)
    return Response(status=204, headers=answers.NO_STORE)


def presented_invitation() -> Invitation | None:
    """What the initial access token allows; None where anybody may register and none was sent. Raises OAuthRefusal."""
    try:
        initial_access_token = presented_token()
    except BearerMissing:
        if current_settings().registration != "open":
            raise
        return None
    return dynamic_registration.find_invitation(initial_access_token, now=request_now())


def presented_token() -> str:
    """The bearer token, of the header alone. Raises BearerMissing, BearerMalformed."""
    presented = BearerPresented(
        authorization=request.headers.get("Authorization", ""),
        form={},
        has_query_token="access_token" in request.args,
    )
    return read_bearer(presented)


def posted_document() -> dict[str, Any]:
    """The body, JSON by its type too. Raises RegistrationRefused."""
    if request.mimetype != dynamic_registration.JSON:
        raise RegistrationRefused([Problem("body", "of type application/json (RFC 7591 3.1)")])
    return read_document(request.get_data())


def refuse(refusal: Refusal) -> Response:
    """Log the refusal under its stable code, and answer it."""
    LOG.info("registration refused", error_code=refusal.error_code, detail=refusal.detail)
    if isinstance(refusal, RegistrationRefused):
        return answers.refuse_registration(refusal)
    if isinstance(refusal, TooManyAttempts):
        return answers.refuse_for_now(refusal.seconds or 1)
    return answers.refuse_bearer(refusal, realm=REALM)
