"""The mails of « Mon compte »; what has happened already is told by `notices`."""

from uuid import UUID

from idp.messaging.rules import Message

CONFIRM_ADDRESS_TEMPLATE = "my_account/confirm_address"


CODE_SMS_TEMPLATE = "messaging/code_sms"


def phone_code(*, to: str, account_id: UUID, numeric_code: str, minutes: int, locale: str) -> Message:
    """Leaves to a number that is to replace the present one. minutes: how long the code works."""
    return Message.sms(
        to=to,
        template=CODE_SMS_TEMPLATE,
        variables={"one_time_code": numeric_code, "minutes": minutes},
        account_id=account_id,
        locale=locale,
    )


def phone_replaced(*, to: str, account_id: UUID, locale: str) -> Message:
    """Leaves to the number that was in force until now (SM-08)."""
    return Message.sms(
        to=to, template="my_account/phone_replaced", variables={}, account_id=account_id, locale=locale
    )


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
        is_asked_for=True,
    )
