"""``penstock maintain``: gives free space back and refreshes the planners' statistics, while everything runs."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from penstock_cli.failure import CommandFailed
from penstock_cli.settings import CliSettings
from penstock_cli.supervisor.state import Home

_DATABASES: Final = ("gateway", "llm", "chat", "feature")
_TELEMETRY: Final = "telemetry.duckdb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """What was done to one store: sizes in bytes (0 when unknown), or why nothing was."""

    store: str
    before: int = 0
    after: int = 0
    skipped: str = ""

    def line(self) -> str:
        """Return it as a line of the report."""
        if self.skipped:
            return f"{self.store:<18} {self.skipped}"
        if not self.before:
            return f"{self.store:<18} done"
        return f"{self.store:<18} {_megabytes(self.before)} → {_megabytes(self.after)}"


def maintain(settings: CliSettings) -> int:
    """Optimize, checkpoint and vacuum every store of this home; return 0 when all of them could be."""

    async def run() -> None:
        async for upkeep in _upkeep(settings):
            sys.stdout.write(upkeep.line() + "\n")

    asyncio.run(run())
    return 0


async def _upkeep(settings: CliSettings) -> AsyncIterator[Upkeep]:
    url = settings.text("DATABASE_URL")
    if url:
        yield await _database("DATABASE_URL", url)
    else:
        for name in _DATABASES:
            file = settings.home / f"{name}.db"
            if file.exists():
                yield await _sqlite(file)
    if not settings.text("TELEMETRY_URL"):
        yield await _telemetry(settings)


async def _sqlite(file: Path) -> Upkeep:
    from penstock_kit.database import sqlite_url

    return await _database(file.name, sqlite_url(file))


async def _database(name: str, url: str) -> Upkeep:
    from penstock_kit.database import open_database
    from penstock_kit.errors import PenstockError

    try:
        database = open_database(url)
        try:
            done = await database.maintain()
        finally:
            await database.close()
    except PenstockError as error:
        raise CommandFailed(f"{name}: {error.message}") from None
    return Upkeep(store=name, before=done.bytes_before, after=done.bytes_after)


async def _telemetry(settings: CliSettings) -> Upkeep:
    file = settings.home / _TELEMETRY
    if not file.exists():
        return Upkeep(store=_TELEMETRY, skipped="is not there yet")
    before = file.stat().st_size
    if Home(settings.home).locked or not await asyncio.to_thread(_checkpoint, file):
        return Upkeep(store=_TELEMETRY, skipped="belongs to the running feature-service, which checkpoints it itself")
    return Upkeep(store=_TELEMETRY, before=before, after=file.stat().st_size)


def _checkpoint(file: Path) -> bool:
    """Checkpoint the file; False when another process holds it."""
    import duckdb

    try:
        with duckdb.connect(str(file)) as connection:
            connection.execute("CHECKPOINT")
    except duckdb.Error as error:
        if "Conflicting lock" in str(error):
            return False
        raise CommandFailed(f"{file}: {error}") from None
    return True


def _megabytes(size: int) -> str:
    return f"{size / 1024**2:.1f} MB"
