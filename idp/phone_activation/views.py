"""/activation/sans-courrier: name and mobile, the code, then birth dates and password."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import ParamSpec

from flask import Blueprint, abort, flash, get_flashed_messages, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _
from werkzeug.wrappers import Response

from idp.accounts.rules import AccountState
from idp.errors import DomainError, FieldRefusal
from idp.forms import has_strange_values
from idp.messaging import service as messaging
from idp.messaging.phones import shown_phone
from idp.one_time_codes.rules import ChallengeRefused, ChallengeStage, OneTimeCodeExpired, ResendTooSoon
from idp.passwords.rules import PASSWORD_RULES, POLICY_SENTENCE, Busy, PasswordRefused
from idp.phone_activation import service
from idp.phone_activation.forms import CodeForm, LastStepForm, PersonForm, last_step_form
from idp.phone_activation.rules import BirthDatesBlocked, BirthDatesSpent, BirthDatesWrong, LastStep
from idp.sessions.rules import OpenedWith
from idp.sessions.views import cookie_secret, full_session, next_address, set_session_cookie
from idp.settings import current as current_settings
from idp.sign_in import views as sign_in
from shared.clock import request_now

blueprint = Blueprint("phone_activation", __name__)

COOKIE_NAME = "idp_phone_activation"
COOKIE_SECONDS = 2 * 3600
LONGEST_COOKIE = 64
SEND_AGAIN = "send_again"
SENT_AGAIN = _(
    "Si l’école connaît ce numéro à ce nom, un autre code vient de partir. Le précédent reste valable."
)
DONE_ALREADY = _("Ce compte est déjà activé. Connectez-vous avec le mot de passe que vous avez choisi.")

Page = tuple[str, int] | tuple[str, int, Mapping[str, str]]
Parameters = ParamSpec("Parameters")
Answer = Response | Page


def where_offered(view: Callable[Parameters, Answer]) -> Callable[Parameters, Answer]:
    """404 where the deployment does not activate by phone; who is signed in already goes on."""

    @wraps(view)
    def guarded(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        if not service.is_offered():
            abort(404)
        session = full_session()
        if session is not None:
            return redirect(next_address(session.state, session.opened_with, demande=sign_in.demande()), 303)
        return view(*args, **kwargs)

    return guarded


@blueprint.get("/activation/sans-courrier")
@where_offered
def form() -> Answer:
    """What one needs, then names and number."""
    return _person_page(PersonForm(formdata=None))


@blueprint.post("/activation/sans-courrier")
@where_offered
def start() -> Answer:
    """Begin: the code leaves if it can; the answer does not say."""
    filled = PersonForm(formdata=_well_formed_fields())
    if not filled.validate() or messaging.is_sms_out(now=request_now()):
        return _person_page(filled, status=422)
    secret = service.start(
        filled.person(), demande=sign_in.demande(), network=sign_in.request_network(), now=request_now()
    )
    response = redirect(url_for(".code_page", demande=sign_in.demande()), 303)
    _keep_secret(response, secret)
    return response


@blueprint.get("/activation/sans-courrier/code")
@where_offered
def code_page() -> Answer:
    """Waits for the code; who is past it goes on."""
    return _elsewhere(ChallengeStage.WAITING) or _code_page(CodeForm(formdata=None))


@blueprint.post("/activation/sans-courrier/code")
@where_offered
def enter_code() -> Answer:
    """The code that was read; or another one."""
    fields = _well_formed_fields()
    if elsewhere := _elsewhere(ChallengeStage.WAITING):
        return elsewhere
    if fields.get("act") == SEND_AGAIN:
        return _send_again()
    filled = CodeForm(formdata=fields)
    filled.validate()
    try:
        service.enter_code(_secret(), filled.one_time_code.data or "", now=request_now())
    except FieldRefusal as refusal:
        filled.show(refusal)
        return _code_page(filled, status=422)
    except ChallengeRefused:
        return _to_start()
    return redirect(url_for(".last_step", demande=sign_in.demande()), 303)


@blueprint.get("/activation/sans-courrier/compte")
@where_offered
def last_step() -> Answer:
    """The identifier to keep, the children's birth dates, the new password."""
    if elsewhere := _elsewhere(ChallengeStage.PROVEN):
        return elsewhere
    try:
        view = service.view_last_step(_secret(), now=request_now())
    except ChallengeRefused:
        return _to_start()
    return _last_page(view, last_step_form(view.children, formdata=None))


@blueprint.post("/activation/sans-courrier/compte")
@where_offered
def activate() -> Answer:
    """Every proof again, then the account is active and its holder signed in."""
    fields = _well_formed_fields()
    if elsewhere := _elsewhere(ChallengeStage.PROVEN):
        return elsewhere
    try:
        view = service.view_last_step(_secret(), now=request_now())
        return _activate(view, last_step_form(view.children, formdata=fields))
    except ChallengeRefused:
        return _elsewhere(ChallengeStage.PROVEN) or _to_start()


def _activate(view: LastStep, filled: LastStepForm) -> Answer:
    """Raises ChallengeRefused."""
    try:
        if not _is_valid(filled):
            return _last_page(view, filled, status=422)
        opened = service.activate(
            _secret(),
            filled.birth_dates(),
            filled.new_password.data or "",
            user_agent=sign_in.user_agent(),
            replacing=cookie_secret(),
            now=request_now(),
        )
    except (BirthDatesWrong, BirthDatesSpent, BirthDatesBlocked) as refusal:
        return _last_page(view, filled, status=422, refusal=_sentence(refusal, len(view.children)))
    except Busy as refusal:
        headers = {"Retry-After": str(refusal.seconds)}
        return _last_page(
            view, filled, status=503, refusal=sign_in.refusal_sentence(refusal), headers=headers
        )
    demande = sign_in.demande()
    next_url = (
        url_for("portal.activation_done")
        if demande is None
        else next_address(AccountState.ACTIVE, OpenedWith.CHOSEN, demande=demande)
    )
    response = redirect(next_url, 303)
    set_session_cookie(response, opened)
    response.delete_cookie(_cookie_name(), path="/", secure=current_settings().is_https, httponly=True)
    return response


def _is_valid(filled: LastStepForm) -> bool:
    """Every problem at once. Raises Busy, ChallengeRefused."""
    is_valid = filled.validate()
    if not filled.new_password.data:
        return False
    try:
        service.check_new_password(_secret(), filled.new_password.data, now=request_now())
    except PasswordRefused as refusal:
        filled.show_password_refusal(refusal)
        return False
    return is_valid


def _send_again() -> Answer:
    shown = CodeForm(formdata=None)
    try:
        service.send_another_code(_secret(), network=sign_in.request_network(), now=request_now())
    except ResendTooSoon as refusal:
        return _code_page(shown, status=422, refusal=sign_in.refusal_sentence(refusal))
    except FieldRefusal as refusal:
        shown.show(refusal)
        return _code_page(shown, status=422)
    except ChallengeRefused:
        return _to_start()
    flash(str(SENT_AGAIN))
    return redirect(url_for(".code_page", demande=sign_in.demande()), 303)


def _elsewhere(wanted: ChallengeStage) -> Response | None:
    """Where this browser's attempt really stands, if that is on another page than the one of `wanted`; None to stay."""
    stage = service.stage_of(_secret(), now=request_now())
    if stage is None:
        return _to_start()
    if stage is ChallengeStage.COMPLETED:
        flash(str(DONE_ALREADY))
        return redirect(url_for("sign_in.form", demande=sign_in.demande()), 303)
    is_proven = stage is ChallengeStage.PROVEN
    if is_proven == (wanted is ChallengeStage.PROVEN):
        return None
    page = ".last_step" if is_proven else ".code_page"
    return redirect(url_for(page, demande=sign_in.demande()), 303)


def _sentence(refusal: DomainError, children: int) -> str:
    if not isinstance(refusal, BirthDatesWrong):
        return str(gettext(refusal.sentence).format(**refusal.variables))
    wrong = (
        gettext(refusal.sentence)
        if children == 1
        else gettext("Une de ces dates n’est pas celle de l’école.")
    )
    left = ngettext(
        "Il vous reste %(num)d essai aujourd’hui.",
        "Il vous reste %(num)d essais aujourd’hui.",
        refusal.remaining,
    )
    return f"{wrong} {left}"


def _person_page(filled: PersonForm, *, status: int = 200) -> Page:
    return _page("phone_activation/person.html", status=status, form=filled)


def _code_page(filled: CodeForm, *, status: int = 200, refusal: str | None = None) -> Answer:
    try:
        view = service.view_code(_secret(), now=request_now())
    except ChallengeRefused:
        return _to_start()
    if view.is_over:
        # The page has no field any more that an error could belong to.
        filled, refusal = CodeForm(formdata=None), gettext(OneTimeCodeExpired.sentence)
    return _page(
        "phone_activation/code.html",
        status=status,
        form=filled,
        view=view,
        phone=shown_phone(view.phone),
        refusal=refusal,
    )


def _last_page(
    view: LastStep,
    filled: LastStepForm,
    *,
    status: int = 200,
    refusal: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Page:
    return _page(
        "phone_activation/last_step.html",
        status=status,
        headers=headers,
        form=filled,
        view=view,
        refusal=refusal,
        policy=gettext(POLICY_SENTENCE),
        criteria=[(gettext(rule.criterion), rule.pattern) for rule in PASSWORD_RULES if rule.pattern],
    )


def _page(template: str, *, status: int, headers: Mapping[str, str] | None = None, **shown: object) -> Page:
    carried = sign_in.carried_request()
    if carried is not None:
        sign_in.allow_redirect_to(carried)
    said = get_flashed_messages()
    page = render_template(
        template,
        carried=carried,
        demande=sign_in.demande(),
        notice=str(said[-1]) if said else None,
        sms_is_out=messaging.is_sms_out(now=request_now()),
        **shown,
    )
    return page, status, headers or {}


def _to_start() -> Response:
    return redirect(url_for(".form", demande=sign_in.demande()), 303)


def _keep_secret(response: Response, secret: str) -> None:
    response.set_cookie(
        _cookie_name(),
        secret,
        max_age=COOKIE_SECONDS,
        path="/",
        secure=current_settings().is_https,
        httponly=True,
        samesite="Lax",
    )


def _cookie_name() -> str:
    return f"__Host-{COOKIE_NAME}" if current_settings().is_https else COOKIE_NAME


def _secret() -> str:
    """Of the challenge that this browser began; empty when it sent none of a possible length."""
    secret = request.cookies.get(_cookie_name(), "")
    return secret if len(secret) <= LONGEST_COOKIE else ""


def _well_formed_fields() -> Mapping[str, str]:
    """The posted fields; 400 for what no page of ours sends, before anything is counted or hashed."""
    if has_strange_values(request.form.lists()):
        abort(400)
    return request.form
