"""Forged tokens by the thousand: one honest token, changed in ways that an attacker would try. Seeded."""

import base64
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

Parts = tuple[str, str, str]
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1e400, 10**30, "", "none", "é", "\0", [], {}, [[]], {"a": 1}, ["livret"], "https://evil.example",
)  # fmt: skip
HEADER_NAMES = ("alg", "kid", "typ", "crit", "jwk", "jku", "x5u", "x5c", "b64", "cty", "zip", "enc")
ALGORITHMS = (
    "none",
    "None",
    "NONE",
    "HS256",
    "HS512",
    "PS256",
    "ES256",
    "RS512",
    "RS256 ",
    "rs256",
    "EdDSA",
    "",
)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def mutated_tokens(honest: str, count: int, *, seed: int) -> Iterator[str]:
    """`count` tokens, none of them `honest`, the same for the same seed."""
    draw = random.Random(seed)
    made = 0
    while made < count:
        forged = draw.choice(MUTATIONS)(honest, draw)
        if draw.random() < 0.3:
            forged = draw.choice(MUTATIONS)(forged, draw)
        if forged != honest:
            made += 1
            yield forged


def decoded(segment: str) -> bytes:
    """The bytes of a segment. Raises ValueError."""
    return base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)


def encoded(content: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def split(signed: str) -> Parts:
    """Three segments, whatever came."""
    header, payload, signature = ([*signed.split("."), "", "", ""])[:3]
    return header, payload, signature


def change_character(signed: str, draw: random.Random) -> str:
    """One character becomes another."""
    if not signed:
        return "."
    at = draw.randrange(len(signed))
    return signed[:at] + draw.choice(ALPHABET + ".=+/ \n\0é") + signed[at + 1 :]


def cut(signed: str, draw: random.Random) -> str:
    """Its beginning, or its end."""
    at = draw.randrange(len(signed) + 1)
    return signed[:at] if draw.random() < 0.5 else signed[at:]


def double(signed: str, draw: random.Random) -> str:
    """A stretch of it twice."""
    start = draw.randrange(len(signed) + 1)
    stretch = signed[start : start + draw.randrange(1, 40)]
    return signed[:start] + stretch + signed[start:] if stretch else signed + "."


def change_dots(signed: str, draw: random.Random) -> str:
    """Other segments than three."""
    return draw.choice(
        (
            signed + ".",
            "." + signed,
            signed.replace(".", "", 1),
            signed.replace(".", "..", 1),
            signed + ".e30",
        )
    )


def change_header(signed: str, draw: random.Random) -> str:
    """A header member added, changed or removed; the signature stays."""
    header, payload, signature = split(signed)
    value = draw.choice(ALGORITHMS) if draw.random() < 0.5 else draw.choice(ODD_VALUES)
    return f"{with_member(header, draw.choice(HEADER_NAMES), value, draw)}.{payload}.{signature}"


def change_claim(signed: str, draw: random.Random) -> str:
    """A claim added, changed or removed; the signature stays."""
    header, payload, signature = split(signed)
    names = (
        "iss",
        "aud",
        "sub",
        "sid",
        "iat",
        "exp",
        "nbf",
        "nonce",
        "events",
        "jti",
        "at_hash",
        "children",
        "azp",
    )
    return f"{header}.{with_member(payload, draw.choice(names), draw.choice(ODD_VALUES), draw)}.{signature}"


def with_member(segment: str, name: str, value: Any, draw: random.Random) -> str:
    """A JSON segment with one member changed, or removed."""
    try:
        members = json.loads(decoded(segment))
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict):
        return encoded(json.dumps({name: value}).encode())
    if draw.random() < 0.2:
        members.pop(name, None)
        return encoded(json.dumps(members | {"x": draw.random()}).encode())
    return encoded(json.dumps(members | {name: value}).encode())


def change_bytes(signed: str, draw: random.Random) -> str:
    """One bit of one segment's bytes."""
    parts = list(split(signed))
    which = draw.randrange(3)
    try:
        content = bytearray(decoded(parts[which]))
    except ValueError:
        content = bytearray()
    if content:
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    parts[which] = encoded(bytes(content) or b"\0")
    return ".".join(parts)


def strip_signature(signed: str, draw: random.Random) -> str:
    """No signature, under an algorithm that needs none."""
    header, payload, _ = split(signed)
    alg = draw.choice(ALGORITHMS)
    return f"{with_member(header, 'alg', alg, draw)}.{payload}." + draw.choice(("", "e30", "AA"))


def nest(signed: str, draw: random.Random) -> str:
    """A payload or header of deep nesting, or of another JSON type."""
    _, payload, signature = split(signed)
    deep = draw.choice(
        ("[" * 5000, "{" * 5000, '{"a":' * 3000, "[]", "null", "1", '"x"', "{", "", "NaN", "\ud800")
    )
    content = encoded(deep.encode("utf-8", "surrogatepass"))
    return (
        f"{content}.{payload}.{signature}"
        if draw.random() < 0.5
        else f"{signed.split('.', maxsplit=1)[0]}.{content}.{signature}"
    )


def swap_segments(signed: str, draw: random.Random) -> str:
    """The segments in another order."""
    parts = list(split(signed))
    draw.shuffle(parts)
    return ".".join(parts)


MUTATIONS: tuple[Callable[[str, random.Random], str], ...] = (
    change_character, change_character, cut, double, change_dots, change_header, change_claim, change_claim, change_bytes,
    change_bytes, strip_signature, nest, swap_segments,
)  # fmt: skip
