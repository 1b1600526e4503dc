"""Pages of signing in and out, and `current_reader`, which the pages of livrets ask."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import structlog
from authlib.common.urls import add_params_to_uri
from flask import (
    Blueprint,
    abort,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext

from livret_service.errors import DomainError
from livret_service.settings import current
from livret_service.sign_in import answers, endings, service
from livret_service.sign_in.browser import (
    current_session,
    drop_cookie,
    read_cookie,
    relying_party,
    session_cookie,
    set_cookie,
    transaction_cookie,
)
from livret_service.sign_in.checks import SignInFailed
from livret_service.sign_in.party import RelyingParty
from livret_service.sign_in.rules import (
    ATTEMPT_LIFE,
    READING_HOME,
    ForeignIssuer,
    Reader,
    SessionState,
    TargetRefused,
    is_sign_out_state,
    local_target,
    sign_out_state,
    single_values,
)
from livret_service.sign_in.service import FoundSession
from shared.clock import request_now
from shared.headers import allow, origin_of
from shared.pages import NavigationEntry
from shared.secrets import new_secret

MAXIMUM_HINT_LENGTH = 255
PROVIDER_SILENT = "injoignable"
WATCH_SECONDS = 5
LOG = structlog.get_logger("sign_in")

blueprint = Blueprint("sign_in", __name__)


def current_reader() -> Reader:
    """The signed-in guardian with the children named within the last minute; or the way to sign in.

    Aborts with a redirect when nobody is signed in, or when the session must first be renewed at the provider; the
    browser comes back to this very page.
    """
    found = current_session()
    if found is None or found.state is SessionState.STALE:
        abort(redirect(sign_in_url(page_address()), 303))
    return found.reader


def page_address() -> str:
    """The page to come back to: this one, or the first one of the service where this is not a page."""
    if request.method not in ("GET", "HEAD"):
        return READING_HOME
    return request.full_path.rstrip("?")


def sign_in_url(target: str = READING_HOME) -> str:
    """Where signing in begins, for one page."""
    if target == READING_HOME:
        return url_for("sign_in.start")
    return url_for("sign_in.start") + "?" + urlencode({"target_link_uri": target})


def navigation() -> list[NavigationEntry]:
    """The header's entries: nothing for a stranger."""
    if current_session() is None:
        return []
    # Chromium checks the whole chain of redirects after a form: signing out ends at the provider.
    allow(form_action=[current().issuer])
    return [
        NavigationEntry(lazy_gettext("Mes livrets"), READING_HOME),
        NavigationEntry(lazy_gettext("Se déconnecter"), url_for("sign_in.sign_out"), post=True),
    ]


@blueprint.get("/")
def home() -> ResponseReturnValue:
    """What this service is, and how to enter."""
    if current_session() is not None:
        return redirect(READING_HOME, 303)
    return render_template(
        "home/index.html",
        sign_in_url=sign_in_url(),
        activation_url=current().activation_address,
        provider_name=current().provider_name,
    )


@blueprint.get("/connexion")
def start() -> ResponseReturnValue:
    """Go to the provider, or let it start (OpenID Connect Core 4): `iss`, `login_hint`, `target_link_uri`."""
    return begin(single_values(request.args.to_dict(flat=False)))


@blueprint.post("/connexion")
def start_from_elsewhere() -> ResponseReturnValue:
    """The same by POST, which Core 4 asks for: the form is another site's, and changes nothing for anyone."""
    return begin(single_values(request.form.to_dict(flat=False)))


def begin(asked: dict[str, str]) -> ResponseReturnValue:
    """Send the browser on, silently where a session runs already."""
    party, issuer = relying_party(), asked.get("iss")
    try:
        if issuer is not None and issuer != party.provider.issuer:
            raise ForeignIssuer(issuer[:200])
        target = local_target(asked.get("target_link_uri"), current().public_url)
    except (ForeignIssuer, TargetRefused) as refusal:
        return refused_page(refusal)
    # A start from elsewhere may be for another person than the one signed in here: it is never silent.
    running = current_session() if issuer is None else None
    is_doubted = asked.get("verification") is not None and current().watches_session
    if running and running.state is SessionState.FRESH and not is_doubted:
        return redirect(target, 303)
    if running and not party.provider.is_reachable():
        service.hold_renewal(running, now=request_now())
        return redirect(target, 303)
    return send_to_provider(party, target, renews=running, login_hint=usable_hint(asked.get("login_hint")))


def send_to_provider(
    party: RelyingParty, target: str, *, renews: FoundSession | None, login_hint: str | None
) -> ResponseReturnValue:
    """Record the attempt, give the transaction cookie, redirect."""
    try:
        started = service.start_sign_in(
            party,
            target=target,
            browser_secret=read_cookie(transaction_cookie()),
            renews=renews,
            login_hint=login_hint,
            now=request_now(),
        )
    except SignInFailed as failure:
        failure.target = target
        return failed_page(failure)
    answer = redirect(started.url, 303)
    life = int(ATTEMPT_LIFE.total_seconds())
    set_cookie(answer, transaction_cookie(), started.browser_secret, max_age=life)
    return answer


def usable_hint(hint: str | None) -> str | None:
    """A hint of another site, passed on when it is plain and short. It never decides who someone is."""
    return hint if hint and len(hint) <= MAXIMUM_HINT_LENGTH and hint.isprintable() else None


@blueprint.get("/retour")
def come_back() -> ResponseReturnValue:
    """The authorization answer (Core 3.1.2.5). Whatever comes, the address that stays holds no code."""
    parameters = single_values(request.args.to_dict(flat=False))
    try:
        if "r" in parameters and current().is_answered_by_post:
            parameters = answers.take_answer(relying_party(), parameters["r"], now=request_now())
        return welcome(parameters)
    except SignInFailed as failure:
        return failed_page(failure)


@blueprint.post("/retour")
def come_back_by_post() -> ResponseReturnValue:
    """The same as another site's form (Form Post Response Mode 2), which brings no cookie: they come with the page."""
    if not current().is_answered_by_post:
        abort(405, valid_methods=["GET", "HEAD", "OPTIONS"])
    try:
        parameters = single_values(request.form.to_dict(flat=False))
        handle = answers.hold_answer(relying_party(), parameters, now=request_now())
    except SignInFailed as failure:
        return failed_page(failure)
    return redirect(url_for("sign_in.come_back", r=handle), 303)


PROTOCOL_POSTS = (start_from_elsewhere, come_back_by_post)
"""Views whose form another site sends, by a standard: no form token there."""


def welcome(parameters: Mapping[str, str]) -> ResponseReturnValue:
    """Sign in, or renew, and go to the page that was wanted. Raises SignInFailed."""
    completed = service.complete_sign_in(
        relying_party(),
        parameters,
        browser_secret=read_cookie(transaction_cookie()),
        session_id=read_cookie(session_cookie()),
        now=request_now(),
    )
    answer = redirect(completed.target, 303)
    if completed.session_id:
        set_cookie(answer, session_cookie(), completed.session_id)
        session.clear()  # the form token is renewed with the person
    if not completed.attempts_left:
        drop_cookie(answer, transaction_cookie())
    return answer


def failed_page(failure: SignInFailed) -> ResponseReturnValue:
    """What happened, in words of ours, and one button that starts again for the same page."""
    LOG.warning("sign_in_failed", error_code=failure.error_code, reason=failure.detail)
    g.guardian_session = None  # the page is for whoever is in front of it, signed in or not
    page = render_template(
        "sign_in/failed.html",
        title=gettext(failure.title),
        sentence=gettext(failure.sentence),
        way_on=gettext(failure.way_on),
        restart_url=sign_in_url(failure.target),
        help_needed=failure.status >= 400,
    )
    return page, failure.status


def refused_page(refusal: DomainError) -> ResponseReturnValue:
    """A start that leads somewhere else: said, and the way to start from here."""
    LOG.warning("sign_in_start_refused", error_code=refusal.error_code)
    page = render_template(
        "sign_in/failed.html",
        title=gettext("Ce lien ne peut pas être suivi"),
        sentence=gettext(refusal.sentence),
        way_on=gettext("Se connecter"),
        restart_url=sign_in_url(),
        help_needed=False,
    )
    return page, 400


@blueprint.get("/deconnexion")
def ask_to_sign_out() -> ResponseReturnValue:
    """One button: reading an address never signs anyone out."""
    if current_session() is None:
        return redirect(url_for("sign_in.signed_out"), 303)
    return render_template("sign_in/sign_out.html", provider_name=current().provider_name)


@blueprint.post("/deconnexion")
def sign_out() -> ResponseReturnValue:
    """End the session here, then at the provider (RP-Initiated Logout 2)."""
    id_token = endings.sign_out(relying_party(), read_cookie(session_cookie()), now=request_now())
    g.guardian_session = None
    answer = make_response(after_sign_out(id_token))
    drop_cookie(answer, session_cookie())
    return answer


def after_sign_out(id_token: str | None) -> ResponseReturnValue:
    """On to the provider, or to our own last page when there is nothing to end there, or nobody answers."""
    if id_token is None:
        return redirect(url_for("sign_in.signed_out"), 303)
    endpoint = relying_party().provider.end_session_endpoint()
    if endpoint is None:
        return redirect(url_for("sign_in.signed_out", compte=PROVIDER_SILENT), 303)
    parameters = {
        "id_token_hint": id_token,
        "client_id": relying_party().provider.client_id,
        "post_logout_redirect_uri": current().public_url + url_for("sign_in.signed_out"),
        "state": sign_out_state(relying_party().sign_out_key, new_secret()),
    }
    if current().sign_out_method == "get":
        return redirect(add_params_to_uri(endpoint, list(parameters.items())), 303)
    # By POST: the ID token names children, and an address is kept by browsers, proxies and logs (ADR 0022).
    allow(form_action=[endpoint, current().public_url])
    return render_template(
        "sign_in/leave.html", action=endpoint, parameters=parameters, provider_name=current().provider_name
    )


@blueprint.get("/deconnexion/retour")
def signed_out() -> ResponseReturnValue:
    """What is closed, what stays open. A wrong or missing `state` only says less."""
    if current_session() is not None:
        return redirect(url_for("sign_in.ask_to_sign_out"), 303)
    state = request.args.get("state", "")
    return render_template(
        "sign_in/signed_out.html",
        everywhere=is_sign_out_state(relying_party().sign_out_key, state),
        provider_silent=request.args.get("compte") == PROVIDER_SILENT,
        provider_name=current().provider_name,
        provider_url=current().issuer,
        sign_in_url=sign_in_url(),
    )


def session_watch_url() -> str | None:
    """The frame that asks the provider's frame whether the session there is still the same; None where it is off."""
    found = current_session() if current().watches_session else None
    if found is None or found.session_state is None:
        return None
    allow(frame_src=[current().public_url])
    return url_for("sign_in.watch_session")


@blueprint.get("/connexion/surveillance")
def watch_session() -> ResponseReturnValue:
    """Session Management 3.1: a page without words, for our own pages' hidden frame."""
    found, endpoint = current_session(), watched_endpoint()
    if not current().watches_session or found is None or endpoint is None:
        abort(404)
    allow(frame_src=[endpoint], frame_ancestors=[current().public_url])
    return render_template(
        "sign_in/session_watch.html",
        endpoint=endpoint,
        origin=origin_of(endpoint),
        message=f"{relying_party().provider.client_id} {found.session_state}",
        seconds=WATCH_SECONDS,
        check_url=url_for("sign_in.start", verification=1),
    )


def watched_endpoint() -> str | None:
    """The provider's `check_session_iframe`, or None while it is not known."""
    try:
        metadata: dict[str, Any] = relying_party().provider.load_server_metadata()
    except SignInFailed:
        return None
    return metadata.get("check_session_iframe")
