"""The SMS of activation by phone."""

from datetime import timedelta
from uuid import UUID

from idp.messaging.rules import Message

CODE_TEMPLATE = "messaging/code_sms"


def activation_code(
    *, to: str, account_id: UUID | None, numeric_code: str, valid_for: timedelta, locale: str
) -> Message:
    """Leaves when a parent without a letter was found; useless outside the browser that asked."""
    return Message.sms(
        to=to,
        template=CODE_TEMPLATE,
        variables={"one_time_code": numeric_code, "minutes": int(valid_for.total_seconds() // 60)},
        account_id=account_id,
        locale=locale,
    )
