"""/compte/mot-de-passe: another password."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext

from idp.devices.views import device_secret
from idp.my_account import password
from idp.my_account.forms import PasswordChangeForm
from idp.my_account.pages import (
    Page,
    present_session,
    refuse_strange_values,
    say,
    slowed,
    with_session,
)
from idp.my_account.rules import PasswordWrong
from idp.passwords.rules import PASSWORD_RULES, POLICY_SENTENCE, Busy, PasswordRefused
from idp.sessions.views import Answer, fresh_sign_in_required
from idp.sign_in import views as sign_in
from idp.sign_in.rules import SignInSlowed
from shared.clock import request_now

blueprint = Blueprint("my_password", __name__)

CHANGED = lazy_gettext("Votre mot de passe a changé. Vos autres appareils ont été déconnectés.")


@blueprint.get("/compte/mot-de-passe")
@fresh_sign_in_required
def form() -> Answer:
    """The present password, and a new one twice."""
    return _page(PasswordChangeForm(formdata=None))


@blueprint.post("/compte/mot-de-passe")
@fresh_sign_in_required
def submit() -> Answer:
    """The password is another one; other devices are signed out."""
    refuse_strange_values()
    filled = PasswordChangeForm(formdata=request.form)
    if not _is_valid(filled):
        return _page(filled, status=422)
    try:
        opened = password.change_password(
            present_session(),
            filled.current_password.data or "",
            filled.new_password.data or "",
            network=sign_in.request_network(),
            device_secret=device_secret(),
            now=request_now(),
        )
    except PasswordWrong as refusal:
        filled.show(refusal)
        return _page(filled, status=422)
    except PasswordRefused as refusal:
        filled.show_password_refusal(refusal)
        return _page(filled, status=422)
    except (SignInSlowed, Busy) as refusal:
        status, sentence, headers = slowed(refusal)
        return (*_page(filled, status=status, refusal=sentence)[:2], headers)
    say(str(CHANGED))
    return with_session(redirect(url_for("my_account.home"), 303), opened)


def _is_valid(filled: PasswordChangeForm) -> bool:
    """Every problem that can be said without hashing, at once."""
    is_valid = filled.validate()
    if not filled.new_password.data:
        return False
    try:
        password.check_new_password(present_session(), filled.new_password.data)
    except PasswordRefused as refusal:
        filled.show_password_refusal(refusal)
        return False
    return is_valid


def _page(filled: PasswordChangeForm, *, status: int = 200, refusal: str | None = None) -> Page:
    page = render_template(
        "my_account/password.html",
        form=filled,
        session=present_session(),
        refusal=refusal,
        policy=gettext(POLICY_SENTENCE),
        criteria=[(gettext(rule.criterion), rule.pattern) for rule in PASSWORD_RULES if rule.pattern],
    )
    return page, status
