"""Signing out: by the person's button, by a service's request; and what services watch the session by."""

from collections.abc import Collection
from uuid import UUID

import flask
import structlog
from authlib.oidc.rpinitiated import EndSessionRequest
from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from werkzeug.wrappers import Response as BaseResponse

from idp.accounts.rules import AccountId
from idp.errors import OAuthRefusal
from idp.oidc import addresses, answers, logout, service
from idp.oidc.logout import Departure, Frame, ServiceLeft
from idp.oidc.provider import current_provider
from idp.sessions.views import (
    browser_state_cookie,
    clear_session_cookie,
    current_session,
    forget_session,
    renew_browser_state,
)
from idp.settings import current as current_settings
from idp.sign_in import service as sign_in
from shared.clock import request_now
from shared.headers import allow, allow_any_frame

blueprint = Blueprint("logout", __name__)
LOG = structlog.get_logger("logout")

LEFT = "left"
"""Where the form cookie keeps which session this browser has just left."""


@blueprint.record_once
def exempt_from_form_tokens(state: BlueprintSetupState) -> None:
    """Services post here from their own pages (RP-Initiated Logout 2)."""
    state.app.extensions["csrf"].exempt(end_session)


@blueprint.get("/deconnexion")
def page() -> BaseResponse:
    """One button; once pressed, what is closed and what stays open."""
    if current_session() is not None:
        return question()
    left = flask.session.get(LEFT)
    return farewell([UUID(left)] if left else [])


@blueprint.post("/deconnexion")
def end() -> BaseResponse:
    """End the session of this browser; sent again, nothing more happens."""
    session = current_session()
    response = redirect(url_for(".page"), 303)
    if session is not None:
        sign_in.sign_out(session.id, now=request_now())
        flask.session[LEFT] = str(session.id)
    clear_session_cookie(response)
    return response


@blueprint.route(addresses.END_SESSION_ENDPOINT, methods=["GET", "POST"])
def end_session() -> BaseResponse:
    """RP-Initiated Logout 2: a genuine hint ends its session; without one the person is asked first."""
    try:
        asked = current_provider().read_end_session_request(
            [*request.form.items(multi=True), *request.args.items(multi=True)]
        )
    except OAuthRefusal as refusal:
        LOG.info("sign-out refused", error_code=refusal.error_code, detail=refusal.detail)
        return answers.error_page(refusal)
    if asked.id_token_claims is not None:
        return leave(asked)
    if current_session() is not None:
        return question()
    # Another site's post came without our `Lax` cookie: asked again by GET, it says who is there.
    return redirect(url_for(".end_session"), 303) if request.method == "POST" else farewell([])


@blueprint.get(addresses.CHECK_SESSION)
def check_session() -> Response:
    """Session Management 3.2: the frame that tells services whether who is signed in here has changed."""
    allow_any_frame()
    return Response(render_template("oidc/check_session.html", cookie=browser_state_cookie()))


def leave(asked: EndSessionRequest) -> BaseResponse:
    """End what the hint names, let the services' frames load, and go back to the service that asked."""
    ended, is_this_browser = end_hinted_sessions(asked)
    forget_session()
    if current_session() is not None and not asked.redirect_uri:
        return question()
    response = farewell(ended, asked.redirect_uri)
    if is_this_browser:
        clear_session_cookie(response)
    else:
        # Its cookie may not have come with another site's post: those who watch this browser ask again.
        renew_browser_state(response)
    return response


def end_hinted_sessions(asked: EndSessionRequest) -> tuple[list[UUID], bool]:
    """End the hint's session, and this browser's if it is the same person's.

    Returns the sessions by row id, and whether this browser's is one of them.
    """
    claims = asked.id_token_claims or {}
    session, hinted = current_session(), service.find_hinted_session(claims["sid"])
    is_theirs = bool(
        session and asked.client and current_provider().subject_of(asked.client, session) == claims["sub"]
    )
    ending = sorted({one.id for one in (hinted, session if is_theirs else None) if one is not None})
    person = hinted or session
    if ending and person is not None:
        service.end_sessions(ending, AccountId(person.account_id), now=request_now())
    return ending, is_theirs


def question() -> Response:
    """Whoever is signed in is asked first: no other site signs people out."""
    return Response(render_template("oidc/sign_out.html", session=current_session()))


def farewell(ended: Collection[UUID], next_url: str | None = None) -> BaseResponse:
    """On to the service that asked, at once when no other one wants a frame; or the signed-out page."""
    services = logout.services_left(ended, now=request_now()) if ended else ()
    frames = [frame_of(left) for left in services if left.frontchannel_logout_uri]
    if next_url and not frames:
        return redirect(next_url, 303)
    allow(frame_src=[frame.url for frame in frames])
    departure = Departure(services, tuple(frames), next_url)
    return Response(render_template("oidc/signed_out.html", departure=departure))


def frame_of(left: ServiceLeft) -> Frame:
    """Front-Channel Logout 2: the registered address, saying who we are and which session ended."""
    parameters = {"iss": current_settings().issuer, "sid": left.sid}
    return Frame(left.name, answers.with_parameters(left.frontchannel_logout_uri or "", parameters))
