"""/connexion, /connexion/annuler; and the sign-in page that other features show under their address."""

from collections.abc import Mapping, Sequence

from flask import Blueprint, abort, get_flashed_messages, redirect, render_template, request, url_for
from flask_babel import format_date, gettext
from werkzeug.wrappers import Response

from idp.devices.views import device_secret, set_device_cookie
from idp.errors import DomainError
from idp.families.rules import SchoolContact
from idp.passwords.rules import Busy
from idp.sessions.rules import CurrentSession
from idp.sessions.views import (
    asked_page,
    cookie_secret,
    current_session,
    full_session,
    has_idled_away,
    next_address,
    set_session_cookie,
)
from idp.settings import current as current_settings
from idp.sign_in import service
from idp.sign_in.forms import LONGEST_IDENTIFIER, SignInForm, is_malformed
from idp.sign_in.rules import (
    CarriedRequest,
    DemandeExpired,
    DemandeRefused,
    LetterExpired,
    SignInRefused,
    SignInSlowed,
)
from idp.throttling.rules import network_of
from idp.throttling.views import wait_in_words
from shared.clock import request_now
from shared.headers import allow
from shared.pages import LANGUAGES, asked_in_query, chosen_language

blueprint = Blueprint("sign_in", __name__)

REFUSAL_STATUS: dict[type[DomainError], int] = {SignInSlowed: 429, Busy: 503}
Page = tuple[str, int, dict[str, str]]


@blueprint.get("/connexion")
def form() -> Response | Page:
    """The sign-in page; a person who signed in recently enough for the waiting service goes on at once."""
    carried = carried_request()
    session = current_session()
    if (
        session is not None
        and (carried is None or carried.is_satisfied_by(session.signed_in_at))
        and offered_session(carried) is None
    ):
        onward = next_address(session.state, session.opened_with, demande=demande(), suite=asked_page())
        return redirect(onward, 303)
    shown = SignInForm(formdata=None, data={"identifier": hinted_identifier(carried)})
    return sign_in_page(shown, carried, notice=_said_once() or _why_again())


@blueprint.post("/connexion")
def submit() -> Response | Page:
    """Evaluate the couple, then on to the service, the account, or what activation still lacks."""
    carried = carried_request()
    filled = well_formed_form()
    if not filled.validate():
        return sign_in_page(filled, carried, status=422)
    try:
        signed_in = service.sign_in(
            *filled.couple,
            network=request_network(),
            device_secret=device_secret(),
            user_agent=user_agent(),
            replacing=cookie_secret(),
            locale=chosen_language(LANGUAGES),
            now=request_now(),
        )
    except (SignInRefused, SignInSlowed, LetterExpired, Busy) as error:
        return refused_page(filled, carried, error)
    person = signed_in.authenticated
    onward = next_address(person.state, person.opened_with, demande=demande(), suite=asked_page())
    response = redirect(onward, 303)
    set_session_cookie(response, signed_in.session)
    set_device_cookie(response)
    return response


@blueprint.get("/connexion/annuler")
def cancel() -> Response:
    """Back to the service that asked, which learns that the person declined; without one, the portal."""
    if carried_request() is None:
        return redirect(url_for("portal.home"), 303)
    return redirect(url_for("oidc.cancel", demande=demande()), 303)


def demande() -> str | None:
    """The carried request as it stands in the page's address, to put on every link of the page."""
    return request.args.get("demande") or None


def carried_request() -> CarriedRequest | None:
    """The request that this page carries, also past its end; None without one. A changed one is a 400."""
    carried = demande()
    if carried is None:
        return None
    try:
        return service.unseal_demande(carried, now=request_now())
    except DemandeExpired as error:
        # Signing in still makes sense: what follows it restarts the request at the service.
        return error.carried
    except DemandeRefused:
        abort(400)


def asked_languages() -> Sequence[str]:
    """The languages that the waiting service asked for, else this very request (ux: `ui_locales` decides at first).

    Asked on every page, errors included: a request that is not ours asks for nothing.
    """
    try:
        carried = service.unseal_demande(demande() or "", now=request_now())
    except DemandeExpired as error:
        carried = error.carried
    except DemandeRefused:
        return asked_in_query()
    return carried.parameters.get("ui_locales", "").split()


def hinted_identifier(carried: CarriedRequest | None) -> str:
    """What the service expects to be typed (`login_hint`): a convenience, it decides nothing."""
    hint = carried.parameters.get("login_hint", "") if carried is not None else ""
    return hint if len(hint) <= LONGEST_IDENTIFIER else ""


def offered_session(carried: CarriedRequest | None) -> CurrentSession | None:
    """The session with which the person may choose to go on (`prompt=select_account`); None when nothing is asked."""
    session = full_session()
    if session is None or carried is None or not carried.is_satisfied_by(session.signed_in_at):
        return None
    return session if carried.lets_choose(session.id, session.signed_in_at) else None


def well_formed_form() -> SignInForm:
    """The posted form; 400 for what no page of ours sends."""
    if is_malformed(request.form):
        abort(400)
    # Form bodies alone: Flask-WTF would take a JSON one too, unread by the check above.
    return SignInForm(formdata=request.form)


def request_network() -> str:
    """The network of the trusted hop, never of a header that anybody may write."""
    return network_of(request.remote_addr)


def user_agent() -> str:
    """What the browser says it is, for the list of one's own sessions."""
    return request.headers.get("User-Agent", "")


def sign_in_page(
    shown: SignInForm,
    carried: CarriedRequest | None,
    *,
    status: int = 200,
    refusal: str | None = None,
    school: SchoolContact | None = None,
    headers: Mapping[str, str] | None = None,
    action: str | None = None,
    hidden: Mapping[str, str] | None = None,
    notice: str | None = None,
    is_wrong_couple: bool = False,
) -> Page:
    """The sign-in page, under this or another feature's address.

    action: where it posts, by default `/connexion` with its demande and the page to come back to. hidden: pairs that it posts besides.
    notice: a sentence said above the form. refusal: the translated sentence of a refused couple.
    is_wrong_couple: whether it is about what was typed, so that both fields are marked.
    """
    if carried is not None:
        allow_redirect_to(carried)
        if carried.logo_uri:
            allow(img_src=[carried.logo_uri])
    page = render_template(
        "sign_in/page.html",
        form=shown,
        carried=carried,
        offered=offered_session(carried),
        demande=demande(),
        action=action or url_for("sign_in.submit", demande=demande(), suite=asked_page()),
        hidden=hidden or {},
        refusal=refusal,
        is_wrong_couple=is_wrong_couple,
        notice=notice,
        school=school,
    )
    return page, status, dict(headers or {})


def refused_page(
    filled: SignInForm,
    carried: CarriedRequest | None,
    error: DomainError,
    *,
    action: str | None = None,
    hidden: Mapping[str, str] | None = None,
) -> Page:
    """The sign-in page after a refusal: identifier kept, password emptied, when to try again if it is known."""
    seconds = getattr(error, "seconds", None)
    return sign_in_page(
        filled,
        carried,
        status=REFUSAL_STATUS.get(type(error), 422),
        refusal=refusal_sentence(error),
        is_wrong_couple=type(error) is SignInRefused,
        school=getattr(error, "school", None),
        headers={"Retry-After": str(seconds)} if seconds else None,
        action=action,
        hidden=hidden,
    )


def refusal_sentence(error: DomainError) -> str:
    """The refusal in the reader's language, with its numbers and dates."""
    variables = dict(error.variables)
    if isinstance(error, SignInSlowed):
        variables["wait"] = wait_in_words(error.seconds)
    if isinstance(error, LetterExpired):
        variables["date"] = format_date(error.expired_at, "long")
    return str(gettext(error.sentence)).format(**variables)


def allow_redirect_to(carried: CarriedRequest) -> None:
    """Chromium holds the form's policy against the whole chain of redirects, which ends at the service."""
    redirect_uri = carried.parameters.get("redirect_uri")
    if redirect_uri:
        try:
            allow(form_action=[redirect_uri])
        except ValueError:
            return


def _why_again() -> str | None:
    """Why who comes back to a page of the account must sign in again (`idle_ended`)."""
    if asked_page() is None or not has_idled_away():
        return None
    minutes = current_settings().session_idle_minutes
    return str(
        gettext(
            "Reconnectez-vous après %(minutes)s minutes sans action\N{NO-BREAK SPACE}: vous reviendrez à cette page.",
            minutes=minutes,
        )
    )


def _said_once() -> str | None:
    """What has just been done elsewhere, such as a password replaced."""
    said = get_flashed_messages()
    return str(said[-1]) if said else None
