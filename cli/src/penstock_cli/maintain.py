"""``penstock maintain``: deletes what is older than its time, gives space back, refreshes the planners' statistics."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from penstock_cli.backup import is_held
from penstock_cli.failure import CommandFailed
from penstock_cli.migrate.failure import run_or_fail
from penstock_cli.migrate.side import require_duckdb, telemetry_file_of_settings
from penstock_cli.settings import CliSettings
from penstock_cli.supervisor.state import Home
from penstock_cli.unfinished import require_whole
from penstock_kit.clock import Clock, SystemClock

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


def maintain(settings: CliSettings, clock: Clock | None = None) -> int:
    """Apply retention, then optimize, checkpoint and vacuum every store of this home; return 0."""
    require_whole(settings.home)
    if (file := _telemetry_file(settings)) is not None:
        require_duckdb(file)

    async def run() -> None:
        async for line in _retention(settings, clock or SystemClock()):
            sys.stdout.write(line + "\n")
        async for upkeep in _upkeep(settings):
            sys.stdout.write(upkeep.line() + "\n")

    run_or_fail(run())
    return 0


async def _retention(settings: CliSettings, clock: Clock) -> AsyncIterator[str]:
    """Yield a line for each kind of rows that has its time."""
    for title, setting, time, delete in _rules(settings, clock):
        if not time:
            yield f"{title:<18} kept for ever ({setting})"
            continue
        try:
            deleted = await delete()
        except _Left as left:
            yield f"{title:<18} {left}"
        else:
            yield f"{title:<18} {deleted:,} older than {_in_words(time, setting)} deleted ({setting})"


def _in_words(time: float, setting: str) -> str:
    """Return a time in the unit that its setting has: 1 day, 24 hours."""
    unit = setting.rpartition("_")[2].lower()
    return f"{time:g} {unit.removesuffix('s') if time == 1 else unit}"


class _Left(Exception):  # noqa: N818 - no error: another does it
    """Why what is old is left to a service that runs."""


_RuleRow = tuple[str, str, float, Callable[[], Awaitable[int]]]


def _rules(settings: CliSettings, clock: Clock) -> list[_RuleRow]:
    """Return what is kept for how long, and what deletes it: in a container, of its service alone."""
    own = settings.text("PENSTOCK_SERVICE")
    rules: Mapping[str, Callable[[CliSettings, Clock], list[_RuleRow]]] = {
        "llm-service": _llm_rules,
        "chat-stream-service": _chat_rules,
        "feature-service": _feature_rules,
    }
    return [row for name, make in rules.items() if not own or own == name for row in make(settings, clock)]


def _llm_rules(_: CliSettings, clock: Clock) -> list[_RuleRow]:
    from llm_service.settings import SCHEMA, LlmSettings
    from penstock_kit.settings import load

    llm = load(LlmSettings)

    async def ledger() -> int:
        from llm_service.adapters.sql_retention import delete_old_rows

        before = clock.now() - timedelta(llm.ledger_days)
        return await _in_database(llm.database, SCHEMA, lambda database: delete_old_rows(database, before))

    async def answers() -> int:
        from llm_service.adapters.sql_retention import delete_expired_answers

        now = clock.now()
        return await _in_database(llm.database, SCHEMA, lambda database: delete_expired_answers(database, now))

    return [
        ("ledger", "LLM_LEDGER_DAYS", llm.ledger_days, ledger),
        ("kept answers", "LLM_KEPT_ANSWER_HOURS", llm.kept_answer_hours, answers),
    ]


def _chat_rules(settings: CliSettings, clock: Clock) -> list[_RuleRow]:
    from chat_stream_service.settings import SCHEMA, ChatSettings
    from penstock_kit.settings import load

    chat = load(ChatSettings)

    async def conversations() -> int:
        from chat_stream_service.adapters.sql_retention import delete_unused_rows

        if chat.mem0_llm_base_url or Home(settings.home).locked or settings.text("PENSTOCK_SERVICE"):
            raise _Left("chat-stream-service deletes them while it runs, from other memories too")
        before = clock.now() - timedelta(chat.conversation_days)
        return await _in_database(chat.database, SCHEMA, lambda database: delete_unused_rows(database, before))

    return [("conversations", "CHAT_CONVERSATION_DAYS", chat.conversation_days, conversations)]


def _feature_rules(settings: CliSettings, clock: Clock) -> list[_RuleRow]:
    from feature_service.settings import FeatureSettings
    from penstock_kit.settings import load

    feature = load(FeatureSettings)

    async def telemetry() -> int:
        return await _delete_telemetry(settings, feature, clock)

    async def datasets() -> int:
        return await _delete_datasets(settings, feature, clock)

    return [
        ("telemetry", "TELEMETRY_DAYS", feature.telemetry_days, telemetry),
        ("data sets", "DATASET_DAYS", feature.dataset_days, datasets),
    ]


async def _in_database(url: str, schema: str, work: Callable[[Any], Awaitable[int]]) -> int:
    from penstock_kit.database import open_database
    from penstock_kit.database.url import driver_url
    from penstock_kit.errors import PenstockError

    parsed = driver_url(url)
    if parsed.get_backend_name() == "sqlite" and not _exists(Path(parsed.database or "")):
        return 0
    try:
        database = open_database(url, readers=1, schema=schema)
        try:
            return await work(database)
        finally:
            await database.close()
    except PenstockError as error:
        raise CommandFailed(error.message) from None


async def _delete_telemetry(settings: CliSettings, feature: Any, clock: Clock) -> int:
    from feature_service.adapters.telemetry_url import open_telemetry
    from feature_service.domain.model.span import micros_of
    from penstock_kit.errors import PenstockError

    file = _telemetry_file(settings)
    if file is not None:
        if not _exists(file):
            return 0
        if await asyncio.to_thread(is_held, file):
            raise _Left("feature-service, which holds the file, deletes them while it runs")
    store = open_telemetry(feature.rows_url)
    try:
        return await store.delete_before(micros_of(clock.now() - timedelta(feature.telemetry_days)))
    except PenstockError as error:
        raise CommandFailed(error.message) from None
    finally:
        await store.close()


async def _delete_datasets(settings: CliSettings, feature: Any, clock: Clock) -> int:
    from feature_service.adapters.dataset.folder import DatasetFolder
    from feature_service.adapters.dataset.sql_store import SqlDatasetStore
    from feature_service.domain.dataset.jobs import remove_ended
    from feature_service.domain.model.span import micros_of
    from feature_service.settings import SCHEMA

    files = DatasetFolder(feature.datasets_folder, own_folder=settings.home / "datasets")
    before = micros_of(clock.now() - timedelta(feature.dataset_days))
    return await _in_database(
        feature.records_url,
        SCHEMA,
        lambda database: remove_ended(SqlDatasetStore(database), files, before, owner=files.owner()),
    )


async def _upkeep(settings: CliSettings) -> AsyncIterator[Upkeep]:
    for name, url in _databases(settings).items():
        yield await _database(name, url)
    file = _telemetry_file(settings)
    if file is not None:
        yield await _telemetry(settings, file)


def _databases(settings: CliSettings) -> dict[str, str]:
    """Return each database of the settings once, by what it is called in the report."""
    from penstock_cli.migrate.record_set import NAMES, load_record_set
    from penstock_kit.database import sqlite_url

    found: dict[str, str] = {}
    own = settings.text("PENSTOCK_SERVICE")
    for records in (load_record_set(name) for name in NAMES if not own or own == name):
        file = settings.home / records.file
        if records.url and records.url not in found.values():
            is_named = settings.text(records.setting) or settings.text(f"{records.setting}_FILE")
            found[records.setting if is_named else "DATABASE_URL"] = records.url
        elif not records.url and file.exists():
            found[records.file] = sqlite_url(file)
    return found


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


def _telemetry_file(settings: CliSettings) -> Path | None:
    """Return the DuckDB file of the settings; None where a PostgreSQL has telemetry, and where another's is it."""
    from feature_service.settings import FeatureSettings
    from penstock_kit.settings import load

    if settings.text("PENSTOCK_SERVICE", "feature-service") != "feature-service":
        return None
    is_named = load(FeatureSettings).telemetry_url.get_secret_value()
    return telemetry_file_of_settings() if is_named else settings.home / _TELEMETRY


async def _telemetry(settings: CliSettings, file: Path) -> Upkeep:
    if not _exists(file):
        return Upkeep(store=_TELEMETRY, skipped="is not there yet")
    before = _size(file)
    if Home(settings.home).locked or not await asyncio.to_thread(_checkpoint, file):
        return Upkeep(store=_TELEMETRY, skipped="belongs to the running feature-service, which checkpoints it itself")
    return Upkeep(store=_TELEMETRY, before=before, after=_size(file))


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


def _size(file: Path) -> int:
    return file.stat().st_size


def _exists(file: Path) -> bool:
    return file.exists()


def _megabytes(size: int) -> str:
    return f"{size / 1024**2:.1f} MB"
