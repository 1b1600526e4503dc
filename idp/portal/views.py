"""Portal, help, legal pages, and what follows an activation without a waiting service."""

from collections.abc import Sequence

from flask import Blueprint, redirect, render_template, url_for
from flask_babel import lazy_gettext

from idp.accounts.rules import AccountId
from idp.families import service as families
from idp.my_account import service as my_account
from idp.portal import service
from idp.sessions.views import Answer, active_account_required, current_session, full_session
from idp.settings import current as current_settings
from shared.pages import NavigationEntry

blueprint = Blueprint("portal", __name__)


def navigation() -> Sequence[NavigationEntry]:
    """The header's entries: services, account and the way out for who is signed in; nothing during activation."""
    if full_session() is None:
        return ()
    return (
        NavigationEntry(lazy_gettext("Services"), "/"),
        NavigationEntry(lazy_gettext("Mon compte"), "/compte"),
        NavigationEntry(lazy_gettext("Se déconnecter"), "/deconnexion", post=True),
    )


@blueprint.get("/")
def home() -> Answer:
    """The portal: sign in, activate, manage; and the services that the account opens."""
    return render_template(
        "portal/home.html",
        session=current_session(),
        services=service.list_services(current_settings().issuer),
        activates_by_phone=current_settings().activates_by_phone,
    )


@blueprint.get("/.well-known/change-password")
def change_password() -> Answer:
    """Where password managers send people (W3C « A Well-Known URL for Changing Passwords »)."""
    return redirect(url_for("my_password.form"), 303)


@blueprint.get("/aide")
def help_page() -> Answer:
    """Ten questions in the parents' words; the school's contact once we know who asks."""
    session = current_session()
    school = families.school_contact(AccountId(session.account_id)) if session else None
    return render_template("portal/help.html", school=school, settings=current_settings())


@blueprint.get("/activation/terminee")
@active_account_required
def activation_done() -> Answer:
    """The account is active and no service waits: what to keep, whom it opens, where to go."""
    session = full_session()
    assert session is not None  # noqa: S101  # the guard let this request in
    sheet = my_account.account_sheet(AccountId(session.account_id))
    return render_template(
        "portal/activation_done.html", sheet=sheet, services=service.list_services(current_settings().issuer)
    )


@blueprint.get("/accessibilite")
def accessibility() -> Answer:
    """The declaration: not conforming until a person has audited."""
    return render_template("portal/accessibility.html", settings=current_settings())


@blueprint.get("/mentions-legales")
def legal_notice() -> Answer:
    """Who publishes and who hosts, from the settings."""
    return render_template("portal/legal_notice.html", settings=current_settings())


@blueprint.get("/donnees-personnelles")
def personal_data() -> Answer:
    """What is kept, why, how long, and whom to ask."""
    return render_template("portal/personal_data.html", settings=current_settings())
