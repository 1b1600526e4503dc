"""The tree of refusals. A leaf lives beside what raises it; this file holds the branches. Pure."""

from typing import ClassVar


class DomainError(Exception):
    """A refusal we foresaw. `detail` is for the log alone."""

    error_code: ClassVar[str]
    """English snake_case, stable for ever: tests, metrics."""
    sentence: ClassVar[str] = ""
    """French, for the person; translated when shown."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(self.error_code)
        self.detail = detail
