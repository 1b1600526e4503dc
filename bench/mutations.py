"""Hostile variants of a good redirect URI and of a good JWT: drawn at random from a seed, never equal to the good one."""

import base64
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

PIECES = (
    "@evil.test", "evil.test", "//evil.test/", "/..", "/%2e%2e", "/..;/", "\\", "%5c", "#", "#x", "?", "?x=1", "&", ";",
    ":443", ":8443", ".", "/", "//", "%", "%00", "\0", "\r\n", "%0d%0a", " ", "%20", "\t", "é", "%C3%A9", "\u202e", "。",
    "javascript:", "data:", "http:", "HTTPS:", "localhost", "127.0.0.1", "[::1]", "*", "'", '"', "<", "xn--", "\ufeff",
)  # fmt: skip
ALGORITHMS = ("none", "None", "HS256", "HS512", "ES256", "PS256", "RS512", "RS1", "", None, 1, ["RS256"])
CLAIM_VALUES: tuple[Any, ...] = (
    None,
    "",
    "x",
    0,
    -1,
    2**63,
    1e308,
    True,
    [],
    {},
    ["x"],
    "https://evil.test",
    "\0",
)


def hostile_uris(good: str, *, seed: int, count: int) -> Iterator[str]:
    """`count` variants of an address: pieces put in, parts taken out, turned round, re-encoded, in another case."""
    draw = random.Random(seed)
    ways: tuple[Callable[[str, random.Random], str], ...] = (
        _insert,
        _insert,
        _cut,
        _swap,
        _recase,
        _escape,
        _replace_host,
    )
    for _ in range(count):
        bad = good
        while bad == good:
            for _ in range(draw.randint(1, 3)):
                bad = draw.choice(ways)(bad, draw)
        yield bad


def hostile_jwts(good: str, *, seed: int, count: int) -> Iterator[str]:
    """`count` variants of a signed JWT: header, claims or signature changed, or the whole mangled as text."""
    draw = random.Random(seed)
    ways = (_other_header, _other_claim, _other_signature, _mangled)
    for _ in range(count):
        bad = good
        while bad == good:
            bad = draw.choice(ways)(good, draw)
        yield bad


def _insert(text: str, draw: random.Random) -> str:
    place = draw.randint(0, len(text))
    return text[:place] + draw.choice(PIECES) + text[place:]


def _cut(text: str, draw: random.Random) -> str:
    start = draw.randint(0, len(text))
    return text[:start] + text[start + draw.randint(1, 4) :]


def _swap(text: str, draw: random.Random) -> str:
    place = draw.randint(0, max(len(text) - 2, 0))
    return text[:place] + text[place : place + 2][::-1] + text[place + 2 :]


def _recase(text: str, draw: random.Random) -> str:
    place = draw.randint(0, max(len(text) - 1, 0))
    return text[:place] + text[place : place + 1].swapcase() + text[place + 1 :]


def _escape(text: str, draw: random.Random) -> str:
    place = draw.randint(0, max(len(text) - 1, 0))
    escaped = "".join(f"%{byte:02x}" for byte in text[place : place + 1].encode())
    return text[:place] + escaped + text[place + 1 :]


def _replace_host(text: str, draw: random.Random) -> str:
    scheme, _, rest = text.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{draw.choice((f'evil.test/{host}', f'{host}.evil.test', f'{host}@evil.test', 'evil.test'))}{slash}{path}"


def _other_header(good: str, draw: random.Random) -> str:
    header, claims, signature = good.split(".")
    changed = _read(header) | draw.choice(
        (
            {"alg": draw.choice(ALGORITHMS)},
            {"kid": draw.choice(("", "x", "../../etc/passwd", "' OR 1=1 --", None, 5))},
            {"jwk": {"kty": "oct", "k": "AA"}},
            {"jku": "https://evil.test/jwks"},
            {"crit": ["exp"]},
            {"b64": False},
            {"typ": draw.choice(("at+jwt", "logout+jwt", 3))},
        )
    )
    return ".".join((_write(changed), claims, draw.choice((signature, ""))))


def _other_claim(good: str, draw: random.Random) -> str:
    header, claims, signature = good.split(".")
    values = _read(claims)
    values[draw.choice([*values, "new"])] = draw.choice(CLAIM_VALUES)
    return ".".join((header, _write(values), signature))


def _other_signature(good: str, draw: random.Random) -> str:
    head, _, signature = good.rpartition(".")
    place = draw.randint(0, len(signature) - 2)
    return f"{head}.{signature[:place]}{draw.choice('ABab01-_')}{signature[place + 1 :]}"


def _mangled(good: str, draw: random.Random) -> str:
    return draw.choice((_cut, _swap, _insert))(good, draw)


def _read(segment: str) -> dict[str, Any]:
    return dict(json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))))


def _write(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
