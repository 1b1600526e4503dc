"""What a message is, what may be its header, and when a failed delivery is tried again."""

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from typing import ClassVar, Self
from uuid import UUID

from idp.audit.rules import AuditEvent
from idp.errors import DomainError
from idp.messaging.phones import is_french_mobile

ALERT_AFTER_ATTEMPTS = 4
"""A message that has been refused so often has stayed for about two minutes: an operator is told."""

LEASE = timedelta(minutes=5)
"""How long a worker may hold a message before another one takes it: above every time-out of one delivery."""

GIVE_UP_AFTER = timedelta(hours=24)
"""A temporary refusal of a mail is tried again this long; a mailed URL is not worth more."""

DEAD_LETTERS_KEPT = timedelta(days=7)
"""A mail that failed keeps its sealed words this long, so that an operator can mend what was wrong and retry."""

SMS_GIVE_UP_AFTER = timedelta(minutes=10)
"""The same for an SMS: its code would be dead on arrival, and its person has asked for another."""

SMS_STATUS_PATH = "/messages/sms/statut"
"""Where Twilio tells what became of an SMS."""

SMS_SEPTETS = 160
"""One SMS, in characters of GSM-7; those of its extension take two."""

FIRST_WAIT = timedelta(seconds=15)
LONGEST_WAIT = timedelta(minutes=8)
"""Below ten minutes, so that everything waiting leaves within ten minutes of the mail server's return."""

# One recipient and nothing else: no list, no display name, no control character (RFC 5322 3.4.1).
ONE_ADDRESS = re.compile(r"[^\s@,;:<>()\[\]\\\"\x00-\x1f\x7f]+@[^\s@,;:<>()\[\]\\\"\x00-\x1f\x7f]+")

# 3GPP TS 23.038 6.2.1 and 6.2.1.1: what one SMS writes with seven bits a character.
GSM7_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_EXTENSION = frozenset("^{}\\[~]|€")
GSM7 = GSM7_BASIC | GSM7_EXTENSION
PLAIN_MARKS = str.maketrans(
    {
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        "\u00a0": " ",
        "\u202f": " ",
        "…": "...",
        "–": "-",
        "—": "-",
        "œ": "oe",
        "Œ": "OE",
        "«": '"',
        "»": '"',
    }
)


class Channel(StrEnum):
    """The ways to a person."""

    EMAIL = "email"
    SMS = "sms"


NOBODY = {Channel.EMAIL: "personne@exemple.invalid", Channel.SMS: "+33639980000"}
"""Where a message goes that never leaves: written like any other, so that nobody's absence shows in the time it takes."""


class DeliveryRefused(Exception):
    """The message did not leave. `reason`: a reply code or an error's name; `is_permanent`: never try again."""

    def __init__(self, reason: str, *, is_permanent: bool, is_returned: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_permanent = is_permanent
        self.is_returned = is_returned
        """The address takes no mail, whatever is written to it."""


class DeliveryUncertain(Exception):
    """Nobody can say whether the message left: a time-out says nothing of what the other side did with it.

    Such a message is never sent again by itself; who waits for it asks for another one, with another code.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnfitSms(ValueError):
    """Words that are not one SMS: too long, or not writable in GSM-7."""


class UnsafeHeader(ValueError):
    """A recipient or a subject that would write more than its own header line."""


class ForeignUrl(ValueError):
    """A URL in a message that is not an address of ours."""


@dataclass(frozen=True, slots=True)
class Message:
    """Words for one person on one channel, not rendered yet.

    template: a path under templates/ without its suffix. variables: what the template names; text is put on
    one line, so that a typed value cannot add a paragraph or a URL line.
    Raises UnsafeHeader unless `to` is exactly one address, or one French mobile in E.164, and the subject one line.
    """

    channel: Channel
    to: str
    subject: str
    template: str
    variables: Mapping[str, str | int] = field(default_factory=dict)
    account_id: UUID | None = None
    locale: str = "fr"
    is_asked_for: bool = False

    def __post_init__(self) -> None:
        if not is_one_recipient(self.channel, self.to):
            raise UnsafeHeader("a message has exactly one recipient")
        if not self.subject.isprintable():
            raise UnsafeHeader("a subject is one line")

    @classmethod
    def mail(
        cls,
        *,
        to: str,
        subject: str,
        template: str,
        variables: Mapping[str, str | int],
        account_id: UUID | None = None,
        locale: str = "fr",
        is_asked_for: bool = False,
    ) -> Self:
        """A mail; `subject` is written without the service's name, which the channel puts before it.

        is_asked_for: it asks its reader to confirm the address, and so leaves even where mails came back from.
        """
        return cls(
            Channel.EMAIL, to, subject, template, on_one_line(variables), account_id, locale, is_asked_for
        )

    @classmethod
    def sms(
        cls,
        *,
        to: str,
        template: str,
        variables: Mapping[str, str | int],
        account_id: UUID | None = None,
        locale: str = "fr",
    ) -> Self:
        """An SMS. to: E.164, as `phones.normalise_phone` gives it. The template stands alone, without frame.

        A variable `one_time_code` is also written as the last line, `@host #code` of our issuer, so that a phone
        offers the code on our own pages alone (SM-05): the template does not write that line.
        """
        return cls(Channel.SMS, to, "", template, on_one_line(variables), account_id, locale)


@dataclass(frozen=True, slots=True)
class RenderedMail:
    """A mail as it will leave: its final words."""

    to: str
    subject: str
    text: str
    html: str

    def to_bytes(self) -> bytes:
        """For sealing; `from_bytes` reads it back, also one written by the release before."""
        return json.dumps(asdict(self), ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, written: bytes) -> Self:
        """What `to_bytes` wrote; members that this release does not know are passed over."""
        members = json.loads(written)
        return cls(**{name: members[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class RenderedSms:
    """An SMS as it will leave. Raises UnfitSms unless it is one SMS in GSM-7."""

    to: str
    text: str

    def __post_init__(self) -> None:
        if not septets(self.text) <= SMS_SEPTETS:
            raise UnfitSms(f"an SMS has {SMS_SEPTETS} characters at most")

    def to_bytes(self) -> bytes:
        """For sealing; `from_bytes` reads it back, also one written by the release before."""
        return json.dumps(asdict(self), ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, written: bytes) -> Self:
        """What `to_bytes` wrote; members that this release does not know are passed over."""
        members = json.loads(written)
        return cls(**{name: members[name] for name in cls.__dataclass_fields__})


def is_one_recipient(channel: Channel, to: str) -> bool:
    """Whether `to` is exactly one address of the channel."""
    if channel is Channel.SMS:
        return is_french_mobile(to)
    return ONE_ADDRESS.fullmatch(to) is not None


def on_one_line(variables: Mapping[str, str | int]) -> dict[str, str | int]:
    """The same variables; a text cannot add a line."""
    return {
        name: " ".join(value.split()) if isinstance(value, str) else value
        for name, value in variables.items()
    }


def in_gsm7(text: str) -> str:
    """The text in letters of GSM-7: typographic marks become plain ones, letters it lacks lose their accent."""
    plain = unicodedata.normalize("NFC", text).translate(PLAIN_MARKS)
    return "".join(char if char in GSM7 else unicodedata.normalize("NFD", char)[0] for char in plain)


def septets(text: str) -> int:
    """How much of an SMS a text takes (3GPP TS 23.038 6.2.1). Raises UnfitSms on a character it cannot write."""
    if not set(text) <= GSM7:
        raise UnfitSms("an SMS is written in GSM-7: any other letter makes it three")
    return sum(2 if char in GSM7_EXTENSION else 1 for char in text)


def paragraphs(text: str) -> tuple[tuple[str, ...], ...]:
    """The lines of each paragraph of a text; empty lines part them."""
    blocks = (block.strip().splitlines() for block in re.split(r"\n\s*\n", text))
    return tuple(tuple(line.strip() for line in block) for block in blocks if block)


def own_urls(variables: Mapping[str, str | int], issuer: str) -> frozenset[str]:
    """The addresses among a message's variables, by name: only these lines become links in HTML.

    Raises ForeignUrl when one does not start with the issuer.
    """
    urls = frozenset(
        str(value) for name, value in variables.items() if name == "url" or name.endswith("_url")
    )
    if not all(url.startswith(f"{issuer}/") for url in urls):
        raise ForeignUrl("a message's URL starts with the configured issuer")
    return urls


class DeliveryState(StrEnum):
    """Where a message is on its way."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class SmsReceipt(StrEnum):
    """What became of an SMS that Twilio took, in its words; the last three are ends."""

    ACCEPTED = "accepted"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"

    @property
    def earlier(self) -> frozenset["SmsReceipt"]:
        """Those that this one may follow: reports overtake each other on their way."""
        ways = tuple(SmsReceipt)
        return frozenset(ways[: min(ways.index(self), ways.index(SmsReceipt.DELIVERED))])

    @property
    def is_failure(self) -> bool:
        """Whether the SMS never arrived."""
        return self in {SmsReceipt.UNDELIVERED, SmsReceipt.FAILED}


@dataclass(frozen=True, slots=True)
class SmsReport:
    """What Twilio says became of one SMS. message_id: our own key, from the address that it reports at.

    error_code: Twilio's number of what went wrong (30003 to 30008…), empty when nothing did.
    """

    message_id: UUID
    twilio_sid: str
    receipt: SmsReceipt
    error_code: str = ""


@dataclass(frozen=True, slots=True)
class MailReturned(AuditEvent):
    """A mail came back: its address takes none."""

    name: ClassVar[str] = "messaging:mail:returned"
    message_id: UUID


class ReportRefused(DomainError):
    """Not Twilio's, or not about an SMS of ours, or told before (SM-09)."""

    error_code = "sms_report_refused"


TWILIO_SID = re.compile(r"(SM|MM)[0-9a-f]{32}")


def read_sms_report(message_id: str, form: Mapping[str, str]) -> SmsReport:
    """The report of a signed form (Twilio, Messages resource, « status callbacks »). Raises ReportRefused."""
    twilio_sid, error_code = form.get("MessageSid", ""), form.get("ErrorCode", "")
    if not TWILIO_SID.fullmatch(twilio_sid) or not re.fullmatch(r"[0-9]{0,8}", error_code):
        raise ReportRefused
    try:
        return SmsReport(UUID(message_id), twilio_sid, SmsReceipt(form.get("MessageStatus", "")), error_code)
    except ValueError:
        raise ReportRefused from None


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What one pass over the outbox did, in messages."""

    sent: int = 0
    postponed: int = 0
    failed: int = 0


def wait_before_retry(attempts: int, draw: Random) -> timedelta:
    """Doubles with each attempt (1 or more) up to LONGEST_WAIT; the jitter takes off up to half of it."""
    full = min(FIRST_WAIT * 2 ** min(attempts - 1, 16), LONGEST_WAIT)
    return timedelta(seconds=full.total_seconds() * draw.uniform(0.5, 1.0))


def is_given_up(enqueued_at: datetime, *, now: datetime, channel: Channel = Channel.EMAIL) -> bool:
    """True once a message has been refused for as long as its channel is tried."""
    return now - enqueued_at >= (SMS_GIVE_UP_AFTER if channel is Channel.SMS else GIVE_UP_AFTER)
