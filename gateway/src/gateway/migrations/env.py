"""Alembic's entry: the gateway's tables."""

from gateway.auth.table import metadata
from penstock_kit.database import run_migrations

run_migrations(metadata)
