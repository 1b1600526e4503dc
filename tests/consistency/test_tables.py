"""Rules that every table follows, and migrations that make exactly the tables of the models."""

from datetime import datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy import MetaData

from idp.db import db as provider_database
from livret_service.db import db as livret_database
from shared.database import UtcDateTime

# Columns of these names hold something about a person, wherever they stand.
PERSONAL_NAMES = {
    "birth_date", "email", "family_name", "given_name", "identifier", "ine", "pending_email", "phone",
    "postal_address", "roster_email", "roster_phone", "usage_name", "user_agent",
}  # fmt: skip


def both_metadata() -> list[MetaData]:
    return [provider_database.metadata, livret_database.metadata]


def test_every_instant_is_an_aware_one(idp_app: Flask, livret_app: Flask):
    naive = [
        f"{column}"
        for metadata in both_metadata()
        for table in metadata.sorted_tables
        for column in table.columns
        if column.type.python_type is datetime and not isinstance(column.type, UtcDateTime)
    ]

    assert naive == []


def test_every_column_that_names_a_person_is_marked_personal(idp_app: Flask, livret_app: Flask):
    unmarked = [
        f"{column}"
        for metadata in both_metadata()
        for table in metadata.sorted_tables
        for column in table.columns
        # A school's telephone and mail are printed on every letter: they are its own, nobody's person.
        if column.name in PERSONAL_NAMES and table.name != "schools" and not column.info.get("personal")
    ]

    assert unmarked == []


def test_every_constraint_has_a_name(idp_app: Flask, livret_app: Flask):
    nameless = [
        f"{table}: {constraint}"
        for metadata in both_metadata()
        for table in metadata.sorted_tables
        for constraint in table.constraints
        if constraint.name is None and list(constraint.columns)  # type: ignore[attr-defined]
    ]

    assert nameless == []


# What SQLite cannot tell of an index on an expression; PostgreSQL tells it.
@pytest.mark.filterwarnings(
    "ignore:Skipped unsupported reflection of expression-based index",
    "ignore:autogenerate skipping metadata-specified expression-based index",
)
@pytest.mark.parametrize("service", ["idp", "livret"])
def test_the_migrations_make_the_tables_of_the_models(service: str, idp_app: Flask, livret_app: Flask):
    """The fixtures' databases were made by the migrations."""
    app, database = {"idp": (idp_app, provider_database), "livret": (livret_app, livret_database)}[service]

    with app.app_context(), database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, database.metadata) == []
