"""/compte/adresse: another address; /compte/adresse/confirmer: the mailed URL that puts it in force."""

from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response as BaseResponse

from idp.accounts.forms import AddressForm
from idp.errors import DomainError, FieldRefusal
from idp.my_account import address, undoing
from idp.my_account.pages import (
    Page,
    present_session,
    refuse_strange_values,
    said,
    say,
    sentence_of,
    with_session,
)
from idp.my_account.rules import AddressOutcome, NothingToUndo, NothingWaits
from idp.one_time_codes.rules import KnownCode, OneTimeCodeRefused, ResendTooSoon, Standing
from idp.passwords.rules import Busy
from idp.sessions.rules import CurrentSession
from idp.sessions.views import (
    Answer,
    cookie_secret,
    fresh_sign_in_required,
    full_session,
    next_address,
    set_session_cookie,
)
from idp.sign_in import views as sign_in
from idp.sign_in.forms import SignInForm
from idp.sign_in.rules import LetterExpired, SignInRefused, SignInSlowed
from shared.clock import request_now

blueprint = Blueprint("my_address", __name__)

LONGEST_CODE = 64
LAST_STEP = lazy_gettext("Connectez-vous\N{NO-BREAK SPACE}: votre nouvelle adresse sera confirmée.")
CONFIRMED = lazy_gettext("Votre nouvelle adresse est confirmée. Vos autres appareils ont été déconnectés.")
UNDONE = lazy_gettext("Votre ancienne adresse est rétablie. Vos autres appareils ont été déconnectés.")
DONE = lazy_gettext("C’est déjà fait.")
CANCELLED = lazy_gettext("Le changement d’adresse est annulé.")
MESSAGE_SENT = lazy_gettext(
    "Un message est parti à {address}. Regardez aussi dans «\N{NO-BREAK SPACE}Courriers indésirables\N{NO-BREAK SPACE}» "
    "ou «\N{NO-BREAK SPACE}spams\N{NO-BREAK SPACE}»."
)


@blueprint.get("/compte/adresse")
@fresh_sign_in_required
def form() -> Answer:
    """The address in force, the one that waits, what can be taken back, and another one."""
    return _page(AddressForm(formdata=None))


@blueprint.post("/compte/adresse")
@fresh_sign_in_required
def submit() -> Answer:
    """Another address, its message sent again, given up, or the one before back in force."""
    refuse_strange_values()
    session = present_session()
    try:
        match request.form.get("act"):
            case "send_again":
                return _sent(address.send_again(session, now=request_now()))
            case "cancel":
                address.cancel_address(session, now=request_now())
                say(str(CANCELLED))
                return redirect(url_for(".form"), 303)
            case "undo":
                return _undo(session)
            case _:
                return _ask(session)
    except (ResendTooSoon, NothingWaits, NothingToUndo) as refusal:
        return _page(AddressForm(formdata=None), status=422, refusal=refusal)


@blueprint.get("/compte/adresse/confirmer")
def confirm() -> Answer:
    """The mailed URL. Opening it changes nothing, however often."""
    known = _known_code()
    session = full_session()
    if known is None or known[0].standing is not Standing.USABLE:
        is_done = known is not None and known[0].standing is Standing.CONSUMED
        return _done_or_dead(session, is_done=is_done)
    if session is None:
        return _sign_in_page(known[1])
    if session.account_id != known[0].account_id:
        return render_template("my_account/address_of_another.html", session=session)
    return render_template(
        "my_account/confirm_address_page.html", address=known[0].channel_address, code=_one_time_code()
    )


@blueprint.post("/compte/adresse/confirmer")
def submit_confirmation() -> Answer:
    """The signed-in session, or the couple typed here: the new address is in force."""
    refuse_strange_values()
    if "identifier" in request.form:
        return _sign_in_and_confirm()
    session = full_session()
    if session is None:
        return redirect(url_for(".confirm", code=_one_time_code()), 303)
    try:
        opened = address.confirm_address(session, _one_time_code(), now=request_now())
    except OneTimeCodeRefused:
        return redirect(url_for(".confirm", code=_one_time_code()), 303)
    say(str(CONFIRMED))
    return with_session(redirect(url_for("my_account.home"), 303), opened)


def _ask(session: CurrentSession) -> Answer:
    filled = AddressForm(formdata=request.form)
    if not filled.validate():
        return _page(filled, status=422)
    try:
        address.ask_address(session, filled.address(), now=request_now())
    except FieldRefusal as refusal:
        filled.show(refusal)
        return _page(filled, status=422)
    except ResendTooSoon as refusal:
        return _page(filled, status=422, refusal=refusal)
    return _sent(filled.address())


def _undo(session: CurrentSession) -> Answer:
    try:
        change_id = UUID(request.form.get("change", ""))
    except ValueError:
        raise NothingToUndo from None
    opened = undoing.undo_change(session, change_id, now=request_now())
    say(str(UNDONE))
    return with_session(redirect(url_for(".form"), 303), opened)


def _sent(to: str) -> BaseResponse:
    say(str(MESSAGE_SENT).format(address=to))
    return redirect(url_for(".form"), 303)


def _page(filled: AddressForm, *, status: int = 200, refusal: DomainError | None = None) -> Page:
    page = render_template(
        "my_account/address.html",
        form=filled,
        view=address.view_address(present_session(), now=request_now()),
        refusal=sentence_of(refusal) if refusal is not None else None,
        notice=said(),
    )
    return page, status


def _sign_in_and_confirm() -> Answer:
    action = url_for(".submit_confirmation", code=_one_time_code())
    filled = sign_in.well_formed_form()
    if not filled.validate():
        return sign_in.sign_in_page(filled, None, status=422, action=action)
    try:
        signed_in = address.sign_in_at_address(
            filled.couple,
            _one_time_code(),
            network=sign_in.request_network(),
            user_agent=sign_in.user_agent(),
            browser_secret=cookie_secret(),
            now=request_now(),
        )
    except (SignInRefused, SignInSlowed, LetterExpired, Busy) as refusal:
        return sign_in.refused_page(filled, None, refusal, action=action)
    if signed_in.outcome is AddressOutcome.CONFIRMED:
        say(str(CONFIRMED))
        onward = url_for("my_account.home")
    elif signed_in.outcome is AddressOutcome.ANOTHER_ACCOUNT:
        onward = url_for(".confirm", code=_one_time_code())
    else:
        say(gettext(OneTimeCodeRefused.sentence))
        onward = next_address(signed_in.authenticated.state, signed_in.authenticated.opened_with)
    response = redirect(onward, 303)
    set_session_cookie(response, signed_in.session)
    return response


def _sign_in_page(identifier: str) -> Answer:
    return sign_in.sign_in_page(
        SignInForm(formdata=None, data={"identifier": identifier}),
        None,
        action=url_for(".submit_confirmation", code=_one_time_code()),
        notice=str(LAST_STEP),
    )


def _done_or_dead(session: CurrentSession | None, *, is_done: bool) -> Answer:
    """Used already: done. Too late or replaced: what to do to get another URL."""
    if is_done:
        say(str(DONE))
        return redirect(url_for("my_account.home"), 303)
    if session is not None:
        return render_template("my_account/dead_url.html", session=session)
    return sign_in.sign_in_page(
        SignInForm(formdata=None),
        None,
        action=url_for(".submit_confirmation", code=_one_time_code()),
        notice=gettext(OneTimeCodeRefused.sentence),
    )


def _known_code() -> tuple[KnownCode, str] | None:
    one_time_code = _one_time_code()
    return address.look_at(one_time_code, now=request_now()) if one_time_code else None


def _one_time_code() -> str:
    """The code of the mailed URL; empty when it cannot be one."""
    one_time_code = request.args.get("code", "")
    return one_time_code if len(one_time_code) <= LONGEST_CODE else ""
