"""What a message is, what may be its header, and when a failed delivery is tried again."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Self
from uuid import UUID

LEASE = timedelta(minutes=5)
"""How long a worker may hold a message before another one takes it: above every time-out of one delivery."""

GIVE_UP_AFTER = timedelta(hours=24)
"""A temporary refusal is tried again this long; a mailed URL is not worth more."""

FIRST_WAIT = timedelta(seconds=15)
LONGEST_WAIT = timedelta(minutes=8)
"""Below ten minutes, so that everything waiting leaves within ten minutes of the mail server's return."""

# One recipient and nothing else: no list, no display name, no control character (RFC 5322 3.4.1).
ONE_ADDRESS = re.compile(r"[^\s@,;:<>()\[\]\\\"\x00-\x1f\x7f]+@[^\s@,;:<>()\[\]\\\"\x00-\x1f\x7f]+")


class Channel(StrEnum):
    """The ways to a person."""

    EMAIL = "email"


class UnsafeHeader(ValueError):
    """A recipient or a subject that would write more than its own header line."""


class ForeignUrl(ValueError):
    """A URL in a message that is not an address of ours."""


@dataclass(frozen=True, slots=True)
class Message:
    """Words for one person on one channel, not rendered yet.

    template: a path under templates/ without its suffix. variables: what the template names; text is put on
    one line, so that a typed value cannot add a paragraph or a URL line.
    Raises UnsafeHeader unless `to` is exactly one address and the subject one line.
    """

    channel: Channel
    to: str
    subject: str
    template: str
    variables: Mapping[str, str | int] = field(default_factory=dict)
    account_id: UUID | None = None
    locale: str = "fr"

    def __post_init__(self) -> None:
        if ONE_ADDRESS.fullmatch(self.to) is None:
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
    ) -> Self:
        """A mail; `subject` is written without the service's name, which the channel puts before it."""
        one_line = {
            name: " ".join(value.split()) if isinstance(value, str) else value
            for name, value in variables.items()
        }
        return cls(Channel.EMAIL, to, subject, template, one_line, account_id, locale)


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


def is_given_up(enqueued_at: datetime, *, now: datetime) -> bool:
    """True once a message has been refused for GIVE_UP_AFTER."""
    return now - enqueued_at >= GIVE_UP_AFTER
