"""Alembic's entry: which tables there should be."""

from feature_service.adapters.metadata.table import metadata
from penstock_kit.database import run_migrations

run_migrations(metadata)
