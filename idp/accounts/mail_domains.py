"""What a mistyped mail domain probably was: pure. A hint for the person, never a refusal."""

MOST_EDITS = 2
SHORT_DOMAIN = 8
"""Below so many characters one edit only: among short names many are near each other and right."""

COMMON_DOMAINS = (
    "gmail.com",
    "orange.fr",
    "hotmail.fr",
    "hotmail.com",
    "free.fr",
    "laposte.net",
    "wanadoo.fr",
    "sfr.fr",
    "yahoo.fr",
    "yahoo.com",
    "outlook.fr",
    "outlook.com",
    "live.fr",
    "live.com",
    "icloud.com",
    "bbox.fr",
    "neuf.fr",
    "numericable.fr",
    "gmx.fr",
    "gmx.com",
    "msn.com",
    "aol.com",
    "ymail.com",
    "protonmail.com",
    "proton.me",
)
"""What parents use most, the most frequent first: of two that are as near, the first is meant."""


def meant_address(address: str) -> str | None:
    """The address with the common domain that is nearest to its own; None when it has one, or is near none."""
    local_part, _, domain = address.rpartition("@")
    domain = domain.lower()
    if not local_part or domain in COMMON_DOMAINS:
        return None
    # The length alone rules most out, and a very long domain costs nothing.
    near = [common for common in COMMON_DOMAINS if abs(len(common) - len(domain)) <= MOST_EDITS]
    nearest = min(near, key=lambda common: edits_between(domain, common), default="")
    return f"{local_part}@{nearest}" if nearest and _is_near(domain, nearest) else None


def edits_between(one: str, other: str) -> int:
    """Letters added, left out, replaced, or two neighbours swapped (optimal string alignment)."""
    before_last: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        line = [row]
        for column, wanted in enumerate(other, start=1):
            fewest = min(last[column] + 1, line[-1] + 1, last[column - 1] + (letter != wanted))
            is_swapped = row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == wanted
            line.append(min(fewest, before_last[column - 2] + 1) if is_swapped else fewest)
        before_last, last = last, line
    return last[-1]


def _is_near(domain: str, common: str) -> bool:
    return edits_between(domain, common) <= (1 if len(common) < SHORT_DOMAIN else MOST_EDITS)
