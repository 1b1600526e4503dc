"""What a person sees when a request fails: what happened, what to do, a way out, a reference. Never a trace."""

from dataclasses import dataclass

import structlog
from flask import Flask, current_app, g, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from shared.csrf import comes_from_elsewhere
from shared.logging import request_reference
from shared.pages import current_pages, host_is_refused, own_path
from shared.reopening import answer_again


@dataclass(frozen=True, slots=True)
class ErrorText:
    """The words of one error page, in French, translated when shown."""

    title: str
    explanation: str
    advice: str


TEXTS: dict[int, ErrorText] = {
    400: ErrorText(
        lazy_gettext("Cette demande n’a pas pu être lue"),
        lazy_gettext("L’adresse ou les informations envoyées sont incomplètes."),
        lazy_gettext(
            "Si vous avez suivi un lien, copiez-le en entier dans la barre d’adresse. Sinon, repartez de l’accueil."
        ),
    ),
    403: ErrorText(
        lazy_gettext("Vous n’avez pas accès à cette page"),
        lazy_gettext("Votre compte ne permet pas de l’ouvrir."),
        lazy_gettext("Si vous avez plusieurs comptes, connectez-vous avec l’autre."),
    ),
    404: ErrorText(
        lazy_gettext("Cette page n’existe pas"),
        lazy_gettext("L’adresse est peut-être mal recopiée, ou la page n’est plus là."),
        lazy_gettext("Vérifiez l’adresse, ou repartez de l’accueil."),
    ),
    405: ErrorText(
        lazy_gettext("Cette page ne s’ouvre pas de cette façon"),
        lazy_gettext("Elle attend un formulaire rempli."),
        lazy_gettext("Repartez de l’accueil, puis suivez les boutons."),
    ),
    413: ErrorText(
        lazy_gettext("L’envoi est trop volumineux"),
        lazy_gettext("Rien n’a été enregistré."),
        lazy_gettext("Revenez à la page précédente et envoyez un texte plus court."),
    ),
    429: ErrorText(
        lazy_gettext("Trop de demandes en peu de temps"),
        lazy_gettext("Pour protéger les comptes, nous faisons une pause."),
        lazy_gettext("Attendez quelques minutes, puis recommencez."),
    ),
    500: ErrorText(
        lazy_gettext("Quelque chose n’a pas marché de notre côté"),
        lazy_gettext("Ce n’est pas de votre fait."),
        lazy_gettext("Réessayez dans quelques minutes. Si cela continue, donnez la référence à l’école."),
    ),
    503: ErrorText(
        lazy_gettext("Le service est momentanément indisponible"),
        lazy_gettext("Beaucoup de personnes se connectent, ou une maintenance est en cours."),
        lazy_gettext("Réessayez dans quelques minutes. Rien n’est perdu."),
    ),
}
DATABASE_DOWN = ErrorText(
    lazy_gettext("Le service est momentanément indisponible"),
    lazy_gettext("Il ne peut pas lire ses données en ce moment. Ce n’est pas de votre fait."),
    lazy_gettext("Réessayez dans quelques minutes. Ce qui était enregistré ne se perd pas."),
)
FORM_EXPIRED = ErrorText(
    lazy_gettext("Ce formulaire n’est plus valable"),
    lazy_gettext("La page est restée ouverte longtemps, ou votre navigateur refuse les cookies."),
    lazy_gettext(
        "Rouvrez la page, puis remplissez-la de nouveau. Acceptez les cookies de ce site si on vous le demande."
    ),
)
HOST_REFUSED = ErrorText(
    lazy_gettext("Cette adresse n’est pas la nôtre"),
    lazy_gettext("Le nom de site que vous avez utilisé n’est pas celui de ce service."),
    lazy_gettext("Utilisez l’adresse qui figure sur le courrier de l’école."),
)
RETRY_AFTER_SECONDS = 10
LOG = structlog.get_logger("errors")


def init_error_pages(app: Flask) -> None:
    """Answer every failure of the application with a page, or JSON when the caller asks for it."""
    app.register_error_handler(CSRFError, show_form_expired)
    app.register_error_handler(HTTPException, show_http_error)
    for failure in (OperationalError, InterfaceError, PoolTimeout):
        app.register_error_handler(failure, show_database_down)
    app.register_error_handler(Exception, show_unexpected)


def show_http_error(error: HTTPException) -> ResponseReturnValue:
    """A refusal that Flask or a view raised. Codes without words of their own borrow 400's or 500's."""
    if error.response is not None or (error.code or 500) < 400:
        return error
    status = error.code or 500
    text = HOST_REFUSED if host_is_refused() else text_for(status)
    return error_answer(status, text, kept=kept_headers(error))


def show_form_expired(error: CSRFError) -> ResponseReturnValue:
    """A lost or old form token: the same form as it was typed, and nothing was done.

    What another site's page posts is not shown in ours: somebody else may have typed it.
    """
    is_our_own = not (wants_json() or host_is_refused() or comes_from_elsewhere())
    again = answer_again() if is_our_own else None
    return again or error_answer(error.code or 400, FORM_EXPIRED, retry_url=reopening_url())


def reopening_url() -> str | None:
    """This page's own address when it can be opened again; None when it only takes posts."""
    if not current_app.url_map.bind("").test(request.path, "GET"):
        return None
    return own_path(request.full_path.rstrip("?"))


def show_database_down(error: Exception) -> ResponseReturnValue:
    """No database, or none in time: 503 for whoever tries again, and nothing more is looked up for the page."""
    # The driver's own words alone: a statement's values are people's.
    LOG.error("database_unavailable", reason=str(getattr(error, "orig", error)))
    g.database_is_down = True
    return error_answer(503, DATABASE_DOWN, kept={"Retry-After": str(RETRY_AFTER_SECONDS)})


def show_unexpected(error: Exception) -> ResponseReturnValue:
    """A failure nobody foresaw: logged with its trace, shown without."""
    LOG.error("unexpected", exc_info=error)
    return error_answer(500, TEXTS[500])


def text_for(status: int) -> ErrorText:
    """The words for a status."""
    return TEXTS.get(status) or TEXTS[400 if status < 500 else 500]


def kept_headers(error: HTTPException) -> dict[str, str]:
    """The headers of a refusal that the protocol needs: `Allow` of a 405, `Retry-After`."""
    return {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}}


def error_answer(
    status: int,
    text: ErrorText,
    *,
    retry_url: str | None = None,
    kept: dict[str, str] | None = None,
) -> ResponseReturnValue:
    """The answer, page or JSON, with the reference that the log carries."""
    headers = kept or {}
    if wants_json():
        return jsonify(error=status, reference=request_reference()), status, headers
    page = render_template(
        "theme/error.html",
        page_title=text.title,
        text=text,
        reference=request_reference(),
        retry_url=retry_url,
        home_url=current_pages(current_app).home_url,
    )
    return page, status, headers


def wants_json() -> bool:
    """Whether the caller is a program that asked for JSON."""
    accepted = request.accept_mimetypes
    return accepted.best_match(["text/html", "application/json"]) == "application/json"
