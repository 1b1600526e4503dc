"""Database plumbing that both services use: column types, SQLite's settings, transactions. No table (ADR 0018)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import uuid_utils
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, DateTime, Dialect, Engine, MetaData, event, select
from sqlalchemy.orm import DeclarativeBase, ORMExecuteState, Session, registry
from sqlalchemy.types import TypeDecorator

WRITES = "writes"
CHUNK_ROWS = 1000
_Row = TypeVar("_Row")
NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant in UTC. SQLite gives back naive ones whatever the column says; this one does not."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime has no place in the database")
        return (
            value.astimezone(UTC) if dialect.name != "sqlite" else value.astimezone(UTC).replace(tzinfo=None)
        )

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def uuid7() -> UUID:
    """A time-ordered identifier (RFC 9562 5.7): good index locality. Never a secret."""
    return UUID(int=uuid_utils.uuid7().int)


def in_chunks(rows: Sequence[_Row], size: int = CHUNK_ROWS) -> Iterator[Sequence[_Row]]:
    """`rows`, at most `size` at a time: one statement holds at most 32,766 parameters on SQLite."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def new_base() -> type[DeclarativeBase]:
    """A declarative base of its own for each service, with every constraint named."""

    class Base(DeclarativeBase):
        registry = registry(
            metadata=MetaData(naming_convention=NAMING_CONVENTION),
            type_annotation_map={datetime: UtcDateTime()},
        )

    return Base


class WriteOutsideTransaction(RuntimeError):
    """A statement would write outside `transaction()`: a fault of ours, stopped before it reaches the database."""


def new_transaction(database: SQLAlchemy) -> Callable[[], AbstractContextManager[Session]]:
    """The `transaction()` of one service: one per use case, never nested, committed at its end or not at all."""

    @contextmanager
    def transaction() -> Iterator[Session]:
        session = database.session()
        if session.info.get(WRITES):
            raise RuntimeError("a transaction is open already: the journey's service opens the only one")
        # What was read before ends here: the writer starts from a fresh snapshot.
        session.rollback()
        session.info[WRITES] = True
        try:
            session.connection(execution_options={WRITES: True})
            yield session
            session.commit()
        except BaseException:
            session.rollback()
            raise
        finally:
            session.info.pop(WRITES, None)

    return transaction


def connect(app: Flask, database: SQLAlchemy, migrate: Migrate, url: str) -> None:
    """Give the application its database, ready for its first statement. Creates nothing."""
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    database.init_app(app)
    migrate.init_app(app, database, directory=f"{app.root_path}/migrations")
    with app.app_context():
        _prepare_engine(database.engine)
    # Every write goes through `transaction()`: a forgotten one is found by the first test that runs it.
    session_class = database.session.session_factory.class_
    event.listen(session_class, "before_flush", _refuse_flush)
    event.listen(session_class, "do_orm_execute", _refuse_statement)


def check_database(database: SQLAlchemy) -> None:
    """Ask the database for one answer. Raises whatever the driver raises when it is gone."""
    with database.engine.connect() as connection:
        connection.execute(select(1))


def _prepare_engine(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)


def _configure_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin by itself
    for pragma in ("journal_mode=WAL", "busy_timeout=5000", "foreign_keys=ON", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A read that turns into a write fails at once with "database is locked": writers say so from the start.
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _refuse_flush(session: Session, _context: object, _instances: object) -> None:
    if not session.info.get(WRITES):
        raise WriteOutsideTransaction


def _refuse_statement(state: ORMExecuteState) -> None:
    if (state.is_insert or state.is_update or state.is_delete) and not state.session.info.get(WRITES):
        raise WriteOutsideTransaction
