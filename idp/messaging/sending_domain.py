"""What the DNS says of the domain that mails come from: SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489)."""

from dns.exception import DNSException
from dns.resolver import NXDOMAIN, NoAnswer, get_default_resolver

LOOK_UP_SECONDS = 3.0
REFUSING_ALL = frozenset({"-all", "~all"})


class CouldNotLook(Exception):
    """No name server answered, or what it answered was not an answer: nothing is known."""


def spf_problem(domain: str, *, seconds: float = LOOK_UP_SECONDS) -> str | None:
    """What is wrong with the list of servers that may send for the domain; None when all is well.

    Raises CouldNotLook.
    """
    records = [text for text in _texts(domain, seconds) if text.lower().split(" ")[0] == "v=spf1"]
    if len(records) != 1:
        # Two are an error for every receiver (RFC 7208 4.5).
        return "several records" if records else "no record"
    terms = records[0].lower().split()
    if not REFUSING_ALL.isdisjoint(terms) or any(term.startswith("redirect=") for term in terms):
        return None
    return "lets every server send: end it with -all"


def dkim_problem(domain: str, selector: str, *, seconds: float = LOOK_UP_SECONDS) -> str | None:
    """What is wrong with the key that the mail server signs with; None when all is well. Raises CouldNotLook."""
    keys = [_tags(text).get("p") for text in _texts(f"{selector}._domainkey.{domain}", seconds)]
    if not any(key is not None for key in keys):
        return f"no key under {selector}._domainkey"
    return None if any(keys) else f"the key under {selector}._domainkey is withdrawn"


def dmarc_problem(domain: str, *, seconds: float = LOOK_UP_SECONDS) -> str | None:
    """What is wrong with the order to refuse what is not ours; None when all is well. Raises CouldNotLook.

    A domain without a record follows the nearest one above it (RFC 7489 6.6.3), there by `sp`.
    """
    labels = domain.split(".")
    for above in range(len(labels) - 1):
        tags = _dmarc_tags(".".join(labels[above:]), seconds)
        if tags is not None:
            policy = tags.get("sp", tags.get("p", "")) if above else tags.get("p", "")
            return None if policy == "reject" else f"p={policy}: what is not signed by you is let through"
    return "no record"


def _dmarc_tags(domain: str, seconds: float) -> dict[str, str] | None:
    found = [_tags(text) for text in _texts(f"_dmarc.{domain}", seconds)]
    return next((tags for tags in found if tags.get("v") == "DMARC1"), None)


def _tags(text: str) -> dict[str, str]:
    """The `name=value` pairs of a record, parted by semicolons."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip(): "".join(value.split()) for name, _, value in pairs}


def _texts(name: str, seconds: float) -> list[str]:
    """The TXT records of a name; none when there is no such name."""
    try:
        answer = get_default_resolver().resolve(f"{name}.", "TXT", lifetime=seconds)
    except (NXDOMAIN, NoAnswer):
        return []
    except (DNSException, OSError) as failure:
        raise CouldNotLook(type(failure).__name__) from failure
    # A long record is several strings, to be read as one.
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
