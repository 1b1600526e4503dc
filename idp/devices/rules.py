"""What a browser's secret is for one account: pure."""

import hashlib
from datetime import timedelta

COOKIE_LIFE = timedelta(days=400)
"""The longest that browsers keep a cookie (RFC 6265bis 5.5); each sign-in begins it anew."""

DEVICES_PER_ACCOUNT = 30
"""The newest ones; each is a budget of guesses of its own, so their number has an end."""


def device_digest(device_secret: str, identifier: str) -> bytes:
    """What is stored of a browser's secret for one account, 32 bytes. identifier: normalised."""
    return hashlib.sha256(f"{device_secret}\n{identifier}".encode()).digest()
