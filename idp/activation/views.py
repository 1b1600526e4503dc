"""/activation and what follows it: the form, the wait for the mail, the mailed address."""

from collections.abc import Mapping

from flask import Blueprint, abort, flash, get_flashed_messages, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from werkzeug.wrappers import Response

from idp.accounts.forms import AddressForm
from idp.accounts.rules import AccountState
from idp.activation import service
from idp.activation.forms import ActivationForm, LetterForm
from idp.activation.rules import (
    AddressOutcome,
    AlreadyDone,
    LetterReissued,
    NoActiveLink,
)
from idp.activation.service import SignedInAtAddress
from idp.devices.views import device_secret, set_device_cookie
from idp.errors import DomainError, FieldRefusal
from idp.families.rules import LINK_FROZEN
from idp.forms import has_strange_values
from idp.one_time_codes.rules import OneTimeCodeRefused, ResendSpent, ResendTooSoon, Standing
from idp.passwords.rules import PASSWORD_RULES, POLICY_SENTENCE, Busy, PasswordRefused
from idp.sessions.rules import CurrentSession, OpenedWith, Stage, stage_of
from idp.sessions.service import OpenedSession
from idp.sessions.views import cookie_secret, current_session, next_address, set_session_cookie
from idp.settings import current as current_settings
from idp.sign_in import views as sign_in
from idp.sign_in.forms import SignInForm
from idp.sign_in.rules import (
    CarriedRequest,
    DemandeExpired,
    DemandeRefused,
    LetterExpired,
    SignInRefused,
    SignInSlowed,
)
from idp.sign_in.service import unseal_demande
from shared.clock import request_now
from shared.headers import allow

blueprint = Blueprint("activation", __name__)

LONGEST_CODE = 64
CORRECT = "correct"
SIGN_IN_FIRST = _(
    "Connectez-vous pour continuer. Si vous avez déjà envoyé ce formulaire, ouvrez votre messagerie."
)
LAST_STEP = _(
    "Connectez-vous avec le mot de passe que vous avez choisi\N{NO-BREAK SPACE}: votre compte sera activé."
)
MESSAGE_SENT = _(
    "Un message est parti à {address}. Regardez aussi dans «\N{NO-BREAK SPACE}Courriers indésirables\N{NO-BREAK SPACE}» "
    "ou «\N{NO-BREAK SPACE}spams\N{NO-BREAK SPACE}»."
)

Page = tuple[str, int] | tuple[str, int, Mapping[str, str]]


@blueprint.get("/activation")
def form() -> Response | Page:
    """What one needs, then the form; who is past it goes on."""
    session = current_session()
    if session is None:
        return _needs_page()
    if session.stage is not Stage.ACTIVATION_FORM:
        return _onward(session)
    return _form_page(session, _form_of(session, is_sent=False))


@blueprint.post("/activation")
def submit() -> Response | Page:
    """The filled form; sent again, it says so and changes nothing."""
    session = current_session()
    if session is None:
        return _needs_page(refusal=str(SIGN_IN_FIRST), status=422)
    if session.stage is not Stage.ACTIVATION_FORM:
        return _already_done()
    if has_strange_values(request.form.lists()):
        abort(400)
    filled = _form_of(session)
    try:
        if not _is_valid(filled, session):
            return _form_page(session, filled, status=422)
        renewed = service.start_activation(
            session, filled.choice(), demande=sign_in.demande(), now=request_now()
        )
    except FieldRefusal as refusal:
        filled.show(refusal)
        return _form_page(session, filled, status=422)
    except AlreadyDone:
        return _already_done()
    except (Busy, LetterReissued, LetterExpired, NoActiveLink) as refusal:
        return _refused_page(session, filled, refusal)
    return _accepted(session, renewed)


@blueprint.get("/activation/message-envoye")
def waiting() -> Response | Page:
    """Where the message went, and what to do if it does not come; done in another tab, it goes on."""
    session = current_session()
    if session is None:
        return redirect(url_for("sign_in.form", demande=sign_in.demande()), 303)
    if session.stage is not Stage.ADDRESS_CONFIRMATION:
        return _onward(session)
    return _waiting_page(session, AddressForm(formdata=None))


@blueprint.post("/activation/message-envoye")
def send_again() -> Response | Page:
    """Send the message again, or to a corrected address."""
    session = current_session()
    if session is None or session.stage is not Stage.ADDRESS_CONFIRMATION:
        return redirect(url_for(".waiting", demande=sign_in.demande()), 303)
    if has_strange_values(request.form.lists()):
        abort(400)
    filled = AddressForm(formdata=request.form)
    is_correction = request.form.get("act") == CORRECT
    if is_correction and not filled.validate():
        return _waiting_page(session, filled, status=422)
    try:
        address = _send(session, filled if is_correction else None)
    except (ResendTooSoon, ResendSpent) as refusal:
        return _waiting_page(session, filled, refusal=sign_in.refusal_sentence(refusal), status=422)
    except AlreadyDone:
        return redirect(url_for(".waiting", demande=sign_in.demande()), 303)
    flash(str(MESSAGE_SENT).format(address=address))
    return redirect(url_for(".waiting", demande=sign_in.demande()), 303)


@blueprint.get("/activation/adresse")
def address() -> Response | Page:
    """The mailed URL: the sign-in page, carrying the code. Opening it changes nothing, however often."""
    one_time_code = _one_time_code()
    looked_at = service.look_at(one_time_code, now=request_now()) if one_time_code else None
    if looked_at is None or looked_at[0].standing is Standing.CONSUMED:
        return redirect(url_for("sign_in.form"), 303)
    known, identifier = looked_at
    is_dead = known.standing is not Standing.USABLE
    _allow_way_back(known.demande)
    return sign_in.sign_in_page(
        SignInForm(formdata=None, data={"identifier": identifier}),
        None,
        action=url_for(".confirm", code=one_time_code),
        notice=gettext(OneTimeCodeRefused.sentence) if is_dead else str(LAST_STEP),
    )


@blueprint.post("/activation/adresse")
def confirm() -> Response | Page:
    """The chosen password on the mailed page: the address is confirmed, the account active."""
    one_time_code = _one_time_code()
    action = url_for(".confirm", code=one_time_code)
    filled = sign_in.well_formed_form()
    if not filled.validate():
        return sign_in.sign_in_page(filled, None, status=422, action=action)
    try:
        signed_in = service.sign_in_at_address(
            filled.couple,
            one_time_code,
            network=sign_in.request_network(),
            device_secret=device_secret(),
            user_agent=sign_in.user_agent(),
            browser_secret=cookie_secret(),
            now=request_now(),
        )
    except (SignInRefused, SignInSlowed, LetterExpired, Busy) as refusal:
        return sign_in.refused_page(filled, None, refusal, action=action)
    if signed_in.outcome is AddressOutcome.DEAD_URL:
        flash(gettext(OneTimeCodeRefused.sentence))
    response = redirect(_after_address(signed_in), 303)
    set_session_cookie(response, signed_in.session)
    set_device_cookie(response)
    return response


@blueprint.get("/activation/adresse/autre-compte")
def other_account() -> Response | str:
    """The mailed URL was another account's: said to who signed in; nothing has changed for either."""
    session = current_session()
    if session is None:
        return redirect(url_for("sign_in.form"), 303)
    next_url = next_address(session.state, session.opened_with)
    return render_template("activation/other_account.html", session=session, next_url=next_url)


def _form_of(session: CurrentSession, *, is_sent: bool = True) -> ActivationForm | LetterForm:
    """An active account whose letter was issued again keeps its address: the form does not ask for it."""
    form_class = LetterForm if session.state is AccountState.ACTIVE else ActivationForm
    # Form bodies alone: Flask-WTF would take a JSON one too, where a field may be a list or an object.
    filled: ActivationForm | LetterForm = form_class(formdata=request.form if is_sent else None)
    return filled


def _is_valid(filled: ActivationForm | LetterForm, session: CurrentSession) -> bool:
    """Every problem of syntax and of the password, so that they are said at once. Raises Busy."""
    is_valid = filled.validate()
    new_password = filled.new_password.data
    if not new_password:
        return False
    try:
        service.check_new_password(session, new_password)
    except PasswordRefused as refusal:
        filled.show_password_refusal(refusal)
        return False
    return is_valid


def _send(session: CurrentSession, correction: AddressForm | None) -> str:
    demande, now = sign_in.demande(), request_now()
    if correction is None:
        return service.resend_message(session, demande=demande, now=now)
    return service.correct_address(session, correction.address(), demande=demande, now=now)


def _needs_page(*, refusal: str | None = None, status: int = 200, error: DomainError | None = None) -> Page:
    """What activation needs, and the sign-in form that begins it."""
    carried = _carried()
    page = render_template(
        "activation/needs.html",
        activates_by_phone=current_settings().activates_by_phone,
        form=SignInForm(formdata=None),
        carried=carried,
        demande=sign_in.demande(),
        refusal=refusal,
        notice=_notice(),
        school=getattr(error, "school", None),
    )
    return page, status


def _form_page(
    session: CurrentSession,
    filled: ActivationForm | LetterForm,
    *,
    status: int = 200,
    refusal: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response | Page:
    try:
        view = service.view_form(session, now=request_now())
    except AlreadyDone:
        return _already_done()
    except (LetterReissued, LetterExpired, NoActiveLink) as stop:
        return _stop_page(session, stop, status=status)
    page = render_template(
        "activation/form.html",
        form=filled,
        view=view,
        session=session,
        carried=_carried(),
        demande=sign_in.demande(),
        refusal=refusal,
        notice=_notice(),
        policy=gettext(POLICY_SENTENCE),
        criteria=[(gettext(rule.criterion), rule.pattern) for rule in PASSWORD_RULES if rule.pattern],
    )
    return page, status, headers or {}


def _accepted(session: CurrentSession, renewed: OpenedSession | None) -> Response:
    """On to the waiting page; to the service or the account where the letter renewed an active account."""
    state = AccountState.ACTIVE if session.state is AccountState.ACTIVE else AccountState.ACTIVATING
    response = redirect(next_address(state, OpenedWith.CHOSEN, demande=sign_in.demande()), 303)
    if renewed is not None:
        set_session_cookie(response, renewed)
    return response


def _refused_page(
    session: CurrentSession, filled: ActivationForm | LetterForm, refusal: DomainError
) -> Response | Page:
    if isinstance(refusal, Busy):
        headers = {"Retry-After": str(refusal.seconds)}
        sentence = sign_in.refusal_sentence(refusal)
        return _form_page(session, filled, status=503, refusal=sentence, headers=headers)
    return _stop_page(session, refusal, status=422)


def _stop_page(session: CurrentSession, refusal: DomainError, *, status: int) -> Page:
    """Nothing to fill in any more: another letter, or the school."""
    sentence = sign_in.refusal_sentence(refusal)
    if not isinstance(refusal, NoActiveLink):
        return _needs_page(refusal=sentence, status=status, error=refusal)
    _notice()  # said by the page itself, for as long as it is true
    reported = [gettext(LINK_FROZEN).format(n=reference) for reference in refusal.references]
    page = render_template(
        "activation/stop.html",
        session=session,
        refusal=None if reported else sentence,
        reported=reported,
        school=refusal.school,
        carried=_carried(),
        demande=sign_in.demande(),
    )
    return page, status


def _waiting_page(
    session: CurrentSession, filled: AddressForm, *, status: int = 200, refusal: str | None = None
) -> Page:
    page = render_template(
        "activation/waiting.html",
        form=filled,
        view=service.view_waiting(session, now=request_now()),
        session=session,
        carried=_carried(),
        demande=sign_in.demande(),
        refusal=refusal,
        notice=_notice(),
    )
    return page, status


def _already_done() -> Response:
    """To whatever is next: the waiting page, or signing in when another browser was first."""
    flash(gettext(AlreadyDone.sentence))
    return redirect(url_for(".form", demande=sign_in.demande()), 303)


def _onward(session: CurrentSession) -> Response:
    return redirect(next_address(session.state, session.opened_with, demande=sign_in.demande()), 303)


def _after_address(signed_in: SignedInAtAddress) -> str:
    """Back to the service that the person came from, or to what the account still lacks."""
    person, outcome = signed_in.authenticated, signed_in.outcome
    if outcome is AddressOutcome.ANOTHER_ACCOUNT:
        return url_for(".other_account")
    state = AccountState.ACTIVE if outcome is AddressOutcome.CONFIRMED else person.state
    if signed_in.demande is None and outcome is AddressOutcome.CONFIRMED:
        return url_for("portal.activation_done")
    if signed_in.demande is None or stage_of(state, person.opened_with) is not Stage.FULL:
        return next_address(state, person.opened_with, demande=signed_in.demande)
    # Another device has no state of the service's: only a new request, begun there, can succeed (RFC 9700 4.7).
    return url_for("oidc.resume" if signed_in.is_same_browser else "oidc.restart", demande=signed_in.demande)


def _carried() -> CarriedRequest | None:
    """The request that the page carries; its service may then be the end of the form's redirects."""
    carried = sign_in.carried_request()
    if carried is not None:
        sign_in.allow_redirect_to(carried)
    return carried


def _allow_way_back(demande: str | None) -> None:
    """The same for the request that a mailed code carries, however old."""
    if demande is None:
        return
    try:
        carried = unseal_demande(demande, now=request_now())
    except DemandeExpired as error:
        carried = error.carried
    except DemandeRefused:
        return
    sign_in.allow_redirect_to(carried)
    # On another device the chain ends where the service begins a new request.
    allow(form_action=[carried.client_home])


def _one_time_code() -> str:
    """The code of the mailed URL; empty when it cannot be one."""
    one_time_code = request.args.get("code", "")
    return one_time_code if len(one_time_code) <= LONGEST_CODE else ""


def _notice() -> str | None:
    """What has just been done, said once."""
    said = get_flashed_messages()
    return str(said[-1]) if said else None
