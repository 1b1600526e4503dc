"""Who receives which letter, in which order, and what stands on it: pure."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from idp.accounts.rules import AccountState, fold_name
from idp.audit.rules import AuditEvent
from idp.errors import CommandRefused
from idp.passwords.rules import print_provisional_password

PARIS = ZoneInfo("Europe/Paris")
# fmt: off
MONTHS = ("janvier", "février", "mars", "avril", "mai", "juin",
          "juillet", "août", "septembre", "octobre", "novembre", "décembre")
# fmt: on
LEVELS = ("CP", "CE1", "CE2", "CM1", "CM2", "6E", "5E", "4E", "3E")
TITLES = {"MME": "Mme", "MLLE": "Mme"}
PAST_THE_LETTER = frozenset({AccountState.ACTIVATING, AccountState.ACTIVE})
CLOSED = frozenset({AccountState.DISABLED, AccountState.MERGED})


class LetterKind(StrEnum):
    """What printing does for one account."""

    ISSUED = "issued"
    """A provisional password begins, with its 90 days."""
    REPRINTED = "reprinted"
    """The same password, the same end."""
    UNCHANGED = "unchanged"
    """The person has chosen a password: the letter recalls the identifier alone."""
    RENEWED = "renewed"
    """Issued to a person who has chosen a password, which ends with it."""


BEGINS_A_PASSWORD = frozenset({LetterKind.ISSUED, LetterKind.RENEWED})


class SkipReason(StrEnum):
    """Why an account gets no page."""

    EXPIRED = "expired"
    """Printed again, it would hold a password that no longer works: issue it anew."""
    DISABLED = "disabled"
    MERGED = "merged"
    ACTIVATING = "activating"
    """Has chosen a password, and waits for the mail: issued anew only where the identifier is named (ADR 0034)."""
    ACTIVE = "active"
    """Has chosen a password: issued anew only where the identifier is named (ADR 0034)."""


class SchoolUnknown(CommandRefused):
    """No import has named this school."""

    error_code = "school_unknown"
    hint = "no import has named this school"
    exit_code = 2


class NobodyToPrint(CommandRefused):
    """Nobody in that school answers the classes or identifiers asked for."""

    error_code = "nobody_to_print"
    hint = "no guardian of a child in this school answers these classes or identifiers"
    exit_code = 2


class SchoolChangedMeanwhile(CommandRefused):
    """Each time the pages were ready, somebody had changed an account they speak of."""

    error_code = "school_changed_meanwhile"
    hint = "accounts changed while the pages were made; try again"
    exit_code = 3


@dataclass(frozen=True, slots=True)
class LetterPrinted(AuditEvent):
    """A page was made for an account. `issue_number` is None where it holds no password."""

    name: ClassVar[str] = "letters:account:printed"
    account_id: UUID
    kind: LetterKind
    issue_number: int | None


@dataclass(frozen=True, slots=True)
class Pupil:
    """A child of the school, as the letter shows it."""

    given_name: str
    family_name: str
    birth_date: date
    level: str
    class_label: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """A guardian, all their children in this school, and the letter in force, if any.

    has_password: whether a chosen one is in force. expires_at: None where the letter has served, or was ended.
    """

    account_id: UUID
    identifier: str
    state: AccountState
    title: str
    given_name: str
    family_name: str
    has_password: bool
    issue_number: int | None
    expires_at: datetime | None
    children: tuple[Pupil, ...]

    @property
    def youngest(self) -> Pupil:
        """The child under whom the letter is filed, and whom activation names; of twins, the first by given name."""
        return max(
            sorted(self.children, key=lambda child: child.given_name), key=lambda child: child.birth_date
        )

    @property
    def shown_name(self) -> str:
        """« Mme Céline DUPONT »."""
        title = TITLES.get(self.title, self.title)
        return " ".join(part for part in (title, self.given_name, self.family_name) if part)


@dataclass(frozen=True, slots=True)
class Page:
    """One letter to make. `issue_number` and `expires_at` are None where it holds no password."""

    recipient: Recipient
    kind: LetterKind
    issue_number: int | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """An account without a page, and why."""

    identifier: str
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class PrintPlan:
    """The pages in the order of distribution, and who gets none."""

    pages: tuple[Page, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters of a school: of some classes, of some identifiers (normalised), or all when both are empty."""

    school_uai: str
    class_labels: frozenset[str] = frozenset()
    identifiers: frozenset[str] = frozenset()

    def takes(self, recipient: Recipient) -> bool:
        """A letter belongs to one class, the youngest child's: printed class by class, nobody gets two."""
        if self.identifiers and recipient.identifier not in self.identifiers:
            return False
        return not self.class_labels or fold_name(recipient.youngest.class_label) in self.class_labels


def plan_printing(recipients: Iterable[Recipient], *, expires_at: datetime, now: datetime) -> PrintPlan:
    """Print, or print again: an existing password and its end never change. `expires_at` is for new ones."""

    def decide(recipient: Recipient) -> Page | Skipped:
        if recipient.has_password:
            return Page(recipient, LetterKind.UNCHANGED)
        if recipient.issue_number is None and recipient.state not in PAST_THE_LETTER:
            return Page(recipient, LetterKind.ISSUED, 1, expires_at)
        if recipient.issue_number is None or recipient.expires_at is None or recipient.expires_at <= now:
            return Skipped(recipient.identifier, SkipReason.EXPIRED)
        return Page(recipient, LetterKind.REPRINTED, recipient.issue_number, recipient.expires_at)

    return _plan(recipients, decide)


def plan_reissue(
    recipients: Iterable[Recipient], *, named: Collection[str], expires_at: datetime
) -> PrintPlan:
    """Issue anew: the next number, a new life, and the older letter dead.

    named: the identifiers that were asked for one by one. Only for these does a chosen password end, so that a
    whole class issued anew by mistake shuts nobody out (ADR 0034).
    """

    def decide(recipient: Recipient) -> Page | Skipped:
        if recipient.has_password and recipient.identifier not in named:
            return Skipped(recipient.identifier, SkipReason(recipient.state.value))
        kind = LetterKind.RENEWED if recipient.has_password else LetterKind.ISSUED
        return Page(recipient, kind, (recipient.issue_number or 0) + 1, expires_at)

    return _plan(recipients, decide)


def _plan(recipients: Iterable[Recipient], decide: Callable[[Recipient], Page | Skipped]) -> PrintPlan:
    decided = [
        Skipped(one.identifier, SkipReason(one.state.value)) if one.state in CLOSED else decide(one)
        for one in sorted(recipients, key=distribution_order)
    ]
    return PrintPlan(
        pages=tuple(one for one in decided if isinstance(one, Page)),
        skipped=tuple(one for one in decided if isinstance(one, Skipped)),
    )


def distribution_order(recipient: Recipient) -> tuple[Any, ...]:
    """By class, from CP up, then by the youngest child, then by guardian: a teacher hands them out as they lie."""
    child = recipient.youngest
    return (
        *_class_order(child.class_label),
        fold_name(child.family_name),
        fold_name(child.given_name),
        fold_name(recipient.family_name),
        fold_name(recipient.given_name),
        recipient.identifier,
    )


def _class_order(label: str) -> tuple[int, str]:
    # The label, not the child's level: a class of two levels stays together.
    words = re.split(r"[^A-Z0-9]+", label.upper())
    ranks = [LEVELS.index(word) for word in words if word in LEVELS]
    return (min(ranks, default=len(LEVELS)), fold_name(label))


def shown_class(child: Pupil) -> str:
    """The class as printed. A label that tells of a disability only orders the letters: the level stands for it."""
    return child.level if "ULIS" in child.class_label.upper() else child.class_label


def french_date(instant: datetime) -> str:
    """« 21 février 2027 », « 1er mars 2027 »: the date in France."""
    day = instant.astimezone(PARIS)
    number = "1er" if day.day == 1 else str(day.day)
    return f"{number} {MONTHS[day.month - 1]} {day.year}"


def page_data(page: Page, provisional_password: str | None) -> dict[str, Any]:
    """One letter as the template reads it. Holds no birth date and no INE: the paper must not open the account."""
    recipient = page.recipient
    return {
        "guardian": recipient.shown_name,
        "class_label": shown_class(recipient.youngest),
        "identifier": recipient.identifier,
        "password": print_provisional_password(provisional_password) if provisional_password else None,
        "valid_until": french_date(page.expires_at) if page.expires_at else None,
        "is_renewal": page.issue_number is not None and recipient.state is AccountState.ACTIVE,
        "replaces_older": (page.issue_number or 0) > 1,
        "children": [
            {"name": f"{child.given_name} {child.family_name}".strip(), "class_label": shown_class(child)}
            for child in eldest_first(recipient.children)
        ],
    }


def eldest_first(children: Sequence[Pupil]) -> list[Pupil]:
    """The children in the order of their births."""
    return sorted(children, key=lambda child: (child.birth_date, child.given_name))
