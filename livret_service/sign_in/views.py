"""Pages of signing in and out, the cookies, and `current_reader`, which the pages of livrets ask."""

from typing import cast
from urllib.parse import urlencode

import structlog
from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    g,
    jsonify,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response as BaseResponse

from livret_service.errors import DomainError
from livret_service.settings import current
from livret_service.sign_in import service
from livret_service.sign_in.checks import SignInFailed
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
from livret_service.sign_in.service import FoundSession, RelyingParty
from shared.clock import request_now
from shared.headers import allow
from shared.pages import NavigationEntry
from shared.secrets import new_secret

EXTENSION = "relying_party"
MAXIMUM_HINT_LENGTH = 255
MAXIMUM_COOKIE_LENGTH = 100
PROVIDER_SILENT = "injoignable"
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


def current_session() -> FoundSession | None:
    """The session of this request's cookie, read once; fresh or stale, never over."""
    if "guardian_session" not in g:
        g.guardian_session = service.find_session(
            read_cookie(session_cookie()), issuer=current().issuer, now=request_now()
        )
    return cast("FoundSession | None", g.guardian_session)


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


PROTOCOL_POSTS = (start_from_elsewhere,)
"""Views whose form another site sends, by a standard: no form token there."""


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
    if running and running.state is SessionState.FRESH:
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


@blueprint.get("/connexion/cles")
def keys() -> ResponseReturnValue:
    """This client's public keys (RFC 7517 5), for a provider that reads them by address."""
    key = relying_party().provider.client_key
    answer = jsonify(key.public_jwks() if key else {"keys": []})
    answer.headers["Cache-Control"] = "public, max-age=300"
    return answer


@blueprint.get("/retour")
def come_back() -> ResponseReturnValue:
    """The authorization answer (Core 3.1.2.5). Whatever comes, the address that stays holds no code."""
    try:
        completed = service.complete_sign_in(
            relying_party(),
            single_values(request.args.to_dict(flat=False)),
            browser_secret=read_cookie(transaction_cookie()),
            session_id=read_cookie(session_cookie()),
            now=request_now(),
        )
    except SignInFailed as failure:
        return failed_page(failure)
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
    party = relying_party()
    id_token = service.sign_out(party, read_cookie(session_cookie()), now=request_now())
    answer = redirect(after_sign_out(party, id_token), 303)
    drop_cookie(answer, session_cookie())
    return answer


def after_sign_out(party: RelyingParty, id_token: str | None) -> str:
    """The provider's address, or our own last page when there is nothing to end there, or nobody answers."""
    if id_token is None:
        return url_for("sign_in.signed_out")
    url = party.provider.sign_out_url(
        id_token_hint=id_token,
        client_id=party.provider.client_id,
        post_logout_redirect_uri=current().public_url + url_for("sign_in.signed_out"),
        state=sign_out_state(party.sign_out_key, new_secret()),
    )
    return url or url_for("sign_in.signed_out", compte=PROVIDER_SILENT)


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


def relying_party() -> RelyingParty:
    """The one of this worker."""
    return cast("RelyingParty", current_app.extensions[EXTENSION])


def session_cookie() -> str:
    """The name of the session cookie: `__Host-` wherever people come over https."""
    return cookie_name("livret_session")


def transaction_cookie() -> str:
    """The name of the cookie that ties attempts to this browser."""
    return cookie_name("livret_transaction")


def cookie_name(name: str) -> str:
    """The prefix makes a browser refuse the cookie from a sibling host or over plain http."""
    return f"__Host-{name}" if current().is_https else name


def read_cookie(name: str) -> str | None:
    """A cookie of a length that ours have."""
    value = request.cookies.get(name)
    return value if value and len(value) <= MAXIMUM_COOKIE_LENGTH and value.isascii() else None


def set_cookie(answer: BaseResponse, name: str, value: str, *, max_age: int | None = None) -> None:
    """Whole host, never read by scripts, never sent along with another site's form."""
    answer.set_cookie(
        name, value, max_age=max_age, path="/", secure=current().is_https, httponly=True, samesite="Lax"
    )


def drop_cookie(answer: BaseResponse | Response, name: str) -> None:
    """Remove a cookie of `set_cookie`."""
    answer.delete_cookie(name, path="/", secure=current().is_https, httponly=True, samesite="Lax")
