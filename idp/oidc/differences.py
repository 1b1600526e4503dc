"""In what kind an address differs from the registered ones: told to developers, never the list itself. Pure."""

from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit


def kinds_of_difference(received: str, registered: Iterable[str]) -> tuple[str, ...]:
    """The kinds in which `received` differs from the nearest registered address, in the order of an address.

    Of `scheme`, `host`, `port`, `path`, `trailing slash`, `query`, `fragment`, `case`, `user information`; or
    `not an address`.
    """
    candidates = [_kinds(received, address) for address in registered]
    return min(candidates, key=len, default=())


def _kinds(received: str, registered: str) -> tuple[str, ...]:
    if received.lower() == registered.lower():
        return ("case",)
    try:
        ours, theirs = urlsplit(registered), urlsplit(received)
        pairs = {
            "scheme": (ours.scheme, theirs.scheme),
            "user information": (ours.username, theirs.username),
            "host": (ours.hostname, theirs.hostname),
            "port": (ours.port, theirs.port),
            _path_kind(ours, theirs): (ours.path, theirs.path),
            "query": (ours.query, theirs.query),
            "fragment": (ours.fragment, theirs.fragment),
        }
    except ValueError:
        return ("not an address",)
    return tuple(kind for kind, (one, other) in pairs.items() if one != other) or ("spelling",)


def _path_kind(ours: SplitResult, theirs: SplitResult) -> str:
    return "trailing slash" if ours.path.rstrip("/") == theirs.path.rstrip("/") else "path"
