"""A hasher for tests: the real Argon2id through the real library, at a cost that protects nothing."""

from idp.passwords.rules import HashingCost
from idp.passwords.service import Hasher

# LOUD: fit for tests alone. One pass over 8 KiB is broken by anything; it is here because tests hash thousands
# of times. tests/idp/passwords/test_service.py holds the cost that the product uses.
CHEAP_COST = HashingCost(passes=1, memory_kib=8)


class CountingHasher(Hasher):
    """Counts the verifications and the hashes that a request costs."""

    def __init__(self, cost: HashingCost = CHEAP_COST, *, slots: int = 8, wait_seconds: float = 2.0) -> None:
        super().__init__(cost, slots=slots, wait_seconds=wait_seconds)
        self.verified = 0
        self.hashed = 0
        assert self.decoy_hash  # made once a worker, as in production: not a part of any request

    def verify(self, password_hash: str | None, prepared: str) -> bool:
        self.verified += 1
        return super().verify(password_hash, prepared)

    def hash(self, prepared: str) -> str:
        self.hashed += 1
        return super().hash(prepared)
