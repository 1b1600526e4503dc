"""What the account pages show."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from idp.audit.rules import AuditEvent
from idp.errors import FieldRefusal
from idp.families.rules import LinkState


@dataclass(frozen=True, slots=True)
class LinkedChild:
    """One child of the account, as its own guardian may see it. `level` is empty when the roster gives none."""

    given_name: str
    family_name: str
    level: str
    school_name: str
    link_state: LinkState

    @property
    def full_name(self) -> str:
        """Given name, then the family name in capitals, as schools write it."""
        return f"{self.given_name} {self.family_name.upper()}"


@dataclass(frozen=True, slots=True)
class AccountSheet:
    """One's own account. `email` is the confirmed address, None before there is one."""

    identifier: str
    given_name: str
    family_name: str
    email: str | None
    pending_email: str | None
    activated_at: datetime | None
    children: tuple[LinkedChild, ...]

    @property
    def full_name(self) -> str:
        """Given name, then the family name in capitals, as schools write it."""
        return f"{self.given_name} {self.family_name.upper()}"

    @property
    def active_children(self) -> tuple[LinkedChild, ...]:
        """The children whose data the person may see today."""
        return tuple(child for child in self.children if child.link_state is LinkState.ACTIVE)


class PasswordWrong(FieldRefusal):
    """Not the password of the account that is signed in."""

    error_code = "current_password_wrong"
    sentence = "Ce mot de passe n’est pas celui de votre compte"
    field = "password"


@dataclass(frozen=True, slots=True)
class PasswordTypedAgain(AuditEvent):
    """Before changing who holds the account, its person typed the password again."""

    name: ClassVar[str] = "account:password:typed_again"
    account_id: UUID
