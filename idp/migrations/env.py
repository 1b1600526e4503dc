"""Alembic's environment: the application's own engine and tables."""

from alembic import context
from flask import current_app

database = current_app.extensions["migrate"].db


def run_migrations() -> None:
    """Run on the application's engine, in one transaction, batch mode for SQLite."""
    with database.engine.connect().execution_options(writes=True) as connection:
        context.configure(
            connection=connection,
            target_metadata=database.metadata,
            render_as_batch=True,
            compare_type=True,
            render_item=render_item,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


def render_item(kind, item, autogen_context):
    """Write our own column types with their import."""
    if kind == "type" and type(item).__module__ == "shared.database":
        autogen_context.imports.add("import shared.database")
        return f"shared.database.{type(item).__name__}()"
    return False


if context.is_offline_mode():
    raise SystemExit("Run migrations on the database itself: they were tested so.")
run_migrations()
