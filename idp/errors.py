"""The tree of refusals. A leaf lives beside what raises it; this file holds the branches. Pure."""

from collections.abc import Iterator
from typing import ClassVar


class DomainError(Exception):
    """A refusal we foresaw. `detail` is for the log alone."""

    error_code: ClassVar[str]
    """English snake_case, stable for ever: tests, metrics, audit."""
    sentence: ClassVar[str] = ""
    """French, for the person; translated when shown. May hold `{names}` that `variables` fills."""
    hint: ClassVar[str] = ""
    """English ASCII without quote or backslash, for the integrator (RFC 6749 5.2)."""

    def __init__(self, detail: str = "", **variables: object) -> None:
        super().__init__(self.error_code)
        self.detail = detail
        self.variables = variables


class FieldRefusal(DomainError):
    """A refusal that belongs to one field of a form: `field` names it."""

    field: ClassVar[str]


class OAuthRefusal(DomainError):
    """A refusal that the protocol words: `error` is an RFC's constant."""

    error: ClassVar[str]
    may_redirect: ClassVar[bool] = True
    """False when the person must be told on our own page (RFC 6749 4.1.2.1)."""
    status: ClassVar[int] = 400
    remedy: ClassVar[str] = ""
    """English, for the dictionary alone: what the developers of a service look at, where it is not plain."""


def oauth_refusals() -> tuple[type[OAuthRefusal], ...]:
    """The error dictionary: every refusal of the protocol that has a code of its own, by code.

    What the protocol answers, the page that services' developers read and the documentation all come from here.
    """
    coded = {refusal for refusal in _below(OAuthRefusal) if "error_code" in vars(refusal)}
    return tuple(sorted(coded, key=lambda refusal: refusal.error_code))


def _below(refusal: type[OAuthRefusal]) -> Iterator[type[OAuthRefusal]]:
    for child in refusal.__subclasses__():
        yield child
        yield from _below(child)


class CommandRefused(DomainError):
    """A command stops: `exit_code` as operators know them (0 done … 5 partly done)."""

    exit_code: ClassVar[int] = 3
