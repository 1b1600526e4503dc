"""/compte/journal: what happened to the account; /compte/mes-donnees: all of it, to take away."""

import json

from flask import Blueprint, make_response, render_template, request, url_for

from idp.my_account import journal, own_data
from idp.my_account.pages import present_session
from idp.my_account.sentences import SENTENCES, sentence_of
from idp.sessions.views import Answer, active_account_required, fresh_sign_in_required
from shared.clock import request_now

blueprint = Blueprint("my_journal", __name__)


@blueprint.get("/compte/journal")
@active_account_required
def listed() -> Answer:
    """The account's own events as sentences, the latest first, paged by links."""
    read = journal.read_page(present_session().account_id, SENTENCES, request.args.get("page", 1, type=int))
    return render_template(
        "my_account/journal.html",
        read=read,
        told=[(entry.recorded_at, sentence_of(entry.name, entry.details)) for entry in read.entries],
        page_url=lambda page: url_for(".listed", page=page),
    )


@blueprint.get("/compte/mes-donnees")
@fresh_sign_in_required
def data() -> Answer:
    """What the file holds, and the way to it."""
    return render_template("my_account/data.html")


@blueprint.get("/compte/mes-donnees/fichier")
@fresh_sign_in_required
def file() -> Answer:
    """One file that people read in any browser and machines in its last part; nothing is kept of the download."""
    collected = own_data.collect(present_session().account_id, now=request_now())
    page = render_template(
        "my_account/data_file.html",
        collected=collected,
        written=json.dumps(collected, ensure_ascii=False, indent=2),
        now=request_now(),
    )
    response = make_response(page)
    response.headers["Content-Disposition"] = 'attachment; filename="mes-donnees.html"'
    return response
