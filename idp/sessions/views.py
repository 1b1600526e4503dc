"""The session cookie, the session of the present request, and the guards of other features' pages."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import wraps
from typing import ParamSpec, cast

import flask
from flask import Response, current_app, g, redirect, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from idp.accounts.rules import AccountState
from idp.sessions import service
from idp.sessions.rules import TOUCH_EVERY, CurrentSession, FormerSession, OpenedWith, Stage, stage_of
from idp.sessions.service import OpenedSession
from idp.settings import current as current_settings
from shared.clock import request_now
from shared.pages import LANGUAGES, IdleEnd, chosen_language
from shared.reopening import bring_back, keep_typed
from shared.secrets import new_secret

COOKIE_NAME = "idp_session"
BROWSER_STATE_NAME = "idp_browser_state"
BROWSER_STATE = re.compile(r"[A-Za-z0-9_-]{43}")
LONGEST_COOKIE = 64
CSRF_FIELD = "csrf_token"
FRESH_SIGN_IN_MARK = "asks_fresh_sign_in"
ACCOUNT_PAGE_MARK = "asks_active_account"
LONGEST_PATH = 300

Parameters = ParamSpec("Parameters")
Answer = str | BaseResponse | tuple[str, int] | tuple[str, int, Mapping[str, str]]


def cookie_name() -> str:
    """`__Host-` under https, where a browser then refuses it from a sibling host or over http."""
    return f"__Host-{COOKIE_NAME}" if current_settings().is_https else COOKIE_NAME


def cookie_secret() -> str | None:
    """The secret that the browser sent, living or not; None when it sent none of a possible length."""
    secret = request.cookies.get(cookie_name(), "")
    return secret if 0 < len(secret) <= LONGEST_COOKIE else None


def set_session_cookie(response: Response | BaseResponse, opened: OpenedSession) -> None:
    """Hand the new session to the browser, and change its form token with it.

    A session cookie without an end: the server decides how long it lives.
    """
    response.set_cookie(
        cookie_name(),
        opened.session_id,
        path="/",
        secure=current_settings().is_https,
        httponly=True,
        samesite="Lax",
    )
    forget_session()
    renew_csrf_token()
    renew_browser_state(response)


def clear_session_cookie(response: Response | BaseResponse) -> None:
    """Take the cookie back, and the form token that went with it."""
    response.delete_cookie(
        cookie_name(), path="/", secure=current_settings().is_https, httponly=True, samesite="Lax"
    )
    forget_session()
    renew_csrf_token()
    renew_browser_state(response)


def renew_csrf_token() -> None:
    """Forms served before a change of rights are refused after it (login CSRF, another person's forms)."""
    flask.session.pop(CSRF_FIELD, None)
    g.pop(CSRF_FIELD, None)


def browser_state_cookie() -> str:
    """Its name; `__Host-` under https, so that no sibling host can write it."""
    return f"__Host-{BROWSER_STATE_NAME}" if current_settings().is_https else BROWSER_STATE_NAME


def browser_state() -> str:
    """What services watch this browser's sign-in by (Session Management 3.2); a new one when it has none."""
    sent = request.cookies.get(browser_state_cookie(), "")
    if "browser_state" not in g:
        g.browser_state = sent if BROWSER_STATE.fullmatch(sent) else new_secret()
    return cast("str", g.browser_state)


def set_browser_state(response: Response | BaseResponse) -> None:
    """Hand the browser its state: random, bound to nothing, opens nothing.

    Read by our own script inside services' pages: hence for other sites, and not HttpOnly. It ends with the longest
    session, so that services see a change then at the latest.
    """
    response.set_cookie(
        browser_state_cookie(),
        browser_state(),
        max_age=current_settings().session_hours * 3600,
        path="/",
        secure=True,
        samesite="None",
    )


def renew_browser_state(response: Response | BaseResponse) -> None:
    """Another state: who is signed in here has changed."""
    g.browser_state = new_secret()
    set_browser_state(response)


def forget_session() -> None:
    """Read the session again when it is next asked for: it was opened or ended meanwhile."""
    g.pop("current_session", None)


def current_session() -> CurrentSession | None:
    """The living session of this request, read once, whatever it opens; None when nobody is signed in."""
    if "current_session" not in g:
        g.current_session = _find_session()
    return cast("CurrentSession | None", g.current_session)


def full_session() -> CurrentSession | None:
    """The session of this request if it opens services and account pages; None when there is none such."""
    session = current_session()
    return session if session is not None and session.is_full else None


def next_address(
    state: AccountState, opened_with: OpenedWith, *, demande: str | None = None, suite: str | None = None
) -> str:
    """Where a signed-in person goes on: to the waiting service, their account, or what activation still lacks.

    suite: the page of the account that they came for, from `asked_page`.
    """
    stage = stage_of(state, opened_with)
    if stage is Stage.ACTIVATION_FORM:
        return url_for("activation.form", demande=demande)
    if stage is Stage.ADDRESS_CONFIRMATION:
        return url_for("activation.waiting", demande=demande)
    if demande is not None:
        return url_for("oidc.resume", demande=demande)
    return suite or url_for("my_account.home")


def reader_language() -> str | None:
    """The language of who is signed in, for pages on a device where none was chosen; None when nobody is."""
    session = current_session()
    return session.locale if session is not None else None


def keep_language() -> None:
    """Before a form is handled: a language chosen on this device becomes the account's. Opening a page keeps nothing."""
    chosen = chosen_language(LANGUAGES) if request.method == "POST" and request.cookies else None
    session = current_session() if chosen else None
    if chosen and session is not None:
        service.keep_language(session, chosen, now=request_now())


def active_account_required(view: Callable[Parameters, Answer]) -> Callable[Parameters, Answer]:
    """The view runs for an activated account signed in with its chosen password; others are shown their way."""

    @wraps(view)
    def guarded(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        session = current_session()
        if session is None:
            return _to_sign_in_and_back()
        if not session.is_full:
            return _to_next_step(session)
        bring_back(str(session.account_id))
        return view(*args, **kwargs)

    setattr(guarded, ACCOUNT_PAGE_MARK, True)
    return guarded


def fresh_sign_in_required(view: Callable[Parameters, Answer]) -> Callable[Parameters, Answer]:
    """As `active_account_required`, and the password was typed within 10 minutes; else it is asked for first."""

    @wraps(view)
    def guarded(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        session = full_session()
        assert session is not None  # noqa: S101  # the guard around this one let the request in
        if not session.is_fresh(now=request_now()):
            return _to_confirmation(session)
        return view(*args, **kwargs)

    outer = active_account_required(guarded)
    setattr(outer, FRESH_SIGN_IN_MARK, True)
    return outer


def asks_fresh_sign_in(path: str) -> bool:
    """Whether a path of ours is a page behind `fresh_sign_in_required`: the closed list of where a proof leads."""
    return _is_page_behind(FRESH_SIGN_IN_MARK, path)


def asked_page() -> str | None:
    """The page of the account to which signing in leads, from the closed list of such pages; nothing else is followed."""
    asked = request.args.get("suite", "")
    return asked if _is_page_behind(ACCOUNT_PAGE_MARK, asked.partition("?")[0]) else None


def has_strange_onward_page() -> bool:
    """Whether the address names a page to go on to that is not ours: no link repeats it."""
    return "suite" in request.args and asked_page() is None


def idle_end() -> IdleEnd | None:
    """When the session of this page's reader ends if nothing more is done in it."""
    if current_session() is None:
        return None
    # What was last seen is written once a minute: the session may end that much earlier than this request says.
    idle = timedelta(minutes=current_settings().session_idle_minutes) - TOUCH_EVERY
    return IdleEnd(max(int(idle.total_seconds()), 60), url_for("my_account.home"))


def has_idled_away() -> bool:
    """Whether this browser's session has ended because nothing was done in it."""
    former = _former_session()
    return former is not None and former.has_idled


def _is_page_behind(mark: str, path: str) -> bool:
    if not path.startswith("/") or len(path) > LONGEST_PATH:
        return False
    try:
        endpoint, _arguments = current_app.url_map.bind("").match(path, method="GET")
    except HTTPException:
        return False
    return getattr(current_app.view_functions[endpoint], mark, False)


def activation_session_required(view: Callable[Parameters, Answer]) -> Callable[Parameters, Answer]:
    """The view runs for a session that still has to activate its account; others are shown their way."""

    @wraps(view)
    def guarded(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        session = current_session()
        if session is None:
            return _to_sign_in()
        if session.is_full:
            return _to_next_step(session)
        return view(*args, **kwargs)

    return guarded


def _to_next_step(session: CurrentSession) -> BaseResponse:
    demande = request.args.get("demande")
    return redirect(next_address(session.state, session.opened_with, demande=demande), 303)


def _to_confirmation(session: CurrentSession) -> BaseResponse:
    """« Confirmez que c’est vous », then this page again, as it was filled in."""
    keep_typed(str(session.account_id), request.path)
    return redirect(
        url_for("my_account.confirm", suite=_this_page(), demande=request.args.get("demande")), 303
    )


def _to_sign_in_and_back() -> BaseResponse:
    """Sign in, then this page again, as it was filled in if it is the same person's."""
    former = _former_session()
    if former is not None:
        keep_typed(str(former.account_id), request.path)
    home = url_for("my_account.home")
    suite = (
        _this_page() if _is_page_behind(ACCOUNT_PAGE_MARK, request.path) and request.path != home else None
    )
    return redirect(url_for("sign_in.form", suite=suite, demande=request.args.get("demande")), 303)


def _this_page() -> str:
    return request.full_path.rstrip("?")


def _to_sign_in() -> BaseResponse:
    return redirect(url_for("sign_in.form", demande=request.args.get("demande")), 303)


def _former_session() -> FormerSession | None:
    secret = cookie_secret()
    return service.find_former_session(secret, now=request_now()) if secret is not None else None


def _find_session() -> CurrentSession | None:
    secret = cookie_secret()
    if secret is None:
        return None
    session = service.find_session(secret, now=request_now())
    if session is not None:
        service.touch(session, now=request_now())
    return session
