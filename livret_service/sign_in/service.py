"""Use cases of signing in at the livret service. Each opens the one transaction that it needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, CursorResult, delete, func, or_, select, update

from livret_service.db import Model, db, transaction
from livret_service.settings import RequestForm
from livret_service.sign_in import endings, request_objects
from livret_service.sign_in.checks import (
    AttemptUnknown,
    AuthorizationAnswer,
    ChildrenNotGiven,
    InteractionNeeded,
    OtherAccount,
    ProviderUnavailable,
    SignInFailed,
    check_authorization_answer,
)
from livret_service.sign_in.models import GuardianSession, HeldAnswer, SignInAttempt, UsedLogoutToken
from livret_service.sign_in.party import RelyingParty
from livret_service.sign_in.provider import Expected
from livret_service.sign_in.rules import (
    ATTEMPT_LIFE,
    PENDING_ATTEMPTS,
    Reader,
    SessionState,
    Subject,
    attempt_code_verifier,
    attempt_nonce,
    state_of_session,
)
from shared.claims import (
    CLAIM,
    SCOPE_CHILDREN_BIRTHDATE,
    SCOPE_CHILDREN_INE,
    ChildClaim,
    ChildrenClaimRefused,
    read_children,
    write_children,
)
from shared.sealing import seal
from shared.secrets import digest, new_secret

HOLD = timedelta(seconds=10)
"""How long a session goes on before the silent provider is asked again."""
KEPT_AFTER_END = timedelta(days=1)
MAXIMUM_SESSION_STATE = 512
KEPT_MEMBERS = frozenset({SCOPE_CHILDREN_INE, SCOPE_CHILDREN_BIRTHDATE})


@dataclass(frozen=True, slots=True)
class Started:
    """Where the browser goes, and the secret that its transaction cookie carries."""

    url: str
    browser_secret: str


@dataclass(frozen=True, slots=True)
class FoundSession:
    """A session that is not over, as one request sees it."""

    id: UUID
    state: SessionState
    reader: Reader
    session_state: str | None


@dataclass(frozen=True, slots=True)
class Completed:
    """Signed in. session_id: the new cookie secret, or None when a running session was renewed.

    attempts_left: whether this browser has other tabs on their way to the provider.
    """

    target: str
    session_id: str | None
    attempts_left: bool


@dataclass(frozen=True, slots=True)
class Identity:
    """Who came back: claims that passed every check, and the ID token that they came in."""

    claims: Mapping[str, Any]
    id_token: str
    session_state: str | None


def start_sign_in(
    party: RelyingParty,
    *,
    target: str,
    browser_secret: str | None,
    renews: FoundSession | None = None,
    login_hint: str | None = None,
    now: datetime,
) -> Started:
    """Record an attempt and give the address to go to; with `renews`, silently (Core 3.1.2.1 `prompt=none`).

    Raises ProviderUnavailable.
    """
    if not party.provider.is_reachable():
        raise ProviderUnavailable("not reachable")  # a page of ours, not the browser's own error
    browser_secret = browser_secret or new_secret()
    state = new_secret()
    url = party.provider.authorization_url(
        party.redirect_uri,
        state=state,
        nonce=attempt_nonce(party.attempt_key, browser_secret, state),
        code_verifier=attempt_code_verifier(party.attempt_key, browser_secret, state),
        **_asked_of_provider(party, silent=renews is not None, login_hint=login_hint),
    )
    with transaction() as session:
        _forget_attempts(digest(browser_secret), now=now)
        if party.options.request_form is not RequestForm.PARAMETERS:
            url = request_objects.pass_by_reference(party, url, now=now)
        session.add(
            SignInAttempt(
                state_digest=digest(state),
                browser_digest=digest(browser_secret),
                target=target,
                renews_id=renews.id if renews else None,
                asked_at=now,
                expires_at=now + ATTEMPT_LIFE,
            )
        )
    return Started(url, browser_secret)


def _asked_of_provider(party: RelyingParty, *, silent: bool, login_hint: str | None) -> dict[str, Any]:
    asked = {
        "prompt": "none" if silent else None,
        "login_hint": login_hint,
        "max_age": int(party.max_age.total_seconds()) if party.max_age else None,
        "response_mode": "form_post" if party.options.is_answered_by_post else None,
    }
    return {name: value for name, value in asked.items() if value is not None}


def _forget_attempts(browser_digest: bytes, *, now: datetime) -> None:
    """Drop what expired, and the oldest attempts of this browser beyond the bound."""
    db.session.execute(delete(SignInAttempt).where(SignInAttempt.expires_at <= now))
    open_ones = (
        select(SignInAttempt.state_digest)
        .where(SignInAttempt.browser_digest == browser_digest)
        .order_by(SignInAttempt.asked_at.desc())
        .offset(PENDING_ATTEMPTS - 1)
    )
    oldest = db.session.scalars(open_ones).all()
    if oldest:
        db.session.execute(delete(SignInAttempt).where(SignInAttempt.state_digest.in_(oldest)))


def complete_sign_in(
    party: RelyingParty,
    parameters: Mapping[str, str],
    *,
    browser_secret: str | None,
    session_id: str | None,
    now: datetime,
) -> Completed:
    """Take the attempt that `state` names, check the answer, redeem the code, open or renew the session.

    session_id: the browser's present session cookie, which a new sign-in ends. Raises SignInFailed, whose `target`
    is the page that was wanted. A failed renewal ends the session that it was for, unless the provider was silent.
    """
    attempt = take_attempt(parameters.get("state"), browser_secret, now=now)
    try:
        identity = _redeem(party, parameters, attempt, browser_secret or "")
        opened = _settle(party, attempt, identity, replaces=session_id, now=now)
    except SignInFailed as failure:
        failure.target = attempt.target
        if attempt.renews_id and not isinstance(failure, ProviderUnavailable):
            endings.end_session(attempt.renews_id, now=now)
        raise
    return Completed(attempt.target, opened, _has_attempts(attempt.browser_digest, now=now))


def take_attempt(state: str | None, browser_secret: str | None, *, now: datetime) -> SignInAttempt:
    """RFC 6749 10.12, RFC 9700 4.7: once, in time, and by the browser that began it. Raises AttemptUnknown."""
    if not state or not browser_secret:
        raise AttemptUnknown
    taken = (
        update(SignInAttempt)
        .where(
            SignInAttempt.state_digest == digest(state),
            SignInAttempt.browser_digest == digest(browser_secret),
            SignInAttempt.consumed_at.is_(None),
            SignInAttempt.expires_at > now,
        )
        .values(consumed_at=now)
        .returning(SignInAttempt)
    )
    with transaction() as session:
        attempt = session.scalar(taken)
        if attempt is None:
            raise AttemptUnknown
        session.expunge(attempt)
    return attempt


def _redeem(
    party: RelyingParty, parameters: Mapping[str, str], attempt: SignInAttempt, browser_secret: str
) -> Identity:
    metadata = party.provider.load_server_metadata()
    check_authorization_answer(
        AuthorizationAnswer(
            parameters=parameters,
            issuer=party.provider.issuer,
            issuer_is_always_sent=metadata["authorization_response_iss_parameter_supported"],
        )
    )
    state = parameters["state"]
    answer = party.provider.redeem(
        parameters["code"],
        redirect_uri=party.redirect_uri,
        code_verifier=attempt_code_verifier(party.attempt_key, browser_secret, state),
    )
    nonce = attempt_nonce(party.attempt_key, browser_secret, state)
    expected = Expected(nonce=nonce, asked_at=attempt.asked_at, max_age=party.max_age)
    claims = party.provider.verify_id_token(answer, expected)
    return Identity(
        claims=claims | _from_userinfo(party, claims, answer.access_token),
        id_token=answer.id_token,
        session_state=usable_session_state(parameters.get("session_state")),
    )


def _from_userinfo(party: RelyingParty, claims: Mapping[str, Any], access_token: str) -> dict[str, Any]:
    """The children that userinfo names, where the ID token names none (Core 5.3).

    Asked before the claim is looked at, so that an answer for another person is always found out.
    Raises UserinfoRefused, ProviderUnavailable.
    """
    is_needed = CLAIM not in claims and party.provider.has_userinfo()
    if not (is_needed or party.options.asks_userinfo):
        return {}
    userinfo = party.provider.fetch_userinfo(access_token, claims["sub"])
    return {CLAIM: userinfo[CLAIM]} if is_needed and CLAIM in userinfo else {}


def usable_session_state(given: str | None) -> str | None:
    """`session_state` (Session Management 2), when it is printable text of a sane length."""
    is_usable = given is not None and 0 < len(given) <= MAXIMUM_SESSION_STATE and given.isprintable()
    return given if is_usable else None


def _settle(
    party: RelyingParty,
    attempt: SignInAttempt,
    identity: Identity,
    *,
    replaces: str | None,
    now: datetime,
) -> str | None:
    """Renew the session that the attempt was for, or open a new one; its cookie secret in that case."""
    try:
        children = read_children(identity.claims)
    except ChildrenClaimRefused as refusal:
        raise ChildrenNotGiven(str(refusal)) from None
    subject = identity.claims["sub"]
    values = _session_values(party, identity, children, now=now)
    if attempt.renews_id:
        _renew_session(attempt.renews_id, subject, values, now=now)
        return None
    return _open_session(party, subject, values, replaces=replaces, now=now)


def _session_values(
    party: RelyingParty, identity: Identity, children: tuple[ChildClaim, ...], *, now: datetime
) -> dict[str, Any]:
    subject = identity.claims["sub"].encode()
    return {
        "sid": identity.claims.get("sid"),
        "session_state": identity.session_state,
        "children": write_children(children, KEPT_MEMBERS),
        "sealed_id_token": seal(identity.id_token.encode(), key=party.sealing_key, associated=subject),
        "renewed_at": now,
        "renewal_due_at": now + party.limits.renew_after,
        "idle_until": now + party.limits.idle,
    }


def _open_session(
    party: RelyingParty, subject: str, values: Mapping[str, Any], *, replaces: str | None, now: datetime
) -> str:
    session_id = new_secret()
    with transaction() as session:
        if replaces:
            session.execute(endings.ended(GuardianSession.session_digest == digest(replaces), now=now))
        session.add(
            GuardianSession(
                session_digest=digest(session_id),
                issuer=party.provider.issuer,
                subject=subject,
                signed_in_at=now,
                expires_at=now + party.limits.absolute,
                **values,
            )
        )
    return session_id


def _renew_session(renews_id: UUID, subject: str, values: Mapping[str, Any], *, now: datetime) -> None:
    """Raises OtherAccount, or InteractionNeeded when the session ended meanwhile: it is never revived."""
    with transaction() as session:
        renewed = session.scalar(
            update(GuardianSession)
            .where(
                GuardianSession.id == renews_id,
                GuardianSession.subject == subject,
                GuardianSession.ended_at.is_(None),
                GuardianSession.expires_at > now,
            )
            .values(**values)
            .returning(GuardianSession.id)
        )
    if renewed is None:
        known = db.session.scalar(select(GuardianSession.subject).where(GuardianSession.id == renews_id))
        raise InteractionNeeded("ended meanwhile") if known == subject else OtherAccount


def _has_attempts(browser_digest: bytes, *, now: datetime) -> bool:
    waiting = select(func.count()).where(
        SignInAttempt.browser_digest == browser_digest,
        SignInAttempt.consumed_at.is_(None),
        SignInAttempt.expires_at > now,
    )
    return bool(db.session.scalar(waiting))


def find_session(session_id: str | None, *, issuer: str, now: datetime) -> FoundSession | None:
    """The session of a cookie, unless it is over or of a provider that is no longer the configured one."""
    if not session_id:
        return None
    row = db.session.scalar(
        select(GuardianSession).where(
            GuardianSession.session_digest == digest(session_id), GuardianSession.issuer == issuer
        )
    )
    if row is None:
        return None
    state = state_of_session(
        ended_at=row.ended_at,
        idle_until=row.idle_until,
        expires_at=row.expires_at,
        renewal_due_at=row.renewal_due_at,
        now=now,
    )
    return (
        None if state is SessionState.OVER else FoundSession(row.id, state, _reader(row), row.session_state)
    )


def _reader(row: GuardianSession) -> Reader:
    return Reader(row.issuer, Subject(row.subject), read_children({CLAIM: row.children}), row.signed_in_at)


def hold_renewal(found: FoundSession, *, now: datetime) -> None:
    """Let a session go on for a moment, up to its bound, while the provider itself was seen not to answer."""
    with transaction() as session:
        session.execute(
            update(GuardianSession)
            .where(GuardianSession.id == found.id, GuardianSession.ended_at.is_(None))
            .values(renewal_due_at=now + HOLD)
        )


@dataclass(frozen=True, slots=True)
class Waste:
    """How many rows nobody needs any more. `leftovers`: answers held for a moment, logout tokens that were used."""

    attempts: int
    sessions: int
    leftovers: int


def find_waste(*, now: datetime) -> Waste:
    """Expired attempts and leftovers, and sessions that have been over for a day."""
    return Waste(
        **{
            kind: sum(
                db.session.scalar(select(func.count()).select_from(table).where(which)) or 0
                for table, which in wasted
            )
            for kind, wasted in _wasted(now).items()
        }
    )


def purge(*, now: datetime) -> Waste:
    """Delete what `find_waste` counts."""
    with transaction() as session:
        return Waste(
            **{
                kind: sum(
                    cast("CursorResult[Any]", session.execute(delete(table).where(which))).rowcount
                    for table, which in wasted
                )
                for kind, wasted in _wasted(now).items()
            }
        )


def _wasted(now: datetime) -> dict[str, list[tuple[type[Model], ColumnElement[bool]]]]:
    day_ago = now - KEPT_AFTER_END
    is_over = or_(
        GuardianSession.ended_at <= day_ago,
        GuardianSession.idle_until <= day_ago,
        GuardianSession.expires_at <= day_ago,
    )
    return {
        # Attempts first: those that were to renew a session go with it otherwise, uncounted.
        "attempts": [(SignInAttempt, SignInAttempt.expires_at <= now)],
        "sessions": [(GuardianSession, is_over)],
        "leftovers": [
            (HeldAnswer, HeldAnswer.expires_at <= now),
            (UsedLogoutToken, UsedLogoutToken.expires_at <= now),
        ],
    }
