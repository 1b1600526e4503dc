"""The mails of activation."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from idp.messaging.rules import Message

CONFIRM_EMAIL_TEMPLATE = "activation/confirm_email"
PARIS = ZoneInfo("Europe/Paris")


def confirm_email(
    *, to: str, account_id: UUID, identifier: str, url: str, hours: int, locale: str
) -> Message:
    """Leaves when the activation form is accepted. The URL alone changes nothing: signing in does.

    hours: how long the URL works.
    """
    return Message.mail(
        to=to,
        subject="activation du compte",
        template=CONFIRM_EMAIL_TEMPLATE,
        variables={"identifier": identifier, "url": url, "hours": hours},
        account_id=account_id,
        locale=locale,
        is_asked_for=True,
    )


def password_changed(*, to: str, account_id: UUID, identifier: str, at: datetime, locale: str) -> Message:
    """Leaves when the holder of a letter issued again chose a new password for an active account."""
    return Message.mail(
        to=to,
        subject="votre mot de passe a changé",
        template="activation/password_changed",
        variables={"identifier": identifier, "when": at.astimezone(PARIS).strftime("%d/%m/%Y, %H:%M")},
        account_id=account_id,
        locale=locale,
    )
