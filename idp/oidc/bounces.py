"""A service that sends the browser back as soon as it was answered, again and again. Pure.

What is known of it lies in the browser alone: whoever changes it stops or spares nobody but themselves.
"""

import hashlib
import re
from datetime import datetime, timedelta

AT_ONCE = timedelta(seconds=5)
"""Sooner after an answer nobody comes back by themselves."""
MOST_RETURNS = 1
"""Once may be chance: two tabs, a double click."""
ANSWERED = re.compile(r"([0-9])\.([0-9]{1,12})\.([0-9a-f]{16})")


def write_answered(client_id: str, returns: int, *, now: datetime) -> str:
    """What the browser keeps of an answer: after how many returns, when, and to which service."""
    return f"{returns}.{int(now.timestamp())}.{_tag(client_id)}"


def count_returns(kept: str, client_id: str, *, now: datetime) -> int:
    """How often this service has sent the browser back at once, this time included. kept: as the browser sent it."""
    read = ANSWERED.fullmatch(kept)
    if read is None or read[3] != _tag(client_id):
        return 0
    has_just_been = timedelta() <= now - datetime.fromtimestamp(int(read[2]), now.tzinfo) <= AT_ONCE
    return int(read[1]) + 1 if has_just_been else 0


def _tag(client_id: str) -> str:
    return hashlib.sha256(client_id.encode()).hexdigest()[:16]
