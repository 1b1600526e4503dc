"""/activation/signaler and /compte/enfants/<link>/signaler: a page that asks, and the button that acts."""

import contextlib
from collections.abc import Sequence
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from idp.families import service as families
from idp.families.rules import LINK_FROZEN, LinkSheet, LinkState
from idp.families.service import LinkNotFound
from idp.forms import has_strange_values
from idp.link_disputes import service
from idp.link_disputes.forms import DisputeForm
from idp.sessions.rules import CurrentSession, Stage
from idp.sessions.views import Answer, active_account_required, current_session, full_session, next_address
from idp.sign_in import views as sign_in
from shared.clock import request_now

blueprint = Blueprint("link_disputes", __name__)


@blueprint.get("/activation/signaler")
def form() -> Response | tuple[str, int]:
    """Whom the letter names; every child where it names several."""
    session = current_session()
    if session is None or session.stage is not Stage.ACTIVATION_FORM:
        return _elsewhere(session)
    links = service.disputable_links(session)
    if not links:
        return redirect(url_for("activation.form", demande=sign_in.demande()), 303)
    return _page(session, links, DisputeForm(formdata=None))


@blueprint.post("/activation/signaler")
def submit() -> Response | tuple[str, int]:
    """Freeze the named link; the form goes on with the other children, and stops where none is left."""
    session = current_session()
    if session is None or session.stage is not Stage.ACTIVATION_FORM:
        return _elsewhere(session)
    filled = _filled()
    link_id = filled.link_id()
    links = service.disputable_links(session)
    if link_id is None and links:
        return _page(session, links, filled, status=422)
    if link_id is not None:
        _dispute(session, link_id)
    return redirect(_activation(), 303)


def _dispute(session: CurrentSession, link_id: UUID) -> None:
    """Sent twice, the second one finds nothing to do, and says so."""
    try:
        reference = service.dispute(session, link_id, now=request_now())
    except LinkNotFound as refusal:
        flash(gettext(refusal.sentence))
        return
    flash(gettext(LINK_FROZEN).format(n=reference))


@blueprint.get("/compte/enfants/<uuid:link_id>/signaler")
@active_account_required
def own_form(link_id: UUID) -> Answer:
    """One child of one's own account, or what was reported of it; 404 for any other, whatever it is."""
    session = _signed_in()
    link = families.find_link(session.account_id, link_id)
    references = service.references_of(session, link) if link is not None else ()
    if link is None or (link.state is not LinkState.ACTIVE and not references):
        abort(404)
    return render_template(
        "link_disputes/form.html",
        form=DisputeForm(formdata=None),
        links=(link,),
        reported=[gettext(LINK_FROZEN).format(n=reference) for reference in references],
        action=url_for(".own_submit", link_id=link_id),
        back=url_for("attachment.children"),
        school=families.school_contact(session.account_id),
    )


@blueprint.post("/compte/enfants/<uuid:link_id>/signaler")
@active_account_required
def own_submit(link_id: UUID) -> Answer:
    """Freeze that link, whatever the form names; the other children stay. The page after it tells the reference."""
    session = _signed_in()
    _filled()
    if families.find_link(session.account_id, link_id) is None:
        abort(404)
    with contextlib.suppress(LinkNotFound):
        service.dispute(session, link_id, now=request_now())
    return redirect(url_for(".own_form", link_id=link_id), 303)


def _page(
    session: CurrentSession, links: Sequence[LinkSheet], filled: DisputeForm, *, status: int = 200
) -> tuple[str, int]:
    page = render_template(
        "link_disputes/form.html",
        form=filled,
        links=links,
        action=url_for(".submit", demande=sign_in.demande()),
        back=_activation(),
        school=families.school_contact(session.account_id),
    )
    return page, status


def _filled() -> DisputeForm:
    """The posted form; 400 for what no page of ours sends."""
    if has_strange_values(request.form.lists()):
        abort(400)
    return DisputeForm(formdata=request.form)


def _elsewhere(session: CurrentSession | None) -> Response:
    """Without the letter's sign-in there is nothing to report here."""
    if session is None:
        return redirect(_activation(), 303)
    return redirect(next_address(session.state, session.opened_with, demande=sign_in.demande()), 303)


def _activation() -> str:
    return url_for("activation.form", demande=sign_in.demande())


def _signed_in() -> CurrentSession:
    session = full_session()
    assert session is not None  # noqa: S101  # the guard let this request in
    return session
