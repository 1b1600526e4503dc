"""The one page for whoever must wait, wherever they tried; forms that can say it themselves do."""

from flask import Flask
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext, ngettext

from idp.throttling.rules import TooManyAttempts
from shared.error_pages import ErrorText, error_answer, reopening_url

TITLE = lazy_gettext("Trop d’essais en peu de temps")
EXPLANATION = lazy_gettext("Pour protéger les comptes, nous faisons une pause. Rien n’est perdu ni bloqué.")
NO_WAIT_HELPS = lazy_gettext("Attendre ne suffit pas cette fois. Adressez-vous à l’école de votre enfant.")
MINUTE, HOUR = 60, 3600


def init_throttling_page(app: Flask) -> None:
    """Answer every attempt that no view answered itself: 429, the time to wait, and `Retry-After`."""
    app.register_error_handler(TooManyAttempts, show_too_many_attempts)


def show_too_many_attempts(error: TooManyAttempts) -> ResponseReturnValue:
    """RFC 6585 4: what to wait for, in words and in seconds; without a wait that helps, whom to ask."""
    if error.seconds is None:
        return error_answer(429, ErrorText(TITLE, EXPLANATION, NO_WAIT_HELPS))
    advice = gettext("Réessayez dans %(wait)s.", wait=wait_in_words(error.seconds))
    return error_answer(
        429,
        ErrorText(TITLE, EXPLANATION, advice),
        retry_url=reopening_url(),
        kept={"Retry-After": str(error.seconds)},
    )


def wait_in_words(seconds: int) -> str:
    """« 30 secondes », « 2 minutes », « 1 heure »: rounded up, in the reader's language."""
    if seconds < MINUTE:
        return str(ngettext("%(num)s seconde", "%(num)s secondes", seconds))
    if seconds <= HOUR - MINUTE:
        return str(ngettext("%(num)s minute", "%(num)s minutes", -(-seconds // MINUTE)))
    return str(ngettext("%(num)s heure", "%(num)s heures", -(-seconds // HOUR)))
