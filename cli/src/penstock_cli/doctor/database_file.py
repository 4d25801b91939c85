"""Checks of the files that hold records and telemetry: whole, as far as can be read in a few seconds."""

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from penstock_cli.backup import is_held
from penstock_cli.backup_files import TELEMETRY
from penstock_cli.command_name import command_name
from penstock_cli.database_backup import files_elsewhere
from penstock_cli.doctor.finding import Finding, Need
from penstock_cli.failure import CommandFailed
from penstock_cli.migrate.side import telemetry_file_of_settings
from penstock_cli.settings import CliSettings
from penstock_cli.wrong_setting import service_problems
from penstock_kit.errors import PenstockError

_SECONDS: Final = 5.0
"""How long one file is read at most."""
_MOST_OTHERS: Final = 20
"""Files of the home that end in .db, are none of Penstock's names and are read all the same."""
_INSTRUCTIONS: Final = 1_000
"""Of SQLite's machine between two looks at the clock: about a tenth of a millisecond."""
_LOCK_SECONDS: Final = 2.0
_HEAD_BYTES: Final = 12
_SCHEMA_TABLES: Final = {
    "gateway.db": "gateway_schema",
    "chat.db": "chat_stream_service_schema",
    "llm.db": "llm_service_schema",
    "feature.db": "feature_service_schema",
}
"""What each service writes its revision into."""
_TABLE_NAMES: Final = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
_HELD: Final = "feature-service has it open"


def check_database_files(settings: CliSettings, *, seconds: float = _SECONDS) -> Iterator[Finding]:
    """Yield what is wrong or right with each database file of the home, and those that settings name elsewhere."""
    elsewhere, named = _named(settings)
    telemetry = named or settings.home / TELEMETRY
    home = {path.name: path for path in sorted(settings.home.glob("*.db"))}
    own = {name: path for name, path in home.items() if name in _SCHEMA_TABLES}
    others = [path for name, path in home.items() if name not in own and name not in elsewhere]
    for path in (*{**own, **elsewhere}.values(), *others[:_MOST_OTHERS]):
        yield from _checked(path, lambda path: _sqlite_fault(path, seconds))
        yield from _foreign(path)
    if len(others) > _MOST_OTHERS:
        yield _unread(settings.home, len(others) - _MOST_OTHERS)
    yield from _checked(telemetry, lambda path: _duckdb_fault(path, seconds))


def _unread(home: Path, count: int) -> Finding:
    """Say how many files were left unread: Penstock makes a handful, and each may be read for seconds."""
    detail = f"{count:,} further files of {home} end in .db and are none that Penstock makes: they were not read"
    remedy = "move them away, or set PENSTOCK_HOME to a folder of its own"
    return Finding(need=Need.RECOMMENDED, name="other files", ok=False, detail=detail, remedy=remedy)


def _checked(path: Path, fault: "Callable[[Path], str | _Unfinished]") -> Iterator[Finding]:
    if obstacle := _obstacle(path):
        remedy = (
            f"put it right, or move it away: a start makes the file, `{command_name()} restore FOLDER` an older one"
        )
        yield Finding(need=Need.REQUIRED, name=path.name, ok=False, detail=f"{path} {obstacle}", remedy=remedy)
    elif path.is_file():
        yield _finding(path, fault(path))


def _foreign(path: Path) -> Iterator[Finding]:
    """Yield that a file of the home has another program's tables: a start would make its own beside them, or fail."""
    table = _SCHEMA_TABLES.get(path.name, "")
    if not table or not path.is_file():
        return
    try:
        with closing(_open_to_read(path)) as database:
            names = [str(name) for (name,) in database.execute(_TABLE_NAMES)]
    except sqlite3.DatabaseError:
        return  # told by the check of its pages
    if names and table not in names:
        detail = f"{path} holds tables of another program ({', '.join(names[:3])}) and none of Penstock's"
        remedy = "move it away, or set PENSTOCK_HOME to another folder"
        yield Finding(need=Need.REQUIRED, name=path.name, ok=False, detail=detail, remedy=remedy)


def _obstacle(path: Path) -> str:
    """Return what is in the place of a file and is none, empty where nothing is."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):  # a home that is no folder is told by its own check
        # The file that a link is to is made at the first start, its folder is not.
        folder = Path(os.path.realpath(path)).parent
        return f"is a link into {folder}, which is no folder" if path.is_symlink() and not folder.is_dir() else ""
    except OSError as error:
        return f"can't be looked at: {error.strerror}"
    if stat.S_ISREG(mode):
        try:
            path.open("rb").close()
        except OSError as error:
            return f"can't be read: {error.strerror}"
        return ""
    return "is a folder, no file" if stat.S_ISDIR(mode) else "is no file but a pipe, a socket or a device"


def _named(settings: CliSettings) -> tuple[Mapping[str, Path], Path | None]:
    """Return the files of records and of telemetry that settings name; none where these are wrong, which is told."""
    if list(service_problems()):
        return {}, None
    try:
        return files_elsewhere(settings), telemetry_file_of_settings()
    except (CommandFailed, PenstockError):
        return {}, None


class _Unfinished(Exception):  # noqa: N818 - no error: what was read so far is whole
    """Why a file was not read to its end, with no fault found."""


def _finding(path: Path, fault: "str | _Unfinished") -> Finding:
    size = f"{path.stat().st_size / 1024**2:.1f} MB"
    if isinstance(fault, _Unfinished) or not fault:
        detail = f"{size}, {fault or 'whole'}"
        return Finding(need=Need.REQUIRED, name=path.name, ok=True, detail=detail)
    remedy = (
        f"stop Penstock, keep a copy of {path}, and bring back the newest backup with `{command_name()} restore FOLDER`"
    )
    return Finding(need=Need.REQUIRED, name=path.name, ok=False, detail=f"{path} is damaged: {fault}", remedy=remedy)


def _sqlite_fault(path: Path, seconds: float) -> "str | _Unfinished":
    """Return what SQLite's quick check finds, empty when that is nothing."""
    until = time.monotonic() + seconds
    try:
        with closing(_open_to_read(path)) as database:
            database.set_progress_handler(lambda: time.monotonic() >= until, _INSTRUCTIONS)
            with _interrupted_after(seconds, database.interrupt):  # older SQLites walk trees without a look at it
                found = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        match getattr(error, "sqlite_errorcode", 0) & 0xFF:
            case sqlite3.SQLITE_INTERRUPT:
                return _Unfinished(f"no fault in what could be read in {seconds:g} s")
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                return _Unfinished("not read: another process has locked it")
            case sqlite3.SQLITE_CANTOPEN:  # it can be read, and no file can be made beside it
                return _Unfinished(f"not read: its folder can't be written, and {path.name}-wal waits to be taken in")
            case _:
                return str(error)
    return "" if found == "ok" else found.splitlines()[-1]


def _open_to_read(path: Path) -> sqlite3.Connection:
    """Open a file to read it, also in a folder where SQLite can make no file beside it."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    log = path.with_name(f"{path.name}-wal")
    shared = path.with_name(f"{path.name}-shm")
    if not os.access(path.parent, os.W_OK) and not shared.exists() and not (log.exists() and log.stat().st_size):
        uri += "&immutable=1"  # nobody can write it, and no log has more than it
    return sqlite3.connect(uri, uri=True, timeout=_LOCK_SECONDS, check_same_thread=False)


def _duckdb_fault(path: Path, seconds: float) -> "str | _Unfinished":
    """Return why DuckDB can't read the file, empty when it can; of one that a process has open, its head alone."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    import duckdb

    from feature_service.adapters.duckdb.file import begins_as_duckdb

    if not begins_as_duckdb(head):
        return "it does not begin as a DuckDB file does"

    try:
        return _Unfinished(f"{_HELD}, its head is right") if is_held(path) else _read_tables(path, seconds)
    except (CommandFailed, duckdb.Error) as failure:
        return str(failure).splitlines()[0].removeprefix(f"{path}: ")


def _read_tables(path: Path, seconds: float) -> "str | _Unfinished":
    """Read all rows, whose blocks carry checksums; return what fails."""
    import duckdb

    with duckdb.connect(str(path), read_only=True) as database:
        try:
            with _interrupted_after(seconds, database.interrupt):
                for schema, table in database.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall():
                    # Of each value, so that no count of the table's own answers in place of its blocks.
                    database.execute(f'SELECT bit_xor(hash(COLUMNS(*))) FROM "{schema}"."{table}"').fetchall()  # noqa: S608
        except duckdb.InterruptException:
            return _Unfinished(f"no fault in what could be read in {seconds:g} s")
    return ""


@contextmanager
def _interrupted_after(seconds: float, interrupt: Callable[[], object]) -> Generator[None]:
    timer = threading.Timer(seconds, interrupt)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
