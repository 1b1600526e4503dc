"""`/compte`: one's own account; `/compte/confirmer`: its password, before what changes who holds it."""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_babel import lazy_gettext

from idp.accounts.rules import AccountId
from idp.devices.views import device_secret
from idp.families.rules import LinkState
from idp.messaging.phones import shown_phone
from idp.my_account import proving, service
from idp.my_account.forms import ConfirmationForm
from idp.my_account.pages import (
    Page,
    present_session,
    refuse_strange_values,
    said,
    slowed,
    with_session,
)
from idp.my_account.rules import PasswordWrong
from idp.passwords.rules import Busy
from idp.sessions.views import Answer, active_account_required, asks_fresh_sign_in
from idp.sign_in import views as sign_in
from idp.sign_in.rules import SignInSlowed
from shared.clock import request_now
from shared.pages import LANGUAGE_NAMES, LANGUAGES
from shared.reopening import page_of_form

blueprint = Blueprint("my_account", __name__)

# What a link's state means to a parent, with the kind of badge that says it.
LINK_WORDS = {
    LinkState.ACTIVE: (lazy_gettext("Vous avez accès à son dossier"), "ok"),
    LinkState.FROZEN: (lazy_gettext("Accès suspendu, l’école est prévenue"), "warn"),
    LinkState.DETACHED: (lazy_gettext("Vous n’avez plus accès à son dossier"), "quiet"),
}


@blueprint.get("/compte")
@active_account_required
def home() -> Answer:
    """The account of the session: who, which address, which children, and the way to each page."""
    sheet = service.account_sheet(AccountId(present_session().account_id))
    return render_template(
        "my_account/home.html",
        sheet=sheet,
        link_words=LINK_WORDS,
        shown_phone=shown_phone,
        language_choices=[(tag, LANGUAGE_NAMES[tag]) for tag in LANGUAGES],
        notice=said(),
    )


@blueprint.post("/compte/langue")
@page_of_form("my_account.home")
@active_account_required
def choose_language() -> Answer:
    """The language of pages and mails; this device follows at once."""
    refuse_strange_values()
    chosen = request.form.get("langue", "")
    if chosen not in LANGUAGES:
        abort(400)
    service.choose_language(AccountId(present_session().account_id), chosen, now=request_now())
    return redirect(url_for(".home", lang=chosen), 303)


@blueprint.get("/compte/confirmer")
@active_account_required
def confirm() -> Answer:
    """« Confirmez que c’est vous »; who has just done so goes on."""
    if present_session().is_fresh(now=request_now()):
        return redirect(_onward(), 303)
    return _confirmation_page(ConfirmationForm(formdata=None))


@blueprint.post("/compte/confirmer")
@active_account_required
def submit_confirmation() -> Answer:
    """The password, typed again: on to the page that asked for it, with a new session secret (SE-01)."""
    refuse_strange_values()
    filled = ConfirmationForm(formdata=request.form)
    if not filled.validate():
        return _confirmation_page(filled, status=422)
    try:
        proven = proving.prove(
            present_session(),
            filled.password.data or "",
            network=sign_in.request_network(),
            device_secret=device_secret(),
            now=request_now(),
        )
    except PasswordWrong as refusal:
        filled.show(refusal)
        return _confirmation_page(filled, status=422)
    except (SignInSlowed, Busy) as refusal:
        status, sentence, headers = slowed(refusal)
        return (*_confirmation_page(filled, status=status, refusal=sentence)[:2], headers)
    return with_session(redirect(_onward(), 303), proven)


def _confirmation_page(filled: ConfirmationForm, *, status: int = 200, refusal: str | None = None) -> Page:
    page = render_template(
        "my_account/confirm.html",
        form=filled,
        session=present_session(),
        onward=_asked_page(),
        refusal=refusal,
        demande=sign_in.demande(),
    )
    return page, status


def _asked_page() -> str | None:
    """The page that wants the proof, from the closed list of such pages; nothing else is followed."""
    asked = request.args.get("suite", "")
    return asked if asks_fresh_sign_in(asked.partition("?")[0]) else None


def _onward() -> str:
    return _asked_page() or url_for(".home", demande=sign_in.demande())
