"""/compte/telephone: another number; /compte/telephone/code: the code sent to it."""

from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import lazy_gettext
from werkzeug.wrappers import Response as BaseResponse

from idp.errors import DomainError, FieldRefusal
from idp.messaging.phones import shown_phone
from idp.my_account import phone, undoing
from idp.my_account.forms import CodeForm, PhoneForm
from idp.my_account.pages import (
    Page,
    present_session,
    refuse_strange_values,
    said,
    say,
    sentence_of,
    with_session,
)
from idp.my_account.rules import NothingToUndo, SmsUnavailable
from idp.one_time_codes.rules import CHALLENGE_LIFE, ChallengeRefused, ResendTooSoon
from idp.sessions.views import Answer, fresh_sign_in_required
from idp.settings import current as current_settings
from idp.sign_in import views as sign_in
from shared.clock import request_now

blueprint = Blueprint("my_phone", __name__)

COOKIE_NAME = "idp_phone"
LONGEST_COOKIE = 64
CONFIRMED = lazy_gettext("Votre portable est confirmé.")
REMOVED = lazy_gettext("Votre compte n’a plus de portable.")
UNDONE = lazy_gettext("Le changement de portable est annulé. Vos autres appareils ont été déconnectés.")
CODE_SENT = lazy_gettext("Un autre code est parti au {phone}.")


@blueprint.get("/compte/telephone")
@fresh_sign_in_required
def form() -> Answer:
    """The number in force, another one, or none."""
    return _page(PhoneForm(formdata=None))


@blueprint.post("/compte/telephone")
@fresh_sign_in_required
def submit() -> Answer:
    """A code to another number; the number taken away, or the one before back in force."""
    refuse_strange_values()
    try:
        match request.form.get("act"):
            case "remove":
                phone.remove_phone(present_session(), now=request_now())
                say(str(REMOVED))
                return redirect(url_for(".form"), 303)
            case "undo":
                return _undo()
            case _:
                return _ask()
    except NothingToUndo as refusal:
        return _page(PhoneForm(formdata=None), status=422, refusal=refusal)


@blueprint.get("/compte/telephone/code")
@fresh_sign_in_required
def code_form() -> Answer:
    """Where the code went, and the field for it; without a code on its way, the number's page."""
    return _code_page(CodeForm(formdata=None))


@blueprint.post("/compte/telephone/code")
@fresh_sign_in_required
def submit_code() -> Answer:
    """The code, or another one."""
    refuse_strange_values()
    filled = CodeForm(formdata=request.form)
    try:
        if request.form.get("act") == "send_again":
            return _send_again()
        phone.confirm_phone(present_session(), _secret(), filled.one_time_code.data or "", now=request_now())
    except FieldRefusal as refusal:
        filled.show(refusal)
        return _code_page(filled, status=422)
    except (ResendTooSoon, SmsUnavailable) as refusal:
        return _code_page(filled, status=422, refusal=refusal)
    except ChallengeRefused:
        # Sent twice, or from a browser that asked for nothing: the number's page shows what is in force.
        return redirect(url_for(".form"), 303)
    say(str(CONFIRMED))
    response = redirect(url_for("my_account.home"), 303)
    response.delete_cookie(_cookie_name(), path="/", secure=current_settings().is_https, httponly=True)
    return response


def _ask() -> Answer:
    filled = PhoneForm(formdata=request.form)
    if not filled.validate():
        return _page(filled, status=422)
    try:
        secret = phone.ask_phone(
            present_session(), filled.number(), network=sign_in.request_network(), now=request_now()
        )
    except FieldRefusal as refusal:
        filled.show(refusal)
        return _page(filled, status=422)
    except SmsUnavailable as refusal:
        return _page(filled, status=422, refusal=refusal)
    response = redirect(url_for(".code_form"), 303)
    response.set_cookie(
        _cookie_name(),
        secret,
        max_age=int(CHALLENGE_LIFE.total_seconds()),
        path="/",
        secure=current_settings().is_https,
        httponly=True,
        samesite="Lax",
    )
    return response


def _send_again() -> BaseResponse:
    sent_to = phone.send_again(
        present_session(), _secret(), network=sign_in.request_network(), now=request_now()
    )
    say(str(CODE_SENT).format(phone=shown_phone(sent_to)))
    return redirect(url_for(".code_form"), 303)


def _undo() -> BaseResponse:
    try:
        change_id = UUID(request.form.get("change", ""))
    except ValueError:
        raise NothingToUndo from None
    opened = undoing.undo_change(present_session(), change_id, now=request_now())
    say(str(UNDONE))
    return with_session(redirect(url_for(".form"), 303), opened)


def _page(filled: PhoneForm, *, status: int = 200, refusal: DomainError | None = None) -> Page:
    page = render_template(
        "my_account/phone.html",
        form=filled,
        view=phone.view_phone(present_session(), now=request_now()),
        shown_phone=shown_phone,
        refusal=sentence_of(refusal) if refusal is not None else None,
        notice=said(),
    )
    return page, status


def _code_page(filled: CodeForm, *, status: int = 200, refusal: DomainError | None = None) -> Answer:
    try:
        view = phone.view_code(present_session(), _secret(), now=request_now())
    except ChallengeRefused:
        return redirect(url_for(".form"), 303)
    page = render_template(
        "my_account/phone_code.html",
        form=filled,
        view=view,
        phone=shown_phone(view.phone),
        refusal=sentence_of(refusal) if refusal is not None else None,
        notice=said(),
    )
    return page, status


def _cookie_name() -> str:
    return f"__Host-{COOKIE_NAME}" if current_settings().is_https else COOKIE_NAME


def _secret() -> str:
    """The challenge that this browser began; empty when it sent none of a possible length."""
    secret = request.cookies.get(_cookie_name(), "")
    return secret if len(secret) <= LONGEST_COOKIE else ""
