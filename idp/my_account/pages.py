"""What the views of one's own account share: whose it is, what was just done, a refusal that must wait."""

from collections.abc import Mapping

from flask import abort, flash, get_flashed_messages, request
from werkzeug.wrappers import Response as BaseResponse

from idp.errors import DomainError
from idp.forms import has_strange_values
from idp.passwords.rules import Busy
from idp.sessions.rules import CurrentSession
from idp.sessions.service import OpenedSession
from idp.sessions.views import full_session, set_session_cookie
from idp.sign_in import views as sign_in
from idp.sign_in.rules import SignInSlowed

Page = tuple[str, int] | tuple[str, int, Mapping[str, str]]
Slowed = SignInSlowed | Busy


def present_session() -> CurrentSession:
    """Whose account this is; a guard let the request in."""
    session = full_session()
    assert session is not None  # noqa: S101
    return session


def refuse_strange_values() -> None:
    """400 for what no page of ours sends, before anything is read."""
    if has_strange_values(request.form.lists()):
        abort(400)


def say(sentence: str) -> None:
    """What has just been done, said once on the next page."""
    flash(sentence)


def said() -> str | None:
    """What the page before did; None when there is nothing to say."""
    sentences = get_flashed_messages()
    return str(sentences[-1]) if sentences else None


def slowed(error: Slowed) -> tuple[int, str, dict[str, str]]:
    """Status, sentence and headers for who must come back later."""
    status = sign_in.REFUSAL_STATUS[type(error)]
    return status, sign_in.refusal_sentence(error), {"Retry-After": str(error.seconds)}


def sentence_of(error: DomainError) -> str:
    """A refusal in the reader's language."""
    return sign_in.refusal_sentence(error)


def with_session(response: BaseResponse, opened: OpenedSession | None) -> BaseResponse:
    """Hand the session's new secret to the browser; one that has ended meanwhile has none."""
    if opened is not None:
        set_session_cookie(response, opened)
    return response
