"""The mails of notices: one template each, and subjects that name neither child, class nor school. And one SMS."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time

from idp.messaging.rules import Message
from idp.notices.rules import Notice

PARIS = ZoneInfo("Europe/Paris")


@dataclass(frozen=True, slots=True)
class NoticeWords:
    """The subject of one notice, and what its template needs besides what every notice gets."""

    subject: str
    variables: frozenset[str] = frozenset()


WORDS: dict[Notice, NoticeWords] = {
    Notice.PASSWORD_CHANGED: NoticeWords(subject="votre mot de passe a changé"),
    Notice.EMAIL_CHANGING: NoticeWords(subject="votre adresse va changer"),
    Notice.EMAIL_CHANGED: NoticeWords(subject="votre adresse a changé"),
    Notice.PHONE_CHANGED: NoticeWords(subject="votre téléphone a changé"),
    Notice.NEW_DEVICE: NoticeWords(subject="nouvelle connexion", variables=frozenset({"browser", "system"})),
    Notice.CHILDREN_CHANGED: NoticeWords(subject="les enfants de votre compte ont changé"),
    Notice.RECOVERY_DONE: NoticeWords(subject="votre mot de passe a été remplacé"),
    Notice.ACCOUNT_CLOSED: NoticeWords(subject="votre compte est fermé"),
    Notice.LETTER_REISSUED: NoticeWords(subject="un nouveau courrier a été émis"),
    Notice.NEW_SERVICE: NoticeWords(subject="un service a reçu un accès", variables=frozenset({"service"})),
}


def notice_mail(
    notice: Notice,
    *,
    to: str,
    account_id: UUID,
    identifier: str,
    not_me_url: str,
    account_url: str,
    at: datetime,
    locale: str,
    **variables: str,
) -> Message:
    """One notice. not_me_url: the way to object. account_url: the page of « Mon compte » that it is about.

    at: when it happened. variables: what WORDS says that this notice needs; raises TypeError on any other.
    """
    words = WORDS[notice]
    if variables.keys() != words.variables:
        raise TypeError(f"{notice} needs {sorted(words.variables)}")
    return Message.mail(
        to=to,
        subject=words.subject,
        template=f"notices/{notice}",
        variables={
            "identifier": identifier,
            "not_me_url": not_me_url,
            "account_url": account_url,
            "day": format_date(at.astimezone(PARIS), "long", locale=locale),
            "time": format_time(at.astimezone(PARIS), "short", locale=locale),
            **variables,
        },
        account_id=account_id,
        locale=locale,
    )


def password_sms(*, to: str, account_id: UUID, locale: str) -> Message:
    """Leaves with the mail that tells of another password: whoever holds the mailbox may not hold the phone."""
    return Message.sms(
        to=to, template="notices/password_sms", variables={}, account_id=account_id, locale=locale
    )
