"""The mails of « Mon compte »; what has happened already is told by `notices`."""

from uuid import UUID

from idp.messaging.rules import Message

CONFIRM_ADDRESS_TEMPLATE = "my_account/confirm_address"


def confirm_address(
    *, to: str, account_id: UUID, identifier: str, url: str, hours: int, locale: str
) -> Message:
    """Leaves to an address that is to replace the present one. The URL alone changes nothing.

    hours: how long the URL works.
    """
    return Message.mail(
        to=to,
        subject="confirmez votre nouvelle adresse",
        template=CONFIRM_ADDRESS_TEMPLATE,
        variables={"identifier": identifier, "url": url, "hours": hours},
        account_id=account_id,
        locale=locale,
    )
