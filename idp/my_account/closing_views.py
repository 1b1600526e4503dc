"""/compte/fermer: closing one's account."""

from flask import Blueprint, redirect, render_template, url_for

from idp.accounts.rules import AccountId
from idp.families import service as families
from idp.my_account import closing
from idp.my_account.pages import present_session, refuse_strange_values
from idp.sessions.views import Answer, clear_session_cookie, fresh_sign_in_required
from shared.clock import request_now

blueprint = Blueprint("my_closing", __name__)


@blueprint.get("/compte/fermer")
@fresh_sign_in_required
def form() -> Answer:
    """What closing does, and the button."""
    session = present_session()
    school = families.school_contact(AccountId(session.account_id))
    return render_template("my_account/close.html", session=session, school=school)


@blueprint.post("/compte/fermer")
@fresh_sign_in_required
def submit() -> Answer:
    """The account is closed; whoever presses twice is told the same."""
    refuse_strange_values()
    closing.close(present_session(), now=request_now())
    response = redirect(url_for(".closed"), 303)
    clear_session_cookie(response)
    return response


@blueprint.get("/compte/ferme")
def closed() -> Answer:
    """What has just been done; nothing here knows who did it."""
    return render_template("my_account/closed.html")
