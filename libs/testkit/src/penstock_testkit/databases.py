"""A database of a service, as its stores have it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from penstock_kit.database import Database, migrate, open_database


@asynccontextmanager
async def migrated(url: str, migrations: Path) -> AsyncGenerator[Database]:
    """Open the database at `url` with the newest schema of `migrations`, until the block ends."""
    await migrate(url, migrations)
    opened = open_database(url)
    try:
        yield opened
    finally:
        await opened.close()
