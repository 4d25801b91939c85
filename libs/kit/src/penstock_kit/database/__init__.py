"""Records in SQLite (WAL) or PostgreSQL through SQLAlchemy Core, and their Alembic migrations."""

from penstock_kit.database.database import Database, Maintenance, open_database
from penstock_kit.database.migrate import migrate, run_migrations
from penstock_kit.database.quick_writer import WriteStep
from penstock_kit.database.schema import prepare_schema
from penstock_kit.database.sqlite_driver import RowsMissing
from penstock_kit.database.url import sqlite_url

__all__ = [
    "Database",
    "Maintenance",
    "RowsMissing",
    "WriteStep",
    "migrate",
    "open_database",
    "prepare_schema",
    "run_migrations",
    "sqlite_url",
]
