"""Pages of livrets: the children, one child's periods, one bilan."""

from typing import Any

from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from livret_service.livrets import nomenclature, rules, service
from livret_service.livrets.rules import BilanKind
from livret_service.livrets.service import LivretNotFound
from livret_service.sign_in.views import current_reader
from shared.clock import request_now

blueprint = Blueprint("livrets", __name__)
TEMPLATES = {
    BilanKind.PERIODIQUE: "livrets/bilan_periodique.html",
    BilanKind.CYCLE: "livrets/bilan_cycle.html",
}


@blueprint.context_processor
def template_words() -> dict[str, Any]:
    """What the templates of livrets know besides their page: the words of codes, and the pure rules of dates."""
    return {"words": nomenclature, "rules": rules, "now": request_now()}


@blueprint.get("/livrets")
def children() -> ResponseReturnValue:
    """A card per child of the ID token."""
    livrets = service.livrets_of(current_reader(), now=request_now())
    return render_template("livrets/children.html", livrets=livrets)


@blueprint.get("/livrets/<child>")
def livret(child: str) -> ResponseReturnValue:
    """One child's years, periods and bilans de cycle; links to those of the other children."""
    reader = current_reader()
    try:
        found = service.livret_for(reader, child, now=request_now())
    except LivretNotFound:
        abort(404)
    livrets = service.livrets_of(reader, now=request_now())
    return render_template("livrets/livret.html", livret=found, livrets=livrets)


@blueprint.get("/livrets/<child>/<bilan>")
def bilan(child: str, bilan: str) -> ResponseReturnValue:
    """One bilan; an address of an older version leads to the current one, which says so."""
    reader = current_reader()
    try:
        found = service.bilan_for(reader, child, bilan, now=request_now())
    except LivretNotFound:
        abort(404)
    if found.is_replaced:
        return redirect(url_for(".bilan", child=child, bilan=found.summary.id, remplace=1))
    return render_template(TEMPLATES[found.summary.key.kind], bilan=found, child=reader.child(child))
