"""The livret service's database: one declarative base, one `transaction` per use case."""

from typing import TYPE_CHECKING, Any

from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import DeclarativeBase

from shared.database import new_base, new_transaction

db = SQLAlchemy(model_class=new_base(), disable_autonaming=True)
migrate = Migrate(render_as_batch=True, compare_type=True)
transaction = new_transaction(db)

if TYPE_CHECKING:  # Flask-SQLAlchemy builds its base at run time, where a type checker cannot follow

    class Model(DeclarativeBase):
        """The base of every table."""
else:
    Model = db.Model


def insert_into(table: type[Model]) -> Any:
    """An INSERT that knows ON CONFLICT, which each database spells in a class of its own."""
    return (postgresql_insert if db.engine.dialect.name == "postgresql" else sqlite_insert)(table)
