"""A progress bar for commands: on standard error, on a terminal only."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

BAR_CELLS = 30
SECONDS_BETWEEN_DRAWINGS = 0.1


class ProgressBar:
    """Call it with (done, total): it draws what is done, the rate and the time left. Silent where nobody looks."""

    def __init__(
        self, label: str, *, stream: TextIO | None = None, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._label = label
        self._stream = stream or sys.stderr
        self._seconds = seconds
        self._started = seconds()
        self._drawn = float("-inf")

    def __call__(self, done: int, total: int) -> None:
        """Draw anew, at most ten times a second, and always at the end."""
        now = self._seconds()
        is_finished = done >= total
        if not self._stream.isatty() or (now - self._drawn < SECONDS_BETWEEN_DRAWINGS and not is_finished):
            return
        self._drawn = now
        # Erase the line first: the new text may be shorter.
        self._stream.write("\r\x1b[K" + self._text(done, total, now - self._started) + "\n" * is_finished)
        self._stream.flush()

    def _text(self, done: int, total: int, elapsed: float) -> str:
        cells = BAR_CELLS * done // max(total, 1)
        rate = done / elapsed if elapsed > 0 else 0.0
        left = (total - done) / rate if rate else 0.0
        bar = "#" * cells + "." * (BAR_CELLS - cells)
        return f"{self._label} [{bar}] {done}/{total}  {rate:.0f}/s  {left:.0f} s left"
