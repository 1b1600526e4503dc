"""The mails of activation."""

from uuid import UUID

from idp.messaging.rules import Message

CONFIRM_EMAIL_TEMPLATE = "activation/confirm_email"


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
