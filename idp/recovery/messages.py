"""The mails and SMS of recovery."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from idp.messaging.rules import Channel, Message
from idp.recovery.rules import print_numeric_code

CODE_SMS_TEMPLATE = "messaging/code_sms"


def recovery_code(
    channel: Channel,
    *,
    to: str,
    account_id: UUID | None,
    identifier: str,
    numeric_code: str,
    valid_for: timedelta,
    locale: str,
) -> Message:
    """Leaves when somebody asks to replace a password; useless outside the browser that asked."""
    minutes = int(valid_for.total_seconds() // 60)
    if channel is Channel.SMS:
        return Message.sms(
            to=to,
            template=CODE_SMS_TEMPLATE,
            variables={"one_time_code": numeric_code, "minutes": minutes},
            account_id=account_id,
            locale=locale,
        )
    return Message.mail(
        to=to,
        subject="votre code",
        template="recovery/code_email",
        variables={
            "identifier": identifier,
            "one_time_code": print_numeric_code(numeric_code),
            "minutes": minutes,
        },
        account_id=account_id,
        locale=locale,
    )


def identifiers(
    channel: Channel, *, to: str, account_id: UUID | None, identifiers: Sequence[str], url: str, locale: str
) -> Message:
    """Leaves when somebody asks which accounts an address or a number has: all of them, in one message."""
    listed = ", ".join(identifiers)
    if channel is Channel.SMS:
        return Message.sms(
            to=to,
            template="recovery/identifiers_sms",
            variables={"identifiers": listed, "count": len(identifiers)},
            account_id=account_id,
            locale=locale,
        )
    return Message.mail(
        to=to,
        subject="vos identifiants",
        template="recovery/identifiers",
        variables={"identifiers": listed, "count": len(identifiers), "url": url},
        account_id=account_id,
        locale=locale,
    )


def not_served(*, to: str, account_id: UUID, identifier: str, locale: str) -> Message:
    """Leaves instead of a code where recovery does not help: the letter does, or the school."""
    return Message.mail(
        to=to,
        subject="votre compte",
        template="recovery/not_served",
        variables={"identifier": identifier},
        account_id=account_id,
        locale=locale,
    )
