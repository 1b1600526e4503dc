"""`/compte`: one's own account."""

from flask import Blueprint, render_template
from flask_babel import lazy_gettext

from idp.accounts.rules import AccountId
from idp.families.rules import LinkState
from idp.my_account import service
from idp.sessions.views import Answer, active_account_required, full_session

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
    """The account of the session: who, which address, which children."""
    session = full_session()
    assert session is not None  # noqa: S101  # the guard let this request in
    sheet = service.account_sheet(AccountId(session.account_id))
    return render_template("my_account/home.html", sheet=sheet, link_words=LINK_WORDS)
