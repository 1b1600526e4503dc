"""Printing letters and issuing them anew.

The order is: read, make the pages, write them beside their destination, commit, move the file into place. The pages
can be made first because a password is derived (ADR 0006): what a letter will hold is known before it is issued.

- The compiler runs without a transaction: on SQLite one would stop every other writer.
- Commit comes before the file is in place: a letter in somebody's hand always works. A machine that dies between
  the two leaves accounts notified and no file; printing again gives the same letters.
- In the transaction the accounts are locked and read again: where somebody activated or reissued meanwhile, the pages
  would lie, so nothing is committed and all is made once more.
"""

import io
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import segno
from sqlalchemy import select

from idp.accounts import service as accounts
from idp.accounts.models import Account
from idp.accounts.rules import AccountId, AccountState
from idp.audit import service as audit
from idp.db import db, transaction
from idp.devices import service as devices
from idp.families import service as families
from idp.families.models import Child, Link, LinkState
from idp.letters.rules import (
    BEGINS_A_PASSWORD,
    LetterPrinted,
    NobodyToPrint,
    Page,
    PrintPlan,
    Pupil,
    Recipient,
    SchoolChangedMeanwhile,
    SchoolUnknown,
    Selection,
    french_date,
    page_data,
    plan_printing,
    plan_reissue,
)
from idp.notices import service as notices
from idp.notices.rules import Notice
from idp.one_time_codes import challenges
from idp.one_time_codes import service as one_time_codes
from idp.one_time_codes.rules import Purpose
from idp.passwords import service as passwords
from idp.passwords.models import ProvisionalPassword
from idp.passwords.rules import derive_provisional_password
from idp.sessions import service as sessions
from idp.sessions.rules import SessionEndReason
from idp.settings import current
from shared.documents import compile_pdf
from shared.files import private_file

TEMPLATE = Path(__file__).parents[1] / "templates" / "letters" / "letter.typ"
ATTEMPTS = 3
ENDED_CODES = (
    Purpose.CONFIRM_ACTIVATION_ADDRESS,
    Purpose.CONFIRM_LATER_ADDRESS,
    Purpose.CONFIRM_NEW_ADDRESS,
)
ENDED_CHALLENGES = (Purpose.RECOVER_PASSWORD, Purpose.CONFIRM_PHONE)


class _ChangedMeanwhile(Exception):
    """The accounts are no longer what the pages say."""


def print_letters(selection: Selection, destination: Path, *, now: datetime) -> PrintPlan:
    """Write the letters of `selection` to `destination` (mode 0600) and move their accounts to `notified`.

    Printed again, a letter keeps its password and its end. Nothing is written where no page is due.
    Raises SchoolUnknown, NobodyToPrint, SchoolChangedMeanwhile, and OSError when the folder cannot be written.
    """

    def plan(recipients: Sequence[Recipient]) -> PrintPlan:
        return plan_printing(recipients, expires_at=passwords.letter_end(now), now=now)

    return _print(selection, destination, plan, _issue, now=now)


def plan_reissue_of(selection: Selection, *, now: datetime) -> PrintPlan:
    """What `reissue_letters` would do. Writes nothing. Raises SchoolUnknown, NobodyToPrint."""
    return _plan_reissue(_read_recipients(selection), selection, now=now)


def reissue_letters(selection: Selection, destination: Path, *, now: datetime) -> PrintPlan:
    """Issue anew: the next number and a new end; the older letters are dead as soon as this returns.

    So is the password chosen on an account that is named, with all that it opened; the holder of a confirmed
    address is told (ADR 0034). Raises as `print_letters`.
    """

    def plan(recipients: Sequence[Recipient]) -> PrintPlan:
        return _plan_reissue(recipients, selection, now=now)

    return _print(selection, destination, plan, _reissue, now=now)


def _plan_reissue(recipients: Sequence[Recipient], selection: Selection, *, now: datetime) -> PrintPlan:
    return plan_reissue(recipients, named=selection.identifiers, expires_at=passwords.letter_end(now))


def _print(
    selection: Selection,
    destination: Path,
    plan_for: Callable[[Sequence[Recipient]], PrintPlan],
    issue: Callable[[Page, datetime], None],
    *,
    now: datetime,
) -> PrintPlan:
    for _attempt in range(ATTEMPTS):
        recipients = _read_recipients(selection)
        plan = plan_for(recipients)
        if not plan.pages:
            return plan
        pdf = _make_pdf(selection.school_uai, plan.pages, now=now)
        try:
            with private_file(pdf, destination):
                _commit(selection, recipients, plan, issue, now=now)
        except _ChangedMeanwhile:
            continue
        return plan
    raise SchoolChangedMeanwhile


def _commit(
    selection: Selection,
    recipients: Sequence[Recipient],
    plan: PrintPlan,
    issue: Callable[[Page, datetime], None],
    *,
    now: datetime,
) -> None:
    with transaction():
        _lock(recipients)
        if _read_recipients(selection) != recipients:
            raise _ChangedMeanwhile
        for page in plan.pages:
            if page.kind in BEGINS_A_PASSWORD:
                issue(page, now)
            audit.record(LetterPrinted(page.recipient.account_id, page.kind, page.issue_number), now=now)


def _issue(page: Page, now: datetime) -> None:
    account_id = AccountId(page.recipient.account_id)
    passwords.issue_provisional_password(account_id, now=now)
    _notify(account_id, now)


def _reissue(page: Page, now: datetime) -> None:
    account_id = AccountId(page.recipient.account_id)
    passwords.reissue_provisional_password(account_id, now=now)
    _end_what_older_letters_opened(page, now)
    if page.recipient.state is AccountState.ACTIVE:
        notices.notify(account_id, Notice.LETTER_REISSUED, now=now)
    _notify(account_id, now)


def _end_what_older_letters_opened(page: Page, now: datetime) -> None:
    """Whoever used them, rightly or not, begins anew; confirmed channels stay."""
    account_id = AccountId(page.recipient.account_id)
    sessions.end_all_sessions(account_id, SessionEndReason.LETTER_REISSUED, now=now)
    devices.forget_devices(account_id, page.recipient.identifier)
    accounts.set_pending_email(account_id, None, now=now)
    for purpose in ENDED_CODES:
        one_time_codes.supersede_one_time_codes(purpose, account_id, now=now)
    for purpose in ENDED_CHALLENGES:
        challenges.end_challenges(purpose, account_id, now=now)


def _notify(account_id: AccountId, now: datetime) -> None:
    accounts.change_state(
        account_id,
        from_states={AccountState.CREATED, AccountState.NOTIFIED},
        to=AccountState.NOTIFIED,
        now=now,
    )


def _lock(recipients: Sequence[Recipient]) -> None:
    """On PostgreSQL, nobody else changes these accounts until the commit; SQLite has one writer anyway."""
    ids = [one.account_id for one in recipients]
    db.session.execute(select(Account.id).where(Account.id.in_(ids)).order_by(Account.id).with_for_update())


def _read_recipients(selection: Selection) -> list[Recipient]:
    found = [one for one in _recipients_of(selection.school_uai) if selection.takes(one)]
    if not found and families.find_school(selection.school_uai) is None:
        raise SchoolUnknown(selection.school_uai)
    missing = selection.identifiers - {one.identifier for one in found}
    if not found or missing:
        raise NobodyToPrint(", ".join(sorted(missing)))
    return found


def _recipients_of(school_uai: str) -> list[Recipient]:
    """The guardians with an active link to a child of the school, whatever their state."""
    rows = db.session.execute(
        select(
            Account.id,
            Account.identifier,
            Account.state,
            Account.title,
            Account.given_name,
            Account.family_name,
            Account.usage_name,
            Account.password_hash.is_not(None).label("has_password"),
            ProvisionalPassword.issue_number,
            ProvisionalPassword.expires_at,
            ProvisionalPassword.consumed_at,
            Child.given_name.label("child_given_name"),
            Child.family_name.label("child_family_name"),
            Child.usage_name.label("child_usage_name"),
            Child.birth_date,
            Child.level,
            Child.class_label,
        )
        .join(Link, Link.account_id == Account.id)
        .join(Child, Child.id == Link.child_id)
        .outerjoin(ProvisionalPassword, ProvisionalPassword.account_id == Account.id)
        .where(Child.school_uai == school_uai, Child.left_at.is_(None), Link.state == LinkState.ACTIVE)
        .order_by(Account.id, Child.birth_date, Child.id)
    ).all()
    by_account: dict[Any, list[Any]] = {}
    for row in rows:
        by_account.setdefault(row.id, []).append(row)
    return [_recipient(family) for family in by_account.values()]


def _recipient(rows: Sequence[Any]) -> Recipient:
    first = rows[0]
    return Recipient(
        account_id=first.id,
        identifier=first.identifier,
        state=AccountState(first.state),
        title=first.title,
        given_name=first.given_name,
        family_name=first.usage_name or first.family_name,
        has_password=first.has_password,
        issue_number=first.issue_number,
        expires_at=first.expires_at if first.consumed_at is None else None,
        children=tuple(
            Pupil(
                given_name=row.child_given_name,
                family_name=row.child_usage_name or row.child_family_name,
                birth_date=row.birth_date,
                level=row.level or "",
                class_label=row.class_label,
            )
            for row in rows
        ),
    )


def _make_pdf(school_uai: str, pages: Sequence[Page], *, now: datetime) -> bytes:
    settings = current()
    school = families.find_school(school_uai)
    if school is None:  # purged since the recipients were read
        raise SchoolUnknown(school_uai)
    db.session.rollback()  # what was read is in hand: no connection is held while the compiler runs
    activation_url = f"{settings.issuer}/activation"
    data = {
        "title": f"Courriers – {school.name}",
        "school": {"name": school.name, "phone": school.phone, "email": school.email},
        "printed_on": french_date(now),
        "portal_url": settings.issuer,
        "qr_svg": _qr_code(activation_url),
        "qr_alt": f"Code à scanner : {activation_url}",
        "letters": [page_data(page, _password_on(page)) for page in pages],
    }
    return compile_pdf(TEMPLATE, data, timestamp=now, theme_dir=settings.theme_dir)


def _password_on(page: Page) -> str | None:
    if page.issue_number is None:
        return None
    key = current().provisional_password_key
    return derive_provisional_password(key, page.recipient.account_id, page.issue_number)


def _qr_code(url: str) -> str:
    """The same for every family: it carries the address that is printed beside it, and no more."""
    drawn = io.BytesIO()
    segno.make(url, error="m", micro=False).save(drawn, kind="svg", border=0, xmldecl=False, svgns=True)
    return drawn.getvalue().decode()
