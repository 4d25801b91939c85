"""How long commits take while `penstock backup` copies the database that they go into."""

import asyncio
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import text

from bench.measure import Figure, Report, percentile
from penstock_kit.database import Database, open_database, sqlite_url

ROUNDS: Final = 5
_FILE: Final = "chat.db"
_ROWS: Final = 200_000
_ROW_BYTES: Final = 1_000
_PAUSE_SECONDS: Final = 0.002
_QUIET_SECONDS: Final = 2.0
_INSERT: Final = text("INSERT INTO spoken (content) VALUES (:content)")


async def run() -> Report:
    """Commit rows one by one, in interleaved rounds beside a backup and beside nothing."""
    report = Report(
        title="Commits beside a hot backup",
        note=f"{_ROWS:,} rows of {_ROW_BYTES:,} bytes in SQLite (WAL) are copied by `penstock backup`, in a process of "
        "its own at the priority that it gives itself, while rows go in, one a transaction, 2 ms after the other. "
        f"Medians of {ROUNDS} interleaved rounds.",
    )
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        home.mkdir(mode=0o700)
        await asyncio.to_thread(_fill, home / _FILE)
        database = open_database(sqlite_url(home / _FILE))
        try:
            quiet, hot = await _rounds(database, home, Path(name))
        finally:
            await database.close()
    beside = statistics.median(percentile(each, 0.99) for each in hot)
    alone = statistics.median(percentile(each, 0.99) for each in quiet)
    report.figures.append(Figure(name="a commit, nothing beside it, p99", value=alone, unit="ms"))
    report.figures.append(
        Figure(
            name="a commit beside a hot backup, p99",
            value=beside,
            unit="ms",
            beside="without the backup",
            ratio=beside / alone,
            goal="≤ 50 ms",
        )
    )
    report.figures.append(Figure(name="a commit beside a hot backup, the longest", value=max(map(max, hot)), unit="ms"))
    return report


async def _rounds(database: Database, home: Path, folder: Path) -> tuple[list[list[float]], list[list[float]]]:
    """Return the milliseconds of each commit, by round: beside nothing, and beside the command."""
    quiet: list[list[float]] = []
    hot: list[list[float]] = []
    for number in range(ROUNDS):
        quiet.append(await _commits(database, asyncio.create_task(asyncio.sleep(_QUIET_SECONDS))))
        hot.append(await _commits(database, asyncio.create_task(_back_up(home, folder / f"copy-{number}"))))
    return quiet, hot


async def _commits(database: Database, until: "asyncio.Task[None]") -> list[float]:
    """Commit a row after the other until the task is done; return how long each took in milliseconds."""
    found: list[float] = []
    while not until.done():
        started = time.perf_counter()
        async with database.write() as connection:
            await connection.execute(_INSERT, {"content": "x" * _ROW_BYTES})
        found.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(_PAUSE_SECONDS)
    await until
    return found


async def _back_up(home: Path, folder: Path) -> None:
    """Run `penstock backup` to its end."""
    environment = {"PATH": os.environ["PATH"], "PENSTOCK_HOME": str(home)}
    command: Sequence[str] = (sys.executable, "-m", "penstock_cli", "backup", str(folder))
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, cwd=home.parent, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"penstock backup failed: {said.decode()[-2000:]}")


def _fill(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE spoken (id INTEGER PRIMARY KEY, content TEXT)")
        rows = ((f"{number} " + "x" * _ROW_BYTES,) for number in range(_ROWS))
        database.executemany("INSERT INTO spoken (content) VALUES (?)", rows)
        database.commit()
    path.chmod(0o600)
