"""The protocol's addresses. No form token guards them: clients call them, and each carries its own proof."""

import hashlib
import inspect
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import cast

import structlog
from flask import Blueprint, Flask, Response, current_app, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from werkzeug.wrappers import Response as BaseResponse

from idp.errors import OAuthRefusal, oauth_refusals
from idp.oidc import addresses, answers, discovery, endpoints, token_readers
from idp.oidc.bounces import MOST_RETURNS
from idp.oidc.checks.authorization import AuthorizationRequest
from idp.oidc.checks.parameters import DemandeMalformed, single_parameters
from idp.oidc.checks.sign_in import (
    AccessDenied,
    AccountNotChosen,
    AnotherPerson,
    ConsentRequired,
    LoginRequired,
    Presence,
)
from idp.oidc.checks.token import FORM
from idp.oidc.endpoints import BearerPresented
from idp.oidc.provider import Provider, ReceivedToken, current_provider
from idp.sessions.views import current_session, next_address
from idp.settings import Settings
from idp.sign_in import service as carried_requests
from idp.sign_in.rules import CarriedRequest, DemandeExpired, DemandeRefused
from idp.signing_keys import service as signing_keys
from idp.signing_keys.rules import named_reader
from shared.clock import request_now
from shared.headers import origin_of
from shared.pages import current_pages
from shared.reopening import page_of_form

blueprint = Blueprint("oidc", __name__)
LOG = structlog.get_logger("oidc")

METADATA_SECONDS = 3600
USERINFO_JWT = "application/jwt"
INTROSPECTION_JWT = "application/token-introspection+jwt"
Pairs = Iterable[tuple[str, str]]


@blueprint.record_once
def init_provider(state: BlueprintSetupState) -> None:
    """Give the application its provider, and exempt from form tokens what other sites post to."""
    settings: Settings = state.app.extensions["settings"]
    state.app.extensions["oidc"] = Provider(settings)
    metadata = discovery.provider_metadata(
        settings.issuer,
        is_registration_open=settings.registration != "closed",
        languages=current_pages(cast("Flask", state.app)).settings.languages,
    )
    state.app.extensions["oidc_metadata"] = json.dumps(metadata).encode()
    state.app.extensions["token_readers"] = token_readers
    for view in (authorize_by_post, redeem, revoke, introspect, userinfo):
        state.app.extensions["csrf"].exempt(view)


# --- authorization endpoint


@blueprint.get(addresses.AUTHORIZATION_ENDPOINT)
def authorize() -> BaseResponse:
    """OpenID Connect Core 3.1.2: an authorization code at once, or the sign-in page first."""
    return answer_arrival(request.args.items(multi=True))


@blueprint.post(addresses.AUTHORIZATION_ENDPOINT, endpoint="authorize_by_post")
def authorize_by_post() -> BaseResponse:
    """As GET. 303 to a page of ours, for a `Lax` session cookie does not come with another site's post."""
    provider, asked = current_provider(), None
    try:
        asked = provider.read_authorization_request([*posted_pairs(), *request.args.items(multi=True)])
        asked = provider.resolve_request_object(asked)
        provider.check_authorization_request(asked)
    except OAuthRefusal as refusal:
        return refuse(refusal, asked)
    demande = carry(asked, asked.signed_in_since(now=request_now()))
    return redirect(url_for(".resume", demande=demande), 303)


@blueprint.get("/oauth/authorize/resume")
def resume() -> BaseResponse:
    """Where a person comes back to after signing in: the client's answer, or what is still missing."""
    try:
        return answer_return(unseal_demande())
    except DemandeExpired as expired:
        return start_again(expired.carried)
    except DemandeMalformed as refusal:
        return refuse(refusal, None)


@blueprint.get("/oauth/authorize/restart")
def restart() -> BaseResponse:
    """Begin again at the service: on another device, or after the request's hour."""
    try:
        return start_again(unseal_demande())
    except DemandeExpired as expired:
        return start_again(expired.carried)
    except DemandeMalformed as refusal:
        return refuse(refusal, None)


@blueprint.get("/oauth/authorize/cancel")
def cancel() -> BaseResponse:
    """The person goes back without signing in: the client hears `access_denied`."""
    asked = None
    try:
        asked = current_provider().read_authorization_request(unseal_demande().parameters.items())
        current_provider().check_authorization_request(asked)
        raise AccessDenied
    except DemandeExpired as expired:
        return start_again(expired.carried)
    except OAuthRefusal as refusal:
        return refuse(refusal, asked)


@blueprint.post("/oauth/authorize/go-on")
@page_of_form("sign_in.form")
def go_on() -> BaseResponse:
    """The person chose the account signed in on this device (`prompt=select_account`)."""
    try:
        carried = unseal_demande()
    except DemandeExpired as expired:
        return start_again(expired.carried)
    except DemandeMalformed as refusal:
        return refuse(refusal, None)
    session = current_session()
    if session is not None:
        carried = replace(carried, chosen_session_id=session.id)
    return redirect(url_for(".resume", demande=carried_requests.seal_demande(carried)), 303)


def answer_arrival(pairs: Pairs) -> BaseResponse:
    """Answer a request that just came; or show a page first, the request carried in its address (ADR 0004)."""
    provider, asked = current_provider(), None
    session, since = current_session(), None
    try:
        asked = provider.read_authorization_request(pairs)
        asked = provider.resolve_request_object(asked)
        grant = provider.check_authorization_request(asked)
        since = asked.signed_in_since(now=request_now())
        is_expected = provider.is_expected(asked, session, provider.expected_subjects(asked))
        presence = Presence(session, since, is_expected=is_expected)
        returns = answers.returns_at_once(asked)
        if returns > MOST_RETURNS and provider.would_answer(asked, presence):
            return stop_circle(asked, since)
        authorization_code = provider.grant_authorization(asked, grant, presence)
    except (LoginRequired, ConsentRequired) as refusal:
        if asked is None or asked.is_silent:
            return refuse(refusal, asked)
        if isinstance(refusal, ConsentRequired):
            return to_consent(carry(asked, since))
        # Another than who is signed in is wanted: only a sign-in from now on counts.
        has_account = session is not None and session.is_full
        is_new_needed = has_account and not isinstance(refusal, AccountNotChosen)
        return to_sign_in(carry(asked, request_now() if is_new_needed else since))
    except OAuthRefusal as refusal:
        return refuse(refusal, asked)
    return answers.answer_client(asked, {"code": authorization_code}, returns=returns)


def stop_circle(asked: AuthorizationRequest, since: datetime | None) -> BaseResponse:
    """End a circle in which the service sends the browser; the person may go on once more."""
    LOG.warning("service sends the browser back at once", client=asked.client.client_id)
    return answers.bounced_page(asked, carry(asked, since))


def answer_return(carried: CarriedRequest) -> BaseResponse:
    """Answer a request that a page of ours carried: judged again, for the client may be disabled by now."""
    provider, asked = current_provider(), None
    try:
        asked = provider.read_authorization_request(carried.parameters.items())
        grant = provider.check_authorization_request(asked)
        presence = presence_on_return(asked, carried)
        authorization_code = provider.grant_authorization(asked, grant, presence)
    except (LoginRequired, ConsentRequired) as refusal:
        if asked is None or asked.is_silent or isinstance(refusal, AnotherPerson):
            return refuse(refusal, asked)
        way = to_consent if isinstance(refusal, ConsentRequired) else to_sign_in
        return way(request.args["demande"])
    except OAuthRefusal as refusal:
        return refuse(refusal, asked)
    return answers.answer_client(asked, {"code": authorization_code})


def presence_on_return(asked: AuthorizationRequest, carried: CarriedRequest) -> Presence:
    """Who is there when a carried request comes back."""
    session = current_session()
    return Presence(
        session,
        carried.signed_in_since,
        arrived_at=carried.made_at,
        chosen_session_id=carried.chosen_session_id,
        is_expected=current_provider().is_expected(asked, session, carried.expected_subjects),
    )


def unseal_demande() -> CarriedRequest:
    """The request in this page's address. Raises DemandeMalformed, DemandeExpired."""
    try:
        return carried_requests.unseal_demande(request.args.get("demande", ""), now=request_now())
    except DemandeRefused:
        raise DemandeMalformed from None


def carry(asked: AuthorizationRequest, signed_in_since: datetime | None) -> str:
    """The request as pages of ours carry it: a hint is judged now, and is too long to travel."""
    client = asked.client
    return carried_requests.seal_demande(
        CarriedRequest(
            parameters={name: value for name, value in asked.parameters.items() if name != "id_token_hint"},
            client_id=client.client_id,
            client_name=client.name,
            client_home=client.client_uri or client.initiate_login_uri or origin_of(asked.redirect_uri) + "/",
            made_at=request_now(),
            signed_in_since=signed_in_since,
            logo_uri=client.logo_uri,
            policy_uri=client.policy_uri,
            tos_uri=client.tos_uri,
            expected_subjects=current_provider().expected_subjects(asked),
        )
    )


def to_consent(demande: str) -> BaseResponse:
    """The page that says what the service will know."""
    return redirect(url_for("consents.form", demande=demande), 303)


def to_sign_in(demande: str) -> BaseResponse:
    """The sign-in page; activation, for who is signed in but has not finished it."""
    session = current_session()
    if session is not None and not session.is_full:
        return redirect(next_address(session.state, session.opened_with, demande=demande), 303)
    return redirect(url_for("sign_in.form", demande=demande), 303)


def start_again(carried: CarriedRequest) -> BaseResponse:
    """The service's own way in (OpenID Connect Core 4), or a page that names the service."""
    client = current_provider().query_client(carried.client_id)
    if client is None or client.is_disabled or client.initiate_login_uri is None:
        return Response(render_template("oidc/expired.html", carried=carried), 400)
    issuer = current_provider().settings.issuer
    return redirect(answers.with_parameters(client.initiate_login_uri, {"iss": issuer}), 303)


def refuse(refusal: OAuthRefusal, asked: AuthorizationRequest | None) -> BaseResponse:
    """Log the refusal under its stable code, and answer it."""
    LOG.info("authorization refused", error_code=refusal.error_code, detail=refusal.detail)
    return answers.refuse_authorization(refusal, asked)


# --- token endpoint and userinfo


@blueprint.post(addresses.TOKEN_ENDPOINT, endpoint="token")
def redeem() -> Response:
    """RFC 6749 3.2."""
    try:
        return current_provider().answer_token(received_token())
    except OAuthRefusal as refusal:
        return refuse_client(refusal)


@blueprint.post(addresses.REVOCATION_ENDPOINT)
def revoke() -> Response:
    """RFC 7009 2.2: 200 whatever the token was."""
    try:
        current_provider().revoke_token(received_token())
    except OAuthRefusal as refusal:
        return refuse_client(refusal)
    return Response(headers=answers.NO_STORE)


@blueprint.post(addresses.INTROSPECTION_ENDPOINT)
def introspect() -> Response:
    """RFC 7662 2.2; signed when the client asks for that type (RFC 9701 4)."""
    try:
        introspected = current_provider().introspect_token(received_token())
    except OAuthRefusal as refusal:
        return refuse_client(refusal)
    if INTROSPECTION_JWT not in request.accept_mimetypes.values():
        return answers.json_answer(introspected.members)
    signed = endpoints.signed_introspection(introspected, current_provider().settings)
    return answers.jwt_answer(signed, INTROSPECTION_JWT)


def received_token() -> ReceivedToken:
    """What a client sent to an endpoint of its own."""
    return ReceivedToken(
        content_type=request.mimetype,
        query_string=request.query_string,
        authorization=request.headers.get("Authorization", ""),
        pairs=posted_pairs(),
    )


def refuse_client(refusal: OAuthRefusal) -> Response:
    """Log the refusal under its stable code, and answer it; with a challenge to who used the header."""
    LOG.info("token refused", error_code=refusal.error_code, detail=refusal.detail)
    return answers.refuse_json(refusal, challenge="Basic" if "Authorization" in request.headers else "")


@blueprint.route(addresses.USERINFO_ENDPOINT, methods=["GET", "POST"])
def userinfo() -> Response:
    """OpenID Connect Core 5.3; the token in the header or in the form body."""
    try:
        presented = BearerPresented(
            authorization=request.headers.get("Authorization", ""),
            form=single_parameters(posted_pairs()) if request.mimetype == FORM else {},
            has_query_token="access_token" in request.args,
        )
        told = endpoints.userinfo(endpoints.read_bearer(presented), current_provider().settings)
    except OAuthRefusal as refusal:
        return answers.refuse_bearer(refusal)
    if told.signed is not None:
        return answers.jwt_answer(told.signed, USERINFO_JWT)
    return answers.json_answer(told.claims)


# --- metadata


@blueprint.get(addresses.CONFIGURATION)
@blueprint.get(addresses.OAUTH_CONFIGURATION, endpoint="oauth_configuration")
def configuration() -> Response:
    """OpenID Connect Discovery 4, RFC 8414 3: bytes made once, with an ETag."""
    return metadata_answer(current_app.extensions["oidc_metadata"], METADATA_SECONDS)


@blueprint.get(addresses.JWKS)
def jwks() -> Response:
    """RFC 7517 5: every published key, public members only. A client that names itself is remembered (ADR 0021)."""
    reader = naming_client()
    document = (
        signing_keys.public_jwks_for(reader, now=request_now()) if reader else signing_keys.public_jwks()
    )
    return metadata_answer(document, signing_keys.JWKS_SECONDS)


def naming_client() -> str | None:
    """The registered client that this request for the keys says it comes from; HEAD brings it no key."""
    name = named_reader(request.args.get("client_id"), request.headers.get("User-Agent", ""))
    if name is None or request.method != "GET":
        return None
    client = current_provider().clients.find(name, now=request_now())
    return None if client is None else client.client_id


def metadata_answer(document: bytes, seconds: int) -> Response:
    """A public document that caches may keep, 304 when it is known already (RFC 9110 13.1.2)."""
    response = Response(document, mimetype="application/json")
    response.headers["Cache-Control"] = f"public, max-age={seconds}"
    response.set_etag(hashlib.sha256(document).hexdigest()[:32])
    response.make_conditional(request)
    return response


@blueprint.get(addresses.ERROR_DICTIONARY)
def error_dictionary() -> str:
    """Every refusal of the protocol, its code an anchor, for whoever develops a service."""
    return render_template("oidc/error_dictionary.html", refusals=oauth_refusals(), rule_of=inspect.getdoc)


# What a program in a browser may read from another origin: nothing here looks at a cookie (OpenID Connect Core 5.3).
READ_FROM_ANY_ORIGIN = frozenset(
    {"oidc.configuration", "oidc.oauth_configuration", "oidc.jwks", "oidc.token", "oidc.userinfo"}
)
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Expose-Headers": "WWW-Authenticate",
    "Access-Control-Max-Age": "3600",
}


@blueprint.after_request
def open_to_any_origin(response: Response) -> Response:
    """Fetch Standard 3.2: any origin, never with credentials: a single-page service has no other way to sign in."""
    if request.endpoint in READ_FROM_ANY_ORIGIN:
        response.headers.update(CORS)
    return response


def posted_pairs() -> list[tuple[str, str]]:
    """Name and value of each field of the body, as often as they come."""
    return list(request.form.items(multi=True))
