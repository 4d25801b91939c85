"""The commands: check, copy, compare, schemas."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from penstock_cli.failure import CommandFailed
from penstock_cli.migrate.check import find_misfits
from penstock_cli.migrate.compare import compare_table
from penstock_cli.migrate.copy import Reporter, copy_records
from penstock_cli.migrate.failure import run_or_fail
from penstock_cli.migrate.record_set import NAMES, TELEMETRY, RecordSet, load_record_set
from penstock_cli.migrate.report import ProgressLines, Report
from penstock_cli.migrate.schemas import move_into_schemas
from penstock_cli.migrate.side import (
    TELEMETRY_FILE,
    Move,
    install,
    open_source,
    open_target,
    open_telemetry_sides,
    require_duckdb,
    require_postgresql,
    telemetry_file_of_settings,
    telemetry_is_in_tdengine,
)
from penstock_cli.migrate.store import FINISHED, Progress
from penstock_cli.migrate.telemetry import compare_telemetry, copy_telemetry, unfit_cells
from penstock_cli.settings import CliSettings
from penstock_cli.supervisor.state import Home
from penstock_cli.unfinished import require_whole
from penstock_kit.errors import PenstockError


def check(settings: CliSettings, *, to: str, source: str, services: Sequence[str]) -> int:
    """Print every row that the other store would not take; return 1 when there is one. Nothing is written."""
    move, names = _begin(settings, to, source, services)
    found = run_or_fail(_check(move, names, alone=False))
    sys.stdout.write(f"{found} rows do not fit\n" if found else "every row fits\n")
    return 1 if found else 0


def copy(settings: CliSettings, *, to: str, source: str, services: Sequence[str], report: Path | None) -> int:
    """Check, copy, compare; return 1 when anything differs afterwards. Raises CommandFailed when it can't begin."""
    move, names = _begin(settings, to, source, services)
    home = Home(settings.home)
    home.prepare()
    lock = home.lock("migrate copy")  # nothing starts on this home meanwhile
    try:
        require_whole(home.path, but_for="migrate copy --from" if move.back else "")
        found = run_or_fail(_check(move, names, alone=True))
        if found:
            raise CommandFailed(f"{found} rows do not fit; nothing was written. Change or delete them, then copy again")
        result = Report()
        run_or_fail(_copy(move, names, result))
    finally:
        os.close(lock)
    result.write(report, into="into_sqlite" if move.back else "into_postgresql")
    if result.differences:
        raise CommandFailed(f"{result.differences} differences: do not switch; they are named above")
    sys.stdout.write(_next_steps(move, names))
    return 0


def compare(
    settings: CliSettings, *, to: str, source: str, services: Sequence[str], report: Path | None, newer_ok: bool
) -> int:
    """Compare both stores, running or not; return 1 when anything differs."""
    move, names = _begin(settings, to, source, services)
    result = Report(newer_ok=newer_ok)
    run_or_fail(_compare(move, names, result))
    result.write(report, into="into_sqlite" if move.back else "into_postgresql")
    sys.stdout.write(f"{result.differences} differences\n" if result.differences else "no differences\n")
    return 1 if result.differences else 0


def schemas() -> int:
    """Give each service a schema of its own for the tables that an earlier version made in the default one."""
    moved = run_or_fail(move_into_schemas())
    sys.stdout.write(f"{moved} tables moved\n")
    return 0


async def move_records(move: Move, records: RecordSet, reporter: Reporter, result: Report) -> None:
    """Copy the records of a service, compare them, and note that they are verified."""
    async with open_source(move, records, alone=True) as source, open_target(move, records, alone=True) as target:
        if not await copy_records(source, target, records.tables, reporter):
            reporter.step("was moved and verified before; it is compared only")
        before = result.differences
        for table in records.tables:
            result.add_table(records.name, await compare_table(source, target, table))
        if result.differences > before:
            return
        await target.note(FINISHED, Progress(finished=True))
        reporter.step("verified")
    if move.back:
        _say_installed(records.name, install(move, records.file, records.progress_table))


async def move_telemetry(move: Move, reporter: Reporter, result: Report) -> None:
    """Copy telemetry and compare it."""
    before = result.differences
    async with open_telemetry_sides(move, alone=True) as (source, target):
        await copy_telemetry(source, target, reporter)
        async for found in compare_telemetry(source, target):
            result.add_series(found)
        # A file is there without rows too.
        await target.series()
    if move.back and result.differences == before:
        _say_installed(TELEMETRY, install(move, TELEMETRY_FILE))


async def _check(move: Move, names: Sequence[str], *, alone: bool) -> int:
    found = 0
    for records in _record_sets(move, names):
        async with open_source(move, records, alone=alone) as source:
            async for misfit in find_misfits(source, records.tables, into_sqlite=move.back):
                found += 1
                sys.stdout.write(f"{records.name}: {misfit}\n")
    if TELEMETRY in names and not move.back and move.has_telemetry:
        async with open_telemetry_sides(move, alone=alone) as (source, _):
            async for line in unfit_cells(source):
                found += 1
                sys.stdout.write(f"telemetry: {line}\n")
    return found


async def _copy(move: Move, names: Sequence[str], result: Report) -> None:
    for line in _nothing_there(move, names):
        sys.stdout.write(line)
    for records in _record_sets(move, names):
        await move_records(move, records, ProgressLines(records.name), result)
    if TELEMETRY in names and move.has_telemetry:
        await move_telemetry(move, ProgressLines(TELEMETRY), result)


async def _compare(move: Move, names: Sequence[str], result: Report) -> None:
    for records in _record_sets(move, names):
        async with open_source(move, records, alone=False) as source, open_target(move, records, alone=False) as target:
            for table in records.tables:
                result.add_table(records.name, await compare_table(source, target, table))
    if TELEMETRY in names and move.telemetry_file.exists():
        async with open_telemetry_sides(move, alone=False) as (source, target):
            async for found in compare_telemetry(source, target):
                result.add_series(found)


def _nothing_there(move: Move, names: Sequence[str]) -> list[str]:
    """Return a line for each part of which there is nothing to move."""
    files = {name: move.records_file(load_record_set(name)) for name in names if name != TELEMETRY}
    if TELEMETRY in names:
        files[TELEMETRY] = move.telemetry_file
    missing = {} if move.back else {name: file for name, file in files.items() if not file.exists()}
    return [f"{name}: nothing to move, {file} is not there\n" for name, file in missing.items()]


def _record_sets(move: Move, names: Sequence[str]) -> list[RecordSet]:
    loaded = [load_record_set(name) for name in names if name != TELEMETRY]
    return [records for records in loaded if move.has(records)]


def _begin(settings: CliSettings, to: str, source: str, services: Sequence[str]) -> tuple[Move, Sequence[str]]:
    move, names = _move(settings, to, source), _chosen(services)
    if TELEMETRY in names and not move.back:
        require_duckdb(move.telemetry_file)
    return move, names


def _move(settings: CliSettings, to: str, source: str) -> Move:
    if bool(to) == bool(source):
        raise CommandFailed("name one PostgreSQL: --to URL from the files of the home, --from URL for the way back")
    try:
        return Move(
            home=settings.home,
            url=require_postgresql(to or source),
            back=bool(source),
            telemetry=telemetry_file_of_settings(),
        )
    except (PenstockError, OSError) as error:
        raise CommandFailed(getattr(error, "message", str(error)), exit_code=2) from None


def _chosen(services: Sequence[str]) -> Sequence[str]:
    known = (*NAMES, TELEMETRY)
    unknown = [name for name in services if name not in known]
    if unknown:
        raise CommandFailed(f"--service {unknown[0]!r} is none of {', '.join(known)}", exit_code=2)
    return _without_tdengine([name for name in known if not services or name in services], services)


def _without_tdengine(names: list[str], services: Sequence[str]) -> list[str]:
    """Leave out telemetry that is in TDengine: a file that is still there is an old one. Named, it is refused."""
    if TELEMETRY not in names or not telemetry_is_in_tdengine():
        return names
    stays = "telemetry is in the TDengine of TELEMETRY_URL, which is not moved: records may move without it"
    if TELEMETRY in services:
        raise CommandFailed(f"{stays}, leave out --service {TELEMETRY}", exit_code=2)
    sys.stdout.write(f"{stays}\n")
    return [name for name in names if name != TELEMETRY]


def _say_installed(title: str, kept: Path | None) -> None:
    there = f"; what was there is in {kept}" if kept is not None else ""
    sys.stdout.write(f"{title}: the file is in its place{there}\n")


def _next_steps(move: Move, names: Sequence[str]) -> str:
    settings = [
        "TELEMETRY_URL" if name == TELEMETRY else f"{name.replace('-', '_').upper()}_DATABASE_URL" for name in names
    ]
    if move.back:
        return f"All is verified. Unset {', '.join(settings)} and DATABASE_URL, then start Penstock.\n"
    lines = "".join(f"  {setting}=postgresql://…\n" for setting in settings)
    return (
        "All is verified. The files of the home are as they were. Switch by these settings, one service after the other"
        f" or all at once,\nthen start Penstock:\n{lines}"
        "(DATABASE_URL stands for the first four together.) The way back: the same command with --from.\n"
    )
