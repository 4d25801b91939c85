"""``penstock backup`` and ``penstock restore``: all of a home and of PostgreSQL in a folder, while everything runs."""

import asyncio
import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from penstock_cli.backup_draft import backup_draft
from penstock_cli.backup_files import (
    MANIFEST,
    TELEMETRY,
    digest,
    read_manifest,
    state_files,
    write_private,
)
from penstock_cli.backup_keys import needed_keys, require_keys
from penstock_cli.command_name import command_name
from penstock_cli.database_backup import (
    DatabaseRestore,
    Origin,
    check_versions,
    copy_telemetry_to_file,
    copy_to_file,
    files_elsewhere,
    require_no_telemetry,
    restore_telemetry,
    shared_records,
)
from penstock_cli.failure import CommandFailed
from penstock_cli.home_swap import HomeSwap
from penstock_cli.migrate.failure import run_or_fail
from penstock_cli.migrate.record_set import RecordSet
from penstock_cli.migrate.side import telemetry_file_of_settings
from penstock_cli.running_stores import require_stores_of_running
from penstock_cli.settings import CliSettings, reachable
from penstock_cli.supervisor.state import Home
from penstock_cli.unfinished import require_whole
from penstock_kit.address import host_and_port
from penstock_kit.database.url import postgresql_url
from penstock_kit.errors import FailedPrecondition, PenstockError
from penstock_kit.home import hold_home


def backup(settings: CliSettings, folder: Path) -> int:
    """Copy the state of this home into the new `folder`, each store as it is at one moment; return 0."""
    if folder.exists():
        raise CommandFailed(f"{folder} is there already; name a folder that is not, such as {folder}-2")
    if not settings.home.is_dir():
        raise CommandFailed(f"there is nothing to back up: {settings.home.absolute()} is not there")
    require_whole(settings.home)
    require_stores_of_running(settings)
    sets = shared_records(settings)
    elsewhere = {name: file for name, file in files_elsewhere(settings).items() if file.exists()}
    origins = run_or_fail(check_versions(sets))
    told: list[str] = []
    apart = {*origins, *elsewhere}
    kept = [path for path in state_files(settings.home, told) if str(path.relative_to(settings.home)) not in apart]
    try:
        with backup_draft(folder, told) as draft:
            _copy_all(settings, draft, kept, sets, elsewhere)
            _write_manifest(draft, settings, origins)
            draft.replace(folder)
    except OSError as error:
        raise CommandFailed(f"{folder} can't be written: {error.strerror or error}") from None
    for name, size in sorted(_sizes(folder).items()):
        sys.stdout.write(f"{name:<32} {size / 1024**2:>8.1f} MB\n")
    for line in told:
        sys.stdout.write(f"{line}\n")
    for name in needed_keys(settings):
        sys.stdout.write(f"It needs the {name} that is set here, which is not in it: keep that too.\n")
    sys.stdout.write(f"The backup is in {folder}. It holds secrets: keep it where only you read it.\n")
    return 0


def _copy_all(
    settings: CliSettings, draft: Path, kept: Sequence[Path], sets: Sequence[RecordSet], elsewhere: Mapping[str, Path]
) -> None:
    """Copy every store into the draft: the files `kept` in the home, those `elsewhere`, the sets of PostgreSQL."""
    # In order of name: calls and rows that wait come before the database; what is settled meanwhile counts once.
    for path in kept:
        _copy(path, draft / path.relative_to(settings.home))
    for name, file in elsewhere.items():
        _copy_sqlite(file, draft / name)
    for records in sets:
        run_or_fail(copy_to_file(records, draft / records.file))
        (draft / records.file).chmod(0o600)
    _copy_telemetry(settings, draft / TELEMETRY)


def restore(settings: CliSettings, folder: Path, *, without_keys: bool = False) -> int:
    """Make this home, and the PostgreSQL of the settings, what `folder` holds, after checking every byte.

    What was there is kept beside it. Returns 0; raises CommandFailed, with nothing changed, when a key is missing, a
    process uses the home or the database, or the backup is damaged or of a newer version.
    """
    home = Home(settings.home)
    if home.path.exists() and home.locked:
        raise CommandFailed(f"Penstock runs on {home.path}; stop it first: `{command_name()} down`")
    manifest = read_manifest(folder)
    expected = manifest["sha256"]
    if not without_keys:
        require_keys(settings, manifest.get("keys", {}), folder)
    wrong = [name for name, mark in expected.items() if digest(folder / name) != mark]
    if wrong:
        raise CommandFailed(f"{folder} is damaged: {', '.join(wrong)}; nothing was changed")
    _require_no_other_files(settings, expected)
    try:
        with _home_alone(home):
            _require_idle(home.path)
            kept = _restore(settings, folder, expected)
    except OSError as error:
        raise CommandFailed(f"{home.path} can't be written: {error.strerror or error}") from None
    sys.stdout.write(f"{home.path} is what {folder} holds" + (f"; what was there is in {kept}\n" if kept else "\n"))
    return 0


def _require_no_other_files(settings: CliSettings, expected: Mapping[str, str]) -> None:
    """Raise CommandFailed when the settings name a file in place of one that is restored: nobody would read this."""
    telemetry = telemetry_file_of_settings()
    other = files_elsewhere(settings) | ({TELEMETRY: telemetry} if telemetry is not None else {})
    for name, file in other.items():
        if name in expected and file.resolve() != (settings.home / name).resolve():
            message = f"the settings name {file}, and a restore writes {settings.home / name}"
            raise CommandFailed(f"{message}: take the setting away first; nothing was changed")


@contextmanager
def _home_alone(home: Home) -> Generator[None]:
    """Keep `up`, other commands and single services, as in containers, from the home for the block."""
    home.prepare()
    lock = home.lock("restore")
    try:
        with hold_home(home.path, alone=True):
            yield
    except FailedPrecondition as error:
        raise CommandFailed(error.message) from None
    finally:
        os.close(lock)


def _restore(settings: CliSettings, folder: Path, expected: Mapping[str, str]) -> Path | None:
    """Replace what is in the databases and in the home; return the folder with what was there, None without any.

    Everything is written beside what is there first. From then on until all is in its place a note says that the home
    is no whole one: a kill leaves the note, nothing starts, and the same command goes on where it ended.
    """
    home = settings.home
    sets = [records for records in shared_records(settings) if records.file in expected]
    rows_url = _shared_telemetry(settings) if TELEMETRY in expected else ""
    shared = {*(records.file for records in sets), *([TELEMETRY] if rows_url else [])}
    swap = HomeSwap(home, command=f"restore {folder.absolute()}")
    with swap.scratch() as scratch, swap.draft(folder, [name for name in expected if name not in shared]):
        restoring = DatabaseRestore(scratch)
        for records in sets:
            run_or_fail(restoring.prepare(records, folder / records.file))
        if rows_url:
            run_or_fail(require_no_telemetry(rows_url))
            shutil.copyfile(folder / TELEMETRY, scratch / TELEMETRY)
        swap.begin()
        try:
            for schema in run_or_fail(restoring.run()):
                sys.stdout.write(f"what was in PostgreSQL is in the schema {schema}: drop it when all is well\n")
            if rows_url:
                run_or_fail(restore_telemetry(scratch / TELEMETRY, rows_url))
            return swap.replace()
        except BaseException:
            swap.broken_off(changed=restoring.changed)
            raise


def _require_idle(home: Path) -> None:
    """Raise CommandFailed when a process has a database of the home open, as a service alone in a container has."""
    files = [file for file in sorted(home.glob("*.db")) if _is_open_elsewhere(file)]
    files += [home / TELEMETRY] if (home / TELEMETRY).exists() and _is_held_though_damaged(home / TELEMETRY) else []
    if files:
        raise CommandFailed(f"another process has {files[0]} open: stop Penstock (or that service) first")


def _is_open_elsewhere(file: Path) -> bool:
    """Return whether another process has the SQLite file open; a damaged one is to be replaced, and counts as not."""
    try:
        with closing(sqlite3.connect(file, timeout=2, isolation_level=None)) as database:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute("BEGIN EXCLUSIVE")
            database.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
    return False


def _is_held_though_damaged(file: Path) -> bool:
    """Return whether another process has the DuckDB file open; a damaged one is to be replaced, and counts as not."""
    try:
        return is_held(file)
    except CommandFailed:
        return False


def _shared_telemetry(settings: CliSettings) -> str:
    """Return the PostgreSQL that keeps telemetry, empty without one, and where that is another container's."""
    if settings.text("PENSTOCK_SERVICE", "feature-service") != "feature-service":
        return ""
    from feature_service.settings import FeatureSettings
    from penstock_kit.settings import load

    url = load(FeatureSettings).telemetry_url.get_secret_value()
    if not url.startswith("postgres"):
        return ""
    try:
        return postgresql_url(url, setting="TELEMETRY_URL", reason="TELEMETRY_URL_INVALID")
    except PenstockError as error:
        raise CommandFailed(error.message) from None


def _copy(source: Path, target: Path) -> None:
    if source.suffix == ".db":
        _copy_sqlite(source, target)
    else:
        _copy_file(source, target)


def _copy_file(source: Path, target: Path) -> None:
    try:
        file = source.open("rb")
    except FileNotFoundError:
        return  # settled meanwhile: what was in it is in the database, which is copied later
    with file:
        write_private(file, target)


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database that others write to: SQLite's own backup takes one state of it."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        found = _back_up(source, target)
    except sqlite3.Error as error:
        raise CommandFailed(f"{source} can't be copied: {error}") from None
    if found:
        raise CommandFailed(f"{source} can't be copied: {found}")


def _back_up(source: Path, target: Path) -> str:
    """Copy the database; return why the copy is not what the source is, empty when it is."""
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as database,
        closing(sqlite3.connect(target)) as copy,
    ):
        database.execute("BEGIN")  # what is counted and what is copied are of one moment
        wanted = _shape(database)
        database.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        found = str(copy.execute("PRAGMA quick_check").fetchone()[0])
        if found != "ok":
            return found
        if not wanted[1]:
            return "it has no tables; start Penstock once, or delete the file"
        return "" if _shape(copy) == wanted else "the copy has other tables or another size"


def _shape(database: sqlite3.Connection) -> tuple[int, list[str]]:
    """Return how many pages the database has, and what its tables are called."""
    tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    return int(database.execute("PRAGMA page_count").fetchone()[0]), [name for (name,) in tables]


def _copy_telemetry(settings: CliSettings, target: Path) -> None:
    """Have the service that holds the file send a copy; copy the file itself where none does."""
    shared = _shared_telemetry(settings)
    if shared:
        run_or_fail(copy_telemetry_to_file(shared, target))
        target.chmod(0o600)
        return
    is_ours = settings.text("PENSTOCK_SERVICE", "feature-service") == "feature-service"
    source = (telemetry_file_of_settings() if is_ours else None) or settings.home / TELEMETRY
    if not source.exists():
        return
    if not is_held(source):
        _copy_file(source, target)
        log = source.with_name(f"{source.name}.wal")
        if log.exists():
            _copy_file(log, target.with_name(f"{TELEMETRY}.wal"))
        return
    try:
        asyncio.run(_receive(settings, target))
    except PenstockError as error:
        raise CommandFailed(f"feature-service, which holds {source}, sends no copy: {error.message}") from None


def is_held(file: Path) -> bool:
    """Return whether another process has the file open; DuckDB locks it whole."""
    import duckdb

    from feature_service.adapters.duckdb.file import is_lock_conflict

    try:
        duckdb.connect(str(file), read_only=True).close()
    except duckdb.Error as error:
        if is_lock_conflict(error):
            return True
        raise CommandFailed(f"{file}: {error}") from None
    return False


async def _receive(settings: CliSettings, target: Path) -> None:
    from penstock.feature.v1 import backup_pb2, backup_pb2_grpc

    from penstock_kit.context import SYSTEM, CallContext, use_context
    from penstock_kit.grpc import open_channel
    from penstock_kit.ids import new_id

    channel = open_channel(_address(settings), service="feature-service", secret=_secret(settings))
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as sink, use_context(CallContext(new_id("req"), SYSTEM)):
        async with channel:
            stub: Any = backup_pb2_grpc.BackupServiceStub(channel)
            async for message in stub.BackupTelemetry(backup_pb2.BackupTelemetryRequest()):
                sink.write(message.chunk)


def _address(settings: CliSettings) -> str:
    """Return where feature-service is: where the running suite says, else where the settings say."""
    state = Home(settings.home).read_state()
    if state is not None and state.supervisor.alive and "feature-service" in state.services:
        settings = settings.with_values(
            {name: str(port) for name, port in state.services["feature-service"].ports.items()}
        )
    local = host_and_port(reachable(settings.service_host), settings.port("FEATURE_SERVICE_PORT"))
    return local if settings.text("PENSTOCK_SERVICE") else settings.text("FEATURE_SERVICE_ADDRESS", local)


def _secret(settings: CliSettings) -> str:
    from penstock_kit.installation import SECRET_FILE, read_secret

    named = settings.text("PENSTOCK_SERVICE_SECRET")
    file = Path(settings.text("PENSTOCK_SERVICE_SECRET_FILE") or settings.home / SECRET_FILE)
    return named or (read_secret(file) if file.exists() else "")


def _write_manifest(folder: Path, settings: CliSettings, origins: Mapping[str, Origin]) -> None:
    files = {str(path.relative_to(folder)): digest(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    manifest = {
        "penstock": version("penstock-cli"),
        "create_time": datetime.now(UTC).isoformat(timespec="seconds"),
        "keys": needed_keys(settings),
        "postgresql": {name: asdict(origin) for name, origin in origins.items()},
        "sha256": files,
    }
    descriptor = os.open(folder / MANIFEST, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(manifest, file, indent=1)


def _sizes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
