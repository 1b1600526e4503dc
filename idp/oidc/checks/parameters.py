"""Raw parameters: one value each, printable ASCII, short enough to travel in a page's address."""

import re
from collections.abc import Iterable, Mapping

from idp.errors import OAuthRefusal

MAXIMUM_VALUE_LENGTH = 2048
MAXIMUM_TOTAL_LENGTH = 5000
MAXIMUM_JWT_LENGTH = 16 * 1024
RESOURCE = "resource"
PRINTABLE = re.compile(r"[ -~]*")


class ParameterRepeated(OAuthRefusal):
    """RFC 6749 3.1: a parameter is sent at most once. Never the first nor the last wins."""

    error_code = "parameter_repeated"
    error = "invalid_request"
    hint = "A parameter is sent more than once."
    may_redirect = False


class ParameterMalformed(OAuthRefusal):
    """RFC 6749 appendix A: parameters are printable ASCII; ours have a length that fits a request line."""

    error_code = "parameter_malformed"
    error = "invalid_request"
    hint = "A parameter holds a character outside printable ASCII, or is too long."
    may_redirect = False


class DemandeMalformed(OAuthRefusal):
    """ADR 0004: not a request that a page of ours carries."""

    error_code = "demande_malformed"
    error = "invalid_request"
    hint = "The carried request is not one of this provider."
    may_redirect = False


def single_parameters(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The parameters by name. An empty value counts as absent (RFC 6749 3.1). Raises ParameterRepeated.

    `resource` alone may come several times (RFC 8707 2): its values are joined by spaces, of which no address has one.
    """
    parameters: dict[str, str] = {}
    for name, value in pairs:
        if name not in parameters:
            parameters[name] = value
        elif name != RESOURCE:
            raise ParameterRepeated
        elif value != parameters[name]:
            parameters[name] += f" {value}"
    return {name: value for name, value in parameters.items() if value}


def check_printable_and_short(parameters: dict[str, str]) -> None:
    """RFC 6749 appendix A. Raises ParameterMalformed."""
    total = sum(len(name) + len(value) for name, value in parameters.items())
    if total > MAXIMUM_TOTAL_LENGTH:
        raise ParameterMalformed("too long in all")
    if not all(is_well_formed(name) and is_well_formed(value) for name, value in parameters.items()):
        raise ParameterMalformed


def is_well_formed(value: str) -> bool:
    """Printable ASCII of a length that fits."""
    return len(value) <= MAXIMUM_VALUE_LENGTH and PRINTABLE.fullmatch(value) is not None


def without_signed(parameters: Mapping[str, str], *names: str) -> dict[str, str]:
    """The parameters but those of these names that are no longer than a JWT may be: its signature judges its form.

    None of them travels in a page's address.
    """
    return {
        name: value
        for name, value in parameters.items()
        if name not in names or len(value) > MAXIMUM_JWT_LENGTH
    }
