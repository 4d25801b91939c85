"""A database of a service, as its stores have it."""

import atexit
import shutil
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

from sqlalchemy import make_url

from penstock_kit.database import Database, migrate, open_database, sqlite_url


@asynccontextmanager
async def migrated(url: str, migrations: Path) -> AsyncGenerator[Database]:
    """Open the database at `url` with the newest schema of `migrations`, until the block ends."""
    await lay_out(url, migrations)
    opened = open_database(url)
    try:
        yield opened
    finally:
        await opened.close()


async def lay_out(url: str, migrations: Path) -> None:
    """Give the database at `url` the newest schema of `migrations`, as :func:`penstock_kit.database.migrate` does.

    An SQLite file that is not there yet is a copy of one that was migrated once in this process: migrating takes longer
    than most tests do. A test of migrations calls the real thing.
    """
    file = _new_file(url)
    if file is None:
        await migrate(url, migrations)
        return
    laid_out = _laid_out(migrations)
    if not laid_out.is_file():
        unfinished = laid_out.with_suffix(".new")
        await migrate(sqlite_url(unfinished), migrations)
        unfinished.rename(laid_out)
    shutil.copy(laid_out, file)


def _new_file(url: str) -> Path | None:
    """Return the SQLite file of `url`, its folder made, if it is not there yet."""
    file = Path(make_url(url).database or "")
    if not url.startswith("sqlite") or file.exists():
        return None
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


@cache
def _laid_out(migrations: Path) -> Path:
    """Return where the file with the schema of `migrations` is, or will be; it ends with the process."""
    folder = tempfile.mkdtemp(prefix=f"penstock-{migrations.parent.name}-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder) / "laid_out.db"
