"""Alembic's entry point."""

from llm_service.adapters.table import metadata
from penstock_kit.database import run_migrations

run_migrations(metadata)
