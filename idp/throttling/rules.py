"""The limits, as data, and what each is counted on."""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import ClassVar
from uuid import UUID

from idp.audit.rules import AuditEvent
from idp.errors import DomainError

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""An end that does not come; never NULL, which would read as expired."""

IPV4_PREFIX, IPV6_PREFIX = 24, 64


@dataclass(frozen=True, slots=True)
class GrowingDelay:
    """After `free_failures`, each failure makes the next attempt wait: `delays` in turn, then the last one.

    forgotten_after: how long without an attempt until the count is zero again.
    """

    name: str
    free_failures: int
    delays: tuple[timedelta, ...]
    forgotten_after: timedelta


@dataclass(frozen=True, slots=True)
class Quota:
    """So many tries from the first one until `window` has passed; None: in all."""

    name: str
    tries: int
    window: timedelta | None


@dataclass(frozen=True, slots=True)
class Pace:
    """From so many failures within any `window` on, `pause` between tries, and never more than that.

    Counted on what outsiders share or may aim at, so it only slows; an owner's success takes back its own try and
    leaves the failures of others.
    """

    name: str
    failures: int
    window: timedelta
    pause: timedelta


@dataclass(frozen=True, slots=True)
class Surge:
    """From so many failures within `window` in the whole service on, for as long as `pause` after the last of them,
    whoever tries must come back once after `pause`. Operators are told at most once in `told_every`.

    Counted on failures, so that many right passwords in one evening are no surge. Everybody waits for themselves:
    a pause shared by all would let whoever fails fastest keep the others out.
    """

    name: str
    failures: int
    window: timedelta
    pause: timedelta
    told_every: timedelta

    @property
    def patience(self) -> timedelta:
        """How long who was asked to come back may take to do so."""
        return self.pause * 60


Limit = GrowingDelay | Quota | Pace | Surge


@dataclass(frozen=True, slots=True)
class Budget:
    """One limit, counted on one thing. `counted_on` may be personal: only its digest is stored."""

    limit: Limit
    counted_on: str

    @property
    def key(self) -> bytes:
        """SHA-256 of what it is counted on, 32 bytes."""
        return hashlib.sha256(self.counted_on.encode()).digest()


@dataclass(frozen=True, slots=True)
class Spent:
    """An attempt that may be evaluated. `remaining`: tries left in the tightest quota, None without quota.

    tries: what it left in the logs of paces, for `forget` and `give_back` to take back.
    """

    remaining: int | None = None
    tries: tuple[UUID, ...] = ()


class TooManyAttempts(DomainError):
    """The attempt must not be evaluated. `seconds`: until one may be, None when only a new secret helps."""

    error_code = "too_many_attempts"
    sentence = "Trop d’essais. Réessayez plus tard."

    def __init__(self, limit: Limit, seconds: int | None) -> None:
        super().__init__(limit.name, seconds=seconds)
        self.limit = limit
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class SignInSurge(AuditEvent):
    """Sign-ins fail faster than parents mistype: somebody tries passwords. `failures`: within the last second."""

    name: ClassVar[str] = "provider:sign_in:surge"
    failures: int


SIGN_IN_PER_ACCOUNT_AND_NETWORK = GrowingDelay(
    "sign_in_per_account_and_network",
    free_failures=4,
    delays=tuple(timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 15)),
    forgotten_after=timedelta(hours=24),
)
SIGN_IN_PER_ACCOUNT_AND_DEVICE = replace(
    SIGN_IN_PER_ACCOUNT_AND_NETWORK, name="sign_in_per_account_and_device"
)
SIGN_IN_PER_ACCOUNT = Pace(
    "sign_in_per_account", failures=25, window=timedelta(hours=24), pause=timedelta(seconds=30)
)
SIGN_IN_PER_NETWORK = Pace(
    "sign_in_per_network", failures=300, window=timedelta(hours=1), pause=timedelta(seconds=5)
)
SIGN_IN_IN_ALL = Surge(
    "sign_in_in_all",
    failures=20,
    window=timedelta(seconds=1),
    pause=timedelta(seconds=2),
    told_every=timedelta(minutes=1),
)
BIRTH_DATE_PER_DAY = Quota("birth_date_per_day", tries=3, window=timedelta(days=1))
BIRTH_DATE_IN_ALL = Quota("birth_date_in_all", tries=10, window=None)
ATTACH_PER_DAY = Quota("attach_per_day", tries=5, window=timedelta(days=1))
ACTIVATION_MESSAGES_PER_DAY = Quota("activation_messages_per_day", tries=5, window=timedelta(days=1))
# Beside the minute that every message waits: mail that does not come by the third time will not by the fourth.
ACTIVATION_MESSAGE_WAIT = GrowingDelay(
    "activation_message_wait",
    free_failures=0,
    delays=tuple(timedelta(minutes=minutes) for minutes in (2, 5, 15, 60)),
    forgotten_after=timedelta(hours=24),
)
# What is typed to activate by SMS, whoever it is about: as slow as the SMS themselves, and spent before anything
# is looked up, so that no pace tells a right name from a wrong one.
PHONE_ACTIVATION_PACE = GrowingDelay(
    "phone_activation_pace",
    free_failures=0,
    delays=tuple(timedelta(seconds=seconds) for seconds in (30, 60, 120)),
    forgotten_after=timedelta(hours=24),
)
PHONE_ACTIVATION_PER_DAY = Quota("phone_activation_per_day", tries=5, window=timedelta(days=1))
PHONE_ACTIVATION_PER_NETWORK = Quota("phone_activation_per_network", tries=60, window=timedelta(hours=1))
# A certification run registers a hundred clients in minutes, from one address.
REGISTRATIONS_PER_NETWORK = Quota("registrations_per_network", tries=300, window=timedelta(minutes=10))
# Besides the five tries that each challenge has; a school's parents may all be behind one address.
CODE_GUESSES_PER_NETWORK = Quota("code_guesses_per_network", tries=300, window=timedelta(hours=1))

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# What anybody can make us send: an address or a number that is not the asker's must not be flooded (EM-22).
MAILS_PER_ACCOUNT_AND_HOUR = Quota("mails_per_account_and_hour", tries=3, window=HOUR)
MAILS_PER_ACCOUNT_AND_DAY = Quota("mails_per_account_and_day", tries=10, window=DAY)
MAILS_PER_ADDRESS_AND_HOUR = Quota("mails_per_address_and_hour", tries=3, window=HOUR)
MAILS_PER_ADDRESS_AND_DAY = Quota("mails_per_address_and_day", tries=10, window=DAY)
# Three hundred parents stand behind one school's address on an evening.
MAILS_PER_NETWORK_AND_HOUR = Quota("mails_per_network_and_hour", tries=300, window=HOUR)
MAILS_PER_NETWORK_AND_DAY = Quota("mails_per_network_and_day", tries=1000, window=DAY)
PER_NETWORK = 2
SMS_PACE_PER_NUMBER = GrowingDelay(
    "sms_pace_per_number",
    free_failures=0,
    delays=tuple(timedelta(seconds=seconds) for seconds in (30, 60, 120)),
    forgotten_after=DAY,
)
SMS_PER_NUMBER_AND_DAY = Quota("sms_per_number_and_day", tries=5, window=DAY)
SMS_PER_ACCOUNT_AND_DAY = Quota("sms_per_account_and_day", tries=5, window=DAY)
SMS_PER_NETWORK_AND_HOUR = Quota("sms_per_network_and_hour", tries=30, window=HOUR)
SMS_PER_NETWORK_AND_DAY = Quota("sms_per_network_and_day", tries=100, window=DAY)
# Toll fraud calls whole ranges: the ten thousand numbers that share all but their last four digits.
UNLIKE_DIGITS = 4
SMS_PER_PREFIX_AND_HOUR = Quota("sms_per_prefix_and_hour", tries=50, window=HOUR)
# How much a hostile day may cost is the operator's to say (`IDP_SMS_PER_HOUR`, `IDP_SMS_PER_DAY`).
SMS_IN_ALL_PER_HOUR = Quota("sms_in_all_per_hour", tries=200, window=HOUR)
SMS_IN_ALL_PER_DAY = Quota("sms_in_all_per_day", tries=1000, window=DAY)
# While Twilio takes nothing, one SMS at a time finds out whether it does again.
SMS_BREAKER = GrowingDelay(
    "sms_breaker",
    free_failures=2,
    delays=tuple(timedelta(seconds=seconds) for seconds in (30, 60, 120)),
    forgotten_after=HOUR,
)

LIMITS: tuple[Limit, ...] = (
    SIGN_IN_PER_ACCOUNT_AND_NETWORK,
    SIGN_IN_PER_ACCOUNT_AND_DEVICE,
    SIGN_IN_PER_ACCOUNT,
    SIGN_IN_PER_NETWORK,
    SIGN_IN_IN_ALL,
    BIRTH_DATE_PER_DAY,
    BIRTH_DATE_IN_ALL,
    ATTACH_PER_DAY,
    ACTIVATION_MESSAGES_PER_DAY,
    ACTIVATION_MESSAGE_WAIT,
    PHONE_ACTIVATION_PACE,
    PHONE_ACTIVATION_PER_DAY,
    PHONE_ACTIVATION_PER_NETWORK,
    REGISTRATIONS_PER_NETWORK,
    MAILS_PER_ACCOUNT_AND_HOUR,
    MAILS_PER_ACCOUNT_AND_DAY,
    MAILS_PER_ADDRESS_AND_HOUR,
    MAILS_PER_ADDRESS_AND_DAY,
    MAILS_PER_NETWORK_AND_HOUR,
    MAILS_PER_NETWORK_AND_DAY,
    SMS_PACE_PER_NUMBER,
    SMS_PER_NUMBER_AND_DAY,
    SMS_PER_ACCOUNT_AND_DAY,
    SMS_PER_NETWORK_AND_HOUR,
    SMS_PER_NETWORK_AND_DAY,
    SMS_PER_PREFIX_AND_HOUR,
    SMS_IN_ALL_PER_HOUR,
    SMS_IN_ALL_PER_DAY,
    SMS_BREAKER,
    CODE_GUESSES_PER_NETWORK,
)


def sign_in_budgets(identifier: str, network: str, *, known_device: str | None = None) -> tuple[Budget, ...]:
    """What one sign-in spends. identifier: normalised, known or not. network: of `network_of`.

    known_device: what stands for a device that signed in to this account before. It is judged by its own budget
    alone, so that no outsider slows it down.
    """
    if known_device is not None:
        return (Budget(SIGN_IN_PER_ACCOUNT_AND_DEVICE, f"{identifier}\n{known_device}"),)
    pair = f"{identifier}\n{network}"
    # Always in this order: tries that share two of them wait, and never for each other.
    return (
        Budget(SIGN_IN_IN_ALL, pair),
        Budget(SIGN_IN_PER_ACCOUNT_AND_NETWORK, pair),
        Budget(SIGN_IN_PER_ACCOUNT, identifier),
        Budget(SIGN_IN_PER_NETWORK, network),
    )


def birth_date_budgets(account_id: UUID, issue_number: int) -> tuple[Budget, ...]:
    """What one birth date spends: counted on the letter, so that a new letter starts at zero."""
    letter = f"{account_id}\n{issue_number}"
    return (Budget(BIRTH_DATE_IN_ALL, letter), Budget(BIRTH_DATE_PER_DAY, letter))


def not_me_budgets(account_id: UUID) -> tuple[Budget, ...]:
    """What one birth date on « Ce n’est pas moi » spends: counted on the account, whatever mail led there."""
    account = f"not me\n{account_id}"
    return (Budget(BIRTH_DATE_IN_ALL, account), Budget(BIRTH_DATE_PER_DAY, account))


def attach_budget(account_id: UUID) -> Budget:
    """What each failed try to attach another account spends: counted on the account that would be kept."""
    return Budget(ATTACH_PER_DAY, str(account_id))


def activation_message_budget(account_id: UUID) -> Budget:
    """What each activation message after the first one spends, sent again or to a corrected address."""
    return Budget(ACTIVATION_MESSAGES_PER_DAY, str(account_id))


def address_message_budgets(account_id: UUID, address: str) -> tuple[Budget, ...]:
    """What each message spends that asks a new address to be confirmed, first or sent again.

    The network is not counted: its person is signed in, and has just given the password again.
    """
    return mail_budgets(account=str(account_id), address=address, network="")[:-PER_NETWORK]


def mail_budgets(*, account: str, address: str, network: str) -> tuple[Budget, ...]:
    """What a mail spends that somebody asks for (EM-22): recovery, a new address to confirm, one sent again.

    account: its id; where none is known, what was typed, normalised, so that nobody learns which it is.
    address: where the mail goes, or would go; counted without case. network: of `network_of`.
    """
    recipient = address.casefold()
    return (
        Budget(MAILS_PER_ACCOUNT_AND_HOUR, account),
        Budget(MAILS_PER_ACCOUNT_AND_DAY, account),
        Budget(MAILS_PER_ADDRESS_AND_HOUR, recipient),
        Budget(MAILS_PER_ADDRESS_AND_DAY, recipient),
        Budget(MAILS_PER_NETWORK_AND_HOUR, network),
        Budget(MAILS_PER_NETWORK_AND_DAY, network),
    )


def sms_budgets(*, number: str | None, account: str, network: str) -> tuple[Budget, ...]:
    """What an SMS spends of what is the asker's own (SM-02, SM-03); journeys call `service.spend_sms`.

    number: E.164; None where no SMS will leave. account: as for `mail_budgets`.
    """
    recipient = number or f"nobody\n{account}"
    return (
        Budget(SMS_PER_NUMBER_AND_DAY, recipient),
        Budget(SMS_PACE_PER_NUMBER, recipient),
        Budget(SMS_PER_ACCOUNT_AND_DAY, account),
        Budget(SMS_PER_NETWORK_AND_HOUR, network),
        Budget(SMS_PER_NETWORK_AND_DAY, network),
    )


def shared_sms_budgets(
    *, number: str | None, account: str, per_hour: int, per_day: int
) -> tuple[Budget, ...]:
    """What an SMS spends of what strangers share: the range of its number, and all SMS.

    per_hour, per_day: the operator's caps in all. Without a number nothing is taken from anybody, at the same cost.
    """
    recipient = number[:-UNLIKE_DIGITS] if number else f"nobody\n{account}"
    everyone = "everyone" if number else recipient
    return (
        Budget(SMS_PER_PREFIX_AND_HOUR, recipient),
        Budget(replace(SMS_IN_ALL_PER_HOUR, tries=per_hour), everyone),
        Budget(replace(SMS_IN_ALL_PER_DAY, tries=per_day), everyone),
    )


def phone_activation_budgets(phone: str, network: str) -> tuple[Budget, ...]:
    """What each SMS asked for to activate spends, whether one leaves or not. phone: E.164, as typed."""
    return (
        Budget(PHONE_ACTIVATION_PER_NETWORK, network),
        Budget(PHONE_ACTIVATION_PER_DAY, phone),
        Budget(PHONE_ACTIVATION_PACE, phone),
    )


def activation_wait_budget(account_id: UUID) -> Budget:
    """What each activation message sent again to the same address spends besides: the next one waits longer."""
    return Budget(ACTIVATION_MESSAGE_WAIT, str(account_id))


def sms_breaker_budget() -> Budget:
    """What each SMS spends that Twilio did not take for a reason of its own; one that it takes forgets it."""
    return Budget(SMS_BREAKER, "everyone")


def recovery_budgets(
    sought: str, network: str, *, is_sms: bool, known_device: str | None = None
) -> tuple[Budget, ...]:
    """What each message of recovery spends of what the asker sees: counted on what was typed, known or not.

    sought: the normalised identifier, address or number. known_device: what stands for a device that signed in to
    this account before: it has as many messages of its own, which no outsider uses up. What SMS cost stays capped.
    """
    asker = sought if known_device is None else f"{sought}\n{known_device}"
    asked: tuple[Budget, ...] = (
        Budget(MAILS_PER_ACCOUNT_AND_HOUR, asker),
        Budget(MAILS_PER_ACCOUNT_AND_DAY, asker),
    )
    if known_device is None:
        asked += (Budget(MAILS_PER_NETWORK_AND_HOUR, network), Budget(MAILS_PER_NETWORK_AND_DAY, network))
    return (*asked, *sms_budgets(number=None, account=sought, network=network)) if is_sms else asked


def recovery_recipient_budgets(
    address: str | None, sought: str, *, is_sms: bool, known_device: str | None = None
) -> tuple[Budget, ...]:
    """What the stored address or number spends, unseen: to say that it is spent would tell whose it is.

    Apart from what other journeys count on a typed address or number, for the same reason. None: nobody's.
    known_device: as for `recovery_budgets`.
    """
    recipient = f"recovery\n{address.casefold()}" if address else f"recovery of nobody\n{sought}"
    if is_sms:
        return (Budget(SMS_PER_NUMBER_AND_DAY, recipient),)
    if known_device is not None:
        recipient = f"{recipient}\n{known_device}"
    return Budget(MAILS_PER_ADDRESS_AND_HOUR, recipient), Budget(MAILS_PER_ADDRESS_AND_DAY, recipient)


def registration_budget(network: str) -> Budget:
    """What each registration spends, and each try of one. network: of `network_of`."""
    return Budget(REGISTRATIONS_PER_NETWORK, network)


def code_guess_budget(network: str) -> Budget:
    """What each typed code of six digits spends, besides the five tries of its challenge."""
    return Budget(CODE_GUESSES_PER_NETWORK, network)


def network_of(address: str | None) -> str:
    """The network that an address is counted with: IPv4 /24, IPv6 /64; an IPv4 inside IPv6 is that IPv4.

    address: of the trusted hop only. One that cannot be read shares one network with all such.
    """
    try:
        parsed = ip_address((address or "").partition("%")[0])
    except ValueError:
        return "unreadable"
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    prefix = IPV4_PREFIX if isinstance(parsed, IPv4Address) else IPV6_PREFIX
    return str(ip_network(f"{parsed}/{prefix}", strict=False))


def seconds_until(instant: datetime, *, now: datetime) -> int | None:
    """Whole seconds, rounded up, at least 1; None for NEVER."""
    if instant >= NEVER:
        return None
    return max(1, -int((now - instant).total_seconds() // 1))
