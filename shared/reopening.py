"""A form that could not be taken is shown again as it was typed: its token was lost, or one must first sign in again.

The view that takes the post never runs. The page's own GET view does, which changes nothing, and its forms ask here
for what was typed: so no view can forget it, and none can act.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar, cast

import flask
from flask import Response, current_app, g, make_response, request
from flask_babel import gettext
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import HTTPException

from shared.clock import request_now
from shared.sealing import SealBroken, derive_key, seal, unseal

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")

KEPT_FIELDS = frozenset(
    {
        "identifier",
        "other_identifier",
        "family_name",
        "given_name",
        "email",
        "email_confirmation",
        "phone",
        "contact",
        "channel",
        "birth_day",
        "birth_month",
        "birth_year",
        "link",
    }
)
"""What is shown again, a closed list: no password and no code is ever on it."""

LONGEST_KEPT = 400
LONGEST_SEALED = 2500
KEPT_FOR = timedelta(hours=1)
COOKIE_FIELD = "typed"
"""Where the form cookie keeps what was typed, sealed, while its person signs in again."""
PAGE_MARK = "page_of_form"


def page_of_form(endpoint: str) -> Callable[[Callable[Parameters, Answer]], Callable[Parameters, Answer]]:
    """Say on which page the form of an address stands that cannot itself be opened."""

    def mark(view: Callable[Parameters, Answer]) -> Callable[Parameters, Answer]:
        setattr(view, PAGE_MARK, endpoint)
        return view

    return mark


def typed() -> ImmutableMultiDict[str, str] | None:
    """What was typed into the form that this page shows again; None on any other page."""
    return cast("ImmutableMultiDict[str, str] | None", g.get("typed"))


def show_typed(values: Mapping[str, str]) -> None:
    """Let the forms of this answer show these values."""
    g.typed = ImmutableMultiDict(values)


def kept_values() -> dict[str, str]:
    """What may be shown again of the present post; nothing that a page of ours could not have sent."""
    return {
        name: values[0]
        for name, values in request.form.lists()
        if is_kept(name) and len(values) == 1 and len(values[0]) <= LONGEST_KEPT and "\0" not in values[0]
    }


def keep_typed(owner: str, path: str) -> None:
    """Keep what was posted here until this person opens the page at `path` again, an hour at most.

    Sealed in the form cookie: no address and no log ever holds it, and nobody else's session opens it.
    """
    values = kept_values() if request.method == "POST" else dict(typed() or {})
    if not any(values.values()):
        return
    until = (request_now() + KEPT_FOR).timestamp()
    written = seal(json.dumps([until, values]).encode(), key=_key(), associated=_whose(owner, path))
    sealed = base64.b64encode(written).decode()
    if len(sealed) <= LONGEST_SEALED:
        flask.session[COOKIE_FIELD] = sealed


def bring_back(owner: str) -> None:
    """Let the page that is being opened show what was kept for it; once."""
    if request.method != "GET" or typed() is not None or COOKIE_FIELD not in flask.session:
        return
    try:
        written = base64.b64decode(flask.session[COOKIE_FIELD])
        until, values = json.loads(unseal(written, key=_key(), associated=_whose(owner, request.path)))
    except (SealBroken, binascii.Error):
        return
    del flask.session[COOKIE_FIELD]
    if request_now().timestamp() <= until:
        show_typed(values)


def _key() -> bytes:
    return derive_key(str(current_app.secret_key).encode(), "typed values")


def _whose(owner: str, path: str) -> bytes:
    return f"{owner} {path}".encode()


def is_kept(name: str) -> bool:
    """Whether a field is on the list; the boxes of several children's dates bear a number behind the name."""
    return name in KEPT_FIELDS or name.rpartition("_")[0] in KEPT_FIELDS


def refused_post() -> str | None:
    """The sentence of a page whose form came without its token; None on any other page."""
    if not g.get("post_was_refused"):
        return None
    return str(
        gettext(
            "Rien n’a été fait, car la page était ouverte depuis longtemps ou votre navigateur refuse les cookies"
            "\N{NO-BREAK SPACE}: recommencez depuis cette page."
        )
    )


def answer_again() -> Response | None:
    """The page of a form that came without its token, as opening it would answer: 400 where it shows the form.

    None when no page of ours has this form.
    """
    page = form_page()
    if page is None:
        return None
    g.post_was_refused = True
    show_typed(kept_values())
    response = make_response(run_as_get(*page))
    if response.status_code == 200:
        response.status_code = 400
    return response


def form_page() -> tuple[str, Mapping[str, Any]] | None:
    """The GET endpoint where the present form stands, with its arguments; None when there is none."""
    try:
        endpoint, arguments = current_app.url_map.bind("").match(request.path, method="GET")
    except HTTPException:
        marked = getattr(current_app.view_functions.get(request.endpoint or ""), PAGE_MARK, None)
        return (marked, {}) if marked else None
    return endpoint, arguments


def run_as_get(endpoint: str, arguments: Mapping[str, Any]) -> Any:
    """What the view answers to who opens its page; its refusals become their pages."""
    posted, request.method = request.method, "GET"
    try:
        return current_app.ensure_sync(current_app.view_functions[endpoint])(**arguments)
    except Exception as refusal:  # noqa: BLE001  # an error handler asks: whatever comes has to be answered here
        return current_app.handle_user_exception(refusal)
    finally:
        request.method = posted
