"""Run by Alembic: applies the revisions on the connection that ``penstock_kit.database.migrate`` opened."""

from sqlalchemy import MetaData

from penstock_kit.database import run_migrations

run_migrations(MetaData())
