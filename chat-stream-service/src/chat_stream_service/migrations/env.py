"""Alembic's entry: the kit applies the revisions on the connection it opened."""

from chat_stream_service.adapters.table import metadata
from penstock_kit.database import run_migrations

run_migrations(metadata)
