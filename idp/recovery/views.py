"""/identifiant-perdu and /mot-de-passe-perdu: what was lost, found again by a confirmed channel."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypedDict

from flask import Blueprint, abort, flash, get_flashed_messages, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from werkzeug.wrappers import Response

from idp.devices.views import device_secret
from idp.errors import FieldRefusal
from idp.forms import has_strange_values
from idp.messaging import service as messaging
from idp.messaging.rules import Channel
from idp.one_time_codes.rules import ChallengeRefused, ChallengeStage, OneTimeCodeExpired, ResendTooSoon
from idp.passwords.forms import NewPasswordForm
from idp.passwords.rules import PASSWORD_RULES, POLICY_SENTENCE, Busy, PasswordRefused
from idp.recovery import service
from idp.recovery.forms import CodeForm, LostIdentifierForm, LostPasswordForm
from idp.recovery.rules import ChannelMissing
from idp.settings import current as current_settings
from idp.sign_in import views as sign_in
from idp.sign_in.rules import CarriedRequest
from shared.clock import request_now

blueprint = Blueprint("recovery", __name__)

COOKIE_NAME = "idp_recovery"
COOKIE_SECONDS = 2 * 3600
LONGEST_COOKIE = 64
SEND_AGAIN, OTHER_CHANNEL = "send_again", "other_channel"
SENT_AGAIN = _("Si ce compte est activé, un autre code vient de partir. Le précédent reste valable.")
PASSWORD_REPLACED = _(
    "Votre mot de passe est remplacé. Connectez-vous avec le nouveau\N{NO-BREAK SPACE}: "
    "tous vos appareils ont été déconnectés."
)
DONE_ALREADY = _("C’est déjà fait. Connectez-vous avec votre nouveau mot de passe.")

Page = tuple[str, int] | tuple[str, int, Mapping[str, str]]


class Asker(TypedDict):
    """From where a message is asked for, and when."""

    network: str
    device_secret: str
    now: datetime


@blueprint.get("/identifiant-perdu")
def lost_identifier() -> Page:
    """Asks for an address or a number."""
    return _identifier_page(LostIdentifierForm(formdata=None))


@blueprint.post("/identifiant-perdu")
def ask_identifiers() -> Response | Page:
    """One message with every account of that address or number, if there is any; the answer does not say."""
    filled = LostIdentifierForm(formdata=_well_formed_fields())
    if not filled.validate():
        return _identifier_page(filled, status=422)
    try:
        service.ask_identifiers(
            filled.contact.data or "", network=sign_in.request_network(), now=request_now()
        )
    except FieldRefusal as refusal:
        filled.show(refusal)
        return _identifier_page(filled, status=422)
    return redirect(url_for(".identifiers_asked", demande=sign_in.demande()), 303)


@blueprint.get("/identifiant-perdu/message-envoye")
def identifiers_asked() -> Page:
    """What to do next, the same for everybody."""
    return _page("recovery/identifiers_asked.html")


@blueprint.get("/mot-de-passe-perdu")
def lost_password() -> Page:
    """Asks for the identifier, and how the code should come."""
    return _password_page(LostPasswordForm(formdata=None, data={"channel": Channel.EMAIL.value}))


@blueprint.post("/mot-de-passe-perdu")
def start() -> Response | Page:
    """Begin: the code leaves if it can; the answer does not say."""
    filled = LostPasswordForm(formdata=_well_formed_fields())
    if not filled.validate():
        return _password_page(filled, status=422)
    channel = filled.chosen_channel()
    if channel not in service.available_channels(now=request_now()):
        filled.show(ChannelMissing())
        return _password_page(filled, status=422)
    return _to_code_page(service.start_recovery(filled.identifier.data or "", channel, **_asker()))


@blueprint.get("/mot-de-passe-perdu/code")
def code_page() -> Response | Page:
    """Waits for the code; who is past it goes on."""
    return _elsewhere(ChallengeStage.PROVEN) or _code_page(CodeForm(formdata=None))


@blueprint.post("/mot-de-passe-perdu/code")
def enter_code() -> Response | Page:
    """The code that was read; or another one, or the other channel."""
    fields = _well_formed_fields()
    secret = _secret()
    if secret is None:
        return _to_start()
    act = request.form.get("act")
    if act in {SEND_AGAIN, OTHER_CHANNEL}:
        return _send_again(secret, act)
    filled = CodeForm(formdata=fields)
    if not filled.validate():
        return _code_page(filled, status=422)
    try:
        service.enter_code(
            secret, filled.one_time_code.data or "", network=sign_in.request_network(), now=request_now()
        )
    except FieldRefusal as refusal:
        filled.show(refusal)
        return _code_page(filled, status=422)
    except ChallengeRefused:
        return _to_start()
    return redirect(url_for(".new_password", demande=sign_in.demande()), 303)


@blueprint.get("/mot-de-passe-perdu/nouveau")
def new_password() -> Response | Page:
    """Asks for the new password, of who typed the right code in this browser."""
    return _elsewhere(ChallengeStage.WAITING) or _new_password_page(NewPasswordForm(formdata=None))


@blueprint.post("/mot-de-passe-perdu/nouveau")
def replace_password() -> Response | Page:
    """The new password, once every proof was checked again; then signing in with it."""
    fields = _well_formed_fields()
    if elsewhere := _elsewhere(ChallengeStage.WAITING):
        return elsewhere
    filled, secret = NewPasswordForm(formdata=fields), _secret() or ""
    try:
        if not _is_valid(filled, secret):
            return _new_password_page(filled, status=422)
        service.replace_password(secret, filled.new_password.data or "", now=request_now())
    except Busy as refusal:
        headers = {"Retry-After": str(refusal.seconds)}
        sentence = sign_in.refusal_sentence(refusal)
        return _new_password_page(filled, status=503, refusal=sentence, headers=headers)
    except ChallengeRefused:
        return _elsewhere(ChallengeStage.WAITING) or _to_start()
    flash(str(PASSWORD_REPLACED))
    return _to_sign_in()


def _is_valid(filled: NewPasswordForm, secret: str) -> bool:
    """Every problem at once. Raises Busy, ChallengeRefused."""
    is_valid = filled.validate()
    if not filled.new_password.data:
        return False
    try:
        service.check_new_password(secret, filled.new_password.data, now=request_now())
    except PasswordRefused as refusal:
        filled.show_password_refusal(refusal)
        return False
    return bool(is_valid)


def _send_again(secret: str, act: str) -> Response | Page:
    shown = CodeForm(formdata=None)
    try:
        if act == OTHER_CHANNEL:
            return _change_channel(secret)
        service.send_another_code(secret, **_asker())
    except ResendTooSoon as refusal:
        return _code_page(shown, status=422, refusal=sign_in.refusal_sentence(refusal))
    except FieldRefusal as refusal:
        shown.show(refusal)
        return _code_page(shown, status=422)
    except ChallengeRefused:
        return _elsewhere(ChallengeStage.PROVEN) or _to_start()
    flash(str(SENT_AGAIN))
    return redirect(url_for(".code_page", demande=sign_in.demande()), 303)


def _change_channel(secret: str) -> Response:
    other = service.view_code(secret, now=request_now()).other_channel
    if other is None:
        abort(400)
    return _to_code_page(service.change_channel(secret, other, **_asker()))


def _asker() -> Asker:
    """Whom a message is counted on."""
    return Asker(network=sign_in.request_network(), device_secret=device_secret(), now=request_now())


def _elsewhere(other_stage: ChallengeStage) -> Response | None:
    """Where this browser's recovery really stands, if that is on another page; None to stay.

    other_stage: of the two pages that need a challenge, the stage that belongs to the other one.
    """
    stage = service.stage_of(_secret(), now=request_now())
    if stage is None:
        return _to_start()
    if stage is ChallengeStage.COMPLETED:
        flash(str(DONE_ALREADY))
        return _to_sign_in()
    if stage is other_stage or (other_stage is ChallengeStage.WAITING and stage is not ChallengeStage.PROVEN):
        page = ".new_password" if stage is ChallengeStage.PROVEN else ".code_page"
        return redirect(url_for(page, demande=sign_in.demande()), 303)
    return None


def _identifier_page(filled: LostIdentifierForm, *, status: int = 200) -> Page:
    takes_phones = Channel.SMS in service.available_channels(now=request_now())
    return _page("recovery/lost_identifier.html", status=status, form=filled, takes_phones=takes_phones)


def _password_page(filled: LostPasswordForm, *, status: int = 200) -> Page:
    channels = service.available_channels(now=request_now())
    return _page("recovery/lost_password.html", status=status, form=filled, channels=channels)


def _code_page(filled: CodeForm, *, status: int = 200, refusal: str | None = None) -> Response | Page:
    try:
        view = service.view_code(_secret() or "", now=request_now())
    except ChallengeRefused:
        return _to_start()
    if view.is_over and not filled.errors:
        filled.show(OneTimeCodeExpired())
    # Typed again from the message: what was refused helps nobody.
    filled.one_time_code.data = ""
    return _page("recovery/code.html", status=status, form=filled, view=view, refusal=refusal)


def _new_password_page(
    filled: NewPasswordForm,
    *,
    status: int = 200,
    refusal: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response | Page:
    try:
        identifier = service.proven_identifier(_secret() or "", now=request_now())
    except ChallengeRefused:
        return _to_start()
    return _page(
        "recovery/new_password.html",
        status=status,
        headers=headers,
        form=filled,
        identifier=identifier,
        refusal=refusal,
        policy=gettext(POLICY_SENTENCE),
        criteria=[(gettext(rule.criterion), rule.pattern) for rule in PASSWORD_RULES if rule.pattern],
    )


def _page(
    template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **shown: object
) -> Page:
    page = render_template(
        template,
        carried=_carried(),
        demande=sign_in.demande(),
        notice=_notice(),
        sms_is_out=messaging.is_sms_out(now=request_now()),
        **shown,
    )
    return page, status, headers or {}


def _to_code_page(secret: str) -> Response:
    response = redirect(url_for(".code_page", demande=sign_in.demande()), 303)
    response.set_cookie(
        _cookie_name(),
        secret,
        max_age=COOKIE_SECONDS,
        path="/",
        secure=current_settings().is_https,
        httponly=True,
        samesite="Lax",
    )
    return response


def _to_start() -> Response:
    return redirect(url_for(".lost_password", demande=sign_in.demande()), 303)


def _to_sign_in() -> Response:
    return redirect(url_for("sign_in.form", demande=sign_in.demande()), 303)


def _cookie_name() -> str:
    return f"__Host-{COOKIE_NAME}" if current_settings().is_https else COOKIE_NAME


def _secret() -> str | None:
    """The challenge that this browser began; None when it sent none of a possible length."""
    secret = request.cookies.get(_cookie_name(), "")
    return secret if 0 < len(secret) <= LONGEST_COOKIE else None


def _well_formed_fields() -> Mapping[str, str]:
    """The posted fields; 400 for what no page of ours sends, before anything is counted or hashed."""
    if has_strange_values(request.form.lists()):
        abort(400)
    return request.form


def _carried() -> CarriedRequest | None:
    """The request that the page carries; signing in at the end goes on with it."""
    return sign_in.carried_request()


def _notice() -> str | None:
    """What has just been done, said once."""
    said = get_flashed_messages()
    return str(said[-1]) if said else None
