"""What a person is told of, and how long the mailed way to object is open."""

from datetime import timedelta
from enum import StrEnum

NOT_ME_PATH = "/ce-n-est-pas-moi"
NOT_ME_LIFE = timedelta(days=7)


class Notice(StrEnum):
    """What happened to an account that its holder is told of at once.

    Names are stable for ever: they stand beside the mailed secrets.
    """

    PASSWORD_CHANGED = "password_changed"  # noqa: S105  # a name, not a secret
    EMAIL_CHANGING = "email_changing"
    """To the address still in force: another one waits for its confirmation."""
    EMAIL_CHANGED = "email_changed"
    PHONE_CHANGED = "phone_changed"
    NEW_DEVICE = "new_device"
    CHILDREN_CHANGED = "children_changed"
    RECOVERY_DONE = "recovery_done"
    ACCOUNT_CLOSED = "account_closed"
    LETTER_REISSUED = "letter_reissued"
    NEW_SERVICE = "new_service"
