"""The limits, as data, and what each is counted on."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from uuid import UUID

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


Limit = GrowingDelay | Quota


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
    """An attempt that may be evaluated. `remaining`: tries left in the tightest quota, None without quota."""

    remaining: int | None


class TooManyAttempts(DomainError):
    """The attempt must not be evaluated. `seconds`: until one may be, None when only a new secret helps."""

    error_code = "too_many_attempts"
    sentence = "Trop d’essais. Réessayez plus tard."

    def __init__(self, limit: Limit, seconds: int | None) -> None:
        super().__init__(limit.name, seconds=seconds)
        self.limit = limit
        self.seconds = seconds


SIGN_IN_PER_ACCOUNT_AND_NETWORK = GrowingDelay(
    "sign_in_per_account_and_network",
    free_failures=4,
    delays=tuple(timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 15)),
    forgotten_after=timedelta(hours=24),
)
BIRTH_DATE_PER_DAY = Quota("birth_date_per_day", tries=3, window=timedelta(days=1))
BIRTH_DATE_IN_ALL = Quota("birth_date_in_all", tries=10, window=None)
ACTIVATION_MESSAGES_PER_DAY = Quota("activation_messages_per_day", tries=5, window=timedelta(days=1))
# A certification run registers a hundred clients in minutes, from one address.
REGISTRATIONS_PER_NETWORK = Quota("registrations_per_network", tries=300, window=timedelta(minutes=10))

# A change of address writes to a mailbox that nobody has confirmed yet: counted on who asks and on whom it reaches.
ADDRESS_MESSAGES_PER_HOUR = Quota("address_messages_per_hour", tries=3, window=timedelta(hours=1))
ADDRESS_MESSAGES_PER_DAY = Quota("address_messages_per_day", tries=10, window=timedelta(days=1))

LIMITS: tuple[Limit, ...] = (
    SIGN_IN_PER_ACCOUNT_AND_NETWORK,
    BIRTH_DATE_PER_DAY,
    BIRTH_DATE_IN_ALL,
    ACTIVATION_MESSAGES_PER_DAY,
    REGISTRATIONS_PER_NETWORK,
    ADDRESS_MESSAGES_PER_HOUR,
    ADDRESS_MESSAGES_PER_DAY,
)


def sign_in_budgets(identifier: str, network: str) -> tuple[Budget, ...]:
    """What one sign-in spends. identifier: normalised, known or not. network: of `network_of`."""
    # A known device, the account, the network and everyone together get their own budget in this tuple.
    return (Budget(SIGN_IN_PER_ACCOUNT_AND_NETWORK, f"{identifier}\n{network}"),)


def birth_date_budgets(account_id: UUID, issue_number: int) -> tuple[Budget, ...]:
    """What one birth date spends: counted on the letter, so that a new letter starts at zero."""
    letter = f"{account_id}\n{issue_number}"
    return (Budget(BIRTH_DATE_IN_ALL, letter), Budget(BIRTH_DATE_PER_DAY, letter))


def activation_message_budget(account_id: UUID) -> Budget:
    """What each activation message after the first one spends, sent again or to a corrected address."""
    return Budget(ACTIVATION_MESSAGES_PER_DAY, str(account_id))


def address_message_budgets(account_id: UUID, address: str) -> tuple[Budget, ...]:
    """What each message spends that asks a new address to be confirmed, first or sent again."""
    counted_on = (f"account\n{account_id}", f"address\n{address.casefold()}")
    return tuple(
        Budget(limit, one)
        for one in counted_on
        for limit in (ADDRESS_MESSAGES_PER_HOUR, ADDRESS_MESSAGES_PER_DAY)
    )


def registration_budget(network: str) -> Budget:
    """What each registration spends, and each try of one. network: of `network_of`."""
    return Budget(REGISTRATIONS_PER_NETWORK, network)


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
