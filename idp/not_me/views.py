"""/ce-n-est-pas-moi: what happened, the two ways to prove it is one's account, and how to come back."""

from collections.abc import Mapping

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from werkzeug.wrappers import Response

from idp.devices.views import device_secret
from idp.errors import DomainError, FieldRefusal
from idp.forms import has_strange_values
from idp.not_me import service
from idp.not_me.forms import ChildForm, PasswordForm
from idp.not_me.rules import DateTriesSpent, NotMeView, Situation, UrlUnknown
from idp.notices.rules import NOT_ME_PATH, Notice
from idp.passwords.rules import Busy
from idp.sign_in import views as sign_in
from idp.sign_in.rules import SignInSlowed
from shared.clock import request_now

blueprint = Blueprint("not_me", __name__)

LONGEST_CODE = 64
LOST_PASSWORD_PATH = "/mot-de-passe-perdu"  # noqa: S105  # an address of recovery's
TOLD = {
    Notice.PASSWORD_CHANGED: _("Le mot de passe de votre compte a changé."),
    Notice.EMAIL_CHANGING: _("Une nouvelle adresse de courriel a été demandée pour votre compte."),
    Notice.EMAIL_CHANGED: _("L’adresse de courriel de votre compte a changé."),
    Notice.PHONE_CHANGED: _("Le téléphone de votre compte a changé."),
    Notice.NEW_DEVICE: _("Une connexion à votre compte a eu lieu depuis un nouvel appareil."),
    Notice.CHILDREN_CHANGED: _("La liste des enfants de votre compte a changé."),
    Notice.RECOVERY_DONE: _(
        "Le mot de passe de votre compte a été remplacé avec «\N{NO-BREAK SPACE}Mot de passe perdu\N{NO-BREAK SPACE}»."
    ),
    Notice.ACCOUNT_CLOSED: _("Votre compte a été fermé."),
    Notice.LETTER_REISSUED: _("L’école a émis un nouveau courrier pour votre compte."),
    Notice.NEW_SERVICE: _("Un service a reçu un accès à des données de votre compte."),
}
STATUS: dict[type[DomainError], int] = {DateTriesSpent: 429, SignInSlowed: 429, Busy: 503}
Page = tuple[str, int, Mapping[str, str]]


@blueprint.get(NOT_ME_PATH)
def form() -> Page:
    """What happened, and what can be done about it. Opening it changes nothing."""
    return _page(ChildForm(formdata=None), PasswordForm(formdata=None))


@blueprint.post(NOT_ME_PATH)
def submit() -> Response | Page:
    """The second proof: the account is frozen, and the same address then says how to come back."""
    if has_strange_values(request.form.lists()):
        abort(400)
    is_password = "password" in request.form
    child = ChildForm(formdata=None if is_password else request.form)
    password = PasswordForm(formdata=request.form if is_password else None)
    filled = password if is_password else child
    if not filled.validate():
        return _page(child, password, status=422)
    try:
        _freeze(child, password, is_password=is_password)
    except FieldRefusal as refusal:
        filled.show(refusal)
        return _page(child, password, status=422)
    except (DateTriesSpent, SignInSlowed, Busy) as refusal:
        return _page(child, password, status=STATUS[type(refusal)], refusal=refusal)
    except UrlUnknown:
        # Sent twice, or too old meanwhile: the page says which.
        return redirect(url_for(".form", code=_one_time_code()), 303)
    return redirect(url_for(".form", code=_one_time_code()), 303)


def _freeze(child: ChildForm, password: PasswordForm, *, is_password: bool) -> None:
    if not is_password:
        service.freeze_by_birth_date(_one_time_code(), child.birth_date(), now=request_now())
        return
    service.freeze_by_password(
        _one_time_code(),
        password.password.data or "",
        network=sign_in.request_network(),
        device_secret=device_secret(),
        now=request_now(),
    )


def _page(
    child: ChildForm,
    password: PasswordForm,
    *,
    status: int = 200,
    refusal: DateTriesSpent | SignInSlowed | Busy | None = None,
) -> Page:
    view = _view()
    page = render_template(
        "not_me/page.html" if view and view.situation is Situation.OPEN else "not_me/outcome.html",
        view=view,
        told=TOLD[view.notice] if view else None,
        form=password if password.errors else child,
        child_form=child,
        password_form=password,
        action=url_for(".submit", code=_one_time_code()),
        refusal=sign_in.refusal_sentence(refusal) if refusal else None,
        lost_password_url=LOST_PASSWORD_PATH,
        too_old=gettext(UrlUnknown.sentence),
    )
    headers = {"Retry-After": str(refusal.seconds)} if refusal and refusal.seconds else {}
    return page, status, headers


def _view() -> NotMeView | None:
    one_time_code = _one_time_code()
    return service.look_at(one_time_code, now=request_now()) if one_time_code else None


def _one_time_code() -> str:
    """The code of the mailed URL; empty when it cannot be one."""
    one_time_code = request.args.get("code", "")
    return one_time_code if len(one_time_code) <= LONGEST_CODE else ""
