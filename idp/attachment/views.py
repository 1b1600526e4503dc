"""/compte/enfants: one's own children, and attaching another account of one's own."""

from collections.abc import Mapping
from uuid import UUID

from flask import Blueprint, abort, flash, get_flashed_messages, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext

from idp.attachment import service
from idp.attachment.forms import OtherAccountForm
from idp.attachment.rules import AlreadyAttached, AttachRefused, OtherAccount, ProofLost
from idp.devices.views import device_secret
from idp.errors import DomainError
from idp.families import service as families
from idp.families.forms import BirthDateForm
from idp.families.merges import MergeNotUndone, NewerMergeFirst
from idp.families.rules import LinkState
from idp.forms import has_strange_values
from idp.passwords.rules import Busy
from idp.sessions.rules import CurrentSession
from idp.sessions.views import Answer, active_account_required, fresh_sign_in_required, full_session
from idp.sign_in import views as sign_in
from idp.sign_in.rules import AccountMerged, LetterExpired, SignInSlowed
from shared.clock import request_now
from shared.reopening import page_of_form

blueprint = Blueprint("attachment", __name__)

LONGEST_PROOF = 2000
# What a link's state means to a parent, with the kind of badge that says it.
LINK_WORDS = {
    LinkState.ACTIVE: (lazy_gettext("Vous avez accès à son dossier"), "ok"),
    LinkState.FROZEN: (lazy_gettext("Accès suspendu, l’école est prévenue"), "warn"),
    LinkState.DETACHED: (lazy_gettext("Vous n’avez plus accès à son dossier"), "quiet"),
}
ATTACHED = lazy_gettext("Les deux comptes sont regroupés. Vos enfants sont tous sur cette page.")
GIVEN_BACK = lazy_gettext(
    "Le regroupement est annulé. L’autre compte a retrouvé ses enfants, son identifiant et son mot de passe."
)


@blueprint.get("/compte/enfants")
@active_account_required
def children() -> Answer:
    """Every child of the account, since when and by whom; what was attached, and until when that can be undone."""
    return _children_page()


@blueprint.get("/compte/enfants/rattacher")
@fresh_sign_in_required
def form() -> Answer:
    """The other account's couple."""
    return _form_page(OtherAccountForm(formdata=None))


@blueprint.post("/compte/enfants/rattacher")
@fresh_sign_in_required
def submit() -> Answer:
    """Judge the couple; on to the birth date where a letter is all there is, else to what will happen."""
    if has_strange_values(request.form.lists()):
        abort(400)
    filled = OtherAccountForm(formdata=request.form)
    if not filled.validate():
        return _form_page(filled, status=422)
    session, now = _present_session(), request_now()
    try:
        sealed = service.prove_couple(
            session,
            filled.couple,
            network=sign_in.request_network(),
            device_secret=device_secret(),
            now=now,
        )
        proof = service.open_proof(session, sealed, now=now)
    except AlreadyAttached as done:
        return _to_children(gettext(done.sentence))
    except (AttachRefused, AccountMerged, LetterExpired, SignInSlowed, Busy) as refusal:
        return _refused_form(filled, refusal)
    next_step = ".preview" if proof.is_complete else ".birth_date"
    return redirect(url_for(next_step, preuve=sealed, demande=sign_in.demande()), 303)


@blueprint.get("/compte/enfants/rattacher/naissance")
@fresh_sign_in_required
def birth_date() -> Answer:
    """The birth date of the child that the other account's letter is filed under."""
    try:
        proof = _proof()
    except ProofLost as lost:
        return _form_page(OtherAccountForm(formdata=None), refusal=lost)
    return _birth_date_page(proof, BirthDateForm(formdata=None))


@blueprint.post("/compte/enfants/rattacher/naissance")
@fresh_sign_in_required
def submit_birth_date() -> Answer:
    """The date; a wrong one costs a try."""
    if has_strange_values(request.form.lists()):
        abort(400)
    filled = BirthDateForm(formdata=request.form)
    try:
        proof = _proof()
        if not filled.validate():
            return _birth_date_page(proof, filled, status=422)
        sealed = service.prove_birth_date(
            _present_session(), _sealed(), filled.birth_date(), now=request_now()
        )
    except ProofLost as lost:
        return _form_page(OtherAccountForm(formdata=None), status=422, refusal=lost)
    except AttachRefused as refusal:
        return _birth_date_page(proof, filled, status=422, refusal=refusal)
    return redirect(url_for(".preview", preuve=sealed, demande=sign_in.demande()), 303)


@blueprint.get("/compte/enfants/rattacher/confirmer")
@fresh_sign_in_required
def preview() -> Answer:
    """What will happen: which children come, which account closes, what stays."""
    try:
        proof = _proof()
    except ProofLost as lost:
        return _form_page(OtherAccountForm(formdata=None), refusal=lost)
    if not proof.is_complete:
        return redirect(url_for(".birth_date", preuve=_sealed(), demande=sign_in.demande()), 303)
    try:
        view = service.preview(_present_session(), proof)
    except AlreadyAttached as done:
        return _to_children(gettext(done.sentence))
    return render_template(
        "attachment/preview.html",
        session=_present_session(),
        view=view,
        sealed=_sealed(),
        demande=sign_in.demande(),
    )


@blueprint.post("/compte/enfants/rattacher/confirmer")
@fresh_sign_in_required
def confirm() -> Answer:
    """Attach; sent twice, the second says that it is done."""
    try:
        service.attach(_present_session(), _sealed(), now=request_now())
    except AlreadyAttached as done:
        return _to_children(gettext(done.sentence))
    except (AttachRefused, ProofLost) as refusal:
        return _form_page(OtherAccountForm(formdata=None), status=422, refusal=refusal)
    return _to_children(str(ATTACHED))


@blueprint.post("/compte/enfants/regroupements/<uuid:merge_id>/annuler")
@page_of_form("attachment.children")
@active_account_required
def undo(merge_id: UUID) -> Answer:
    """Give the other account back."""
    try:
        service.undo_attach(_present_session(), merge_id, now=request_now())
    except (MergeNotUndone, NewerMergeFirst) as refusal:
        return _children_page(refusal=refusal, status=422)
    return _to_children(str(GIVEN_BACK))


def _present_session() -> CurrentSession:
    """Whose account this is; a guard let the request in."""
    session = full_session()
    assert session is not None  # noqa: S101
    return session


def _to_children(notice: str) -> Answer:
    """To the list of children, which says once what was done."""
    flash(notice)
    return redirect(url_for(".children", demande=sign_in.demande()), 303)


def _sealed() -> str:
    sealed = request.args.get("preuve", "")
    return sealed if len(sealed) <= LONGEST_PROOF else ""


def _proof() -> OtherAccount:
    """What the page's address carries. Raises ProofLost."""
    return service.open_proof(_present_session(), _sealed(), now=request_now())


def _children_page(*, refusal: DomainError | None = None, status: int = 200) -> tuple[str, int]:
    view = service.view_children(_present_session())
    said = get_flashed_messages()
    page = render_template(
        "attachment/children.html",
        view=view,
        link_words=LINK_WORDS,
        now=request_now(),
        refusal=gettext(refusal.sentence) if refusal else None,
        notice=str(said[-1]) if said else None,
        demande=sign_in.demande(),
    )
    return page, status


def _form_page(
    filled: OtherAccountForm,
    *,
    status: int = 200,
    refusal: DomainError | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[str, int, Mapping[str, str]]:
    page = render_template(
        "attachment/form.html",
        form=filled,
        refusal=sign_in.refusal_sentence(refusal) if refusal else None,
        is_wrong_couple=isinstance(refusal, AttachRefused),
        # The letter's school where the letter is at fault, else one's own.
        school=getattr(refusal, "school", None) or families.school_contact(_present_session().account_id),
        demande=sign_in.demande(),
    )
    return page, status, headers or {}


def _refused_form(filled: OtherAccountForm, refusal: DomainError) -> tuple[str, int, Mapping[str, str]]:
    seconds = getattr(refusal, "seconds", None)
    return _form_page(
        filled,
        status=sign_in.REFUSAL_STATUS.get(type(refusal), 422),
        refusal=refusal,
        headers={"Retry-After": str(seconds)} if seconds else None,
    )


def _birth_date_page(
    proof: OtherAccount, filled: BirthDateForm, *, status: int = 200, refusal: DomainError | None = None
) -> tuple[str, int]:
    child = service.child_to_date(proof)
    page = render_template(
        "attachment/birth_date.html",
        form=filled,
        child=child,
        refusal=gettext(refusal.sentence) if refusal else None,
        school=families.school_contact(_present_session().account_id),
        sealed=_sealed(),
        demande=sign_in.demande(),
    )
    return page, status
