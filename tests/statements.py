"""What a database was asked, to compare what two cases cost."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event


@contextmanager
def recorded_statements(engine: Engine) -> Iterator[list[str]]:
    """The statements run within, in order, without their values."""
    recorded: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        recorded.append(statement)

    event.listen(engine, "before_cursor_execute", listen)
    try:
        yield recorded
    finally:
        event.remove(engine, "before_cursor_execute", listen)
