"""What is in PostgreSQL is in a backup, and a restore brings it back; what a restore needs is looked at before it."""

import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pytest

from feature_service.adapters.postgresql.telemetry_store import PostgresTelemetryStore
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import SeriesKey
from penstock_cli.backup import MANIFEST, backup, restore
from penstock_cli.database_backup import (
    DatabaseRestore,
    check_versions,
    copy_telemetry_to_file,
    copy_to_file,
    require_no_telemetry,
    restore_telemetry,
)
from penstock_cli.failure import CommandFailed
from penstock_cli.migrate.command import move_records
from penstock_cli.migrate.record_set import NAMES, RecordSet, load_record_set
from penstock_cli.migrate.report import Report
from penstock_cli.migrate.side import Move
from penstock_cli.settings import CliSettings
from penstock_kit.database import open_database
from penstock_testkit.sample_rows import dump

PUMP = SeriesKey(tenant_id="default", device_code="pump-7")


class Silent:
    """Hears of steps."""

    def step(self, what: str, rows: int = 0, of: int = 0) -> None:
        pass


@pytest.fixture
async def looking(postgres_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@pytest.fixture
async def sets(
    tmp_path: Path,
    postgres_url: str,
    fill_home: Callable[..., Awaitable[list[RecordSet]]],
    monkeypatch: pytest.MonkeyPatch,
) -> list[RecordSet]:
    """The records of four services, whose settings name a PostgreSQL that holds rows in each table."""
    await fill_home(tmp_path / "files", rows=12)
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    loaded = [load_record_set(name) for name in NAMES]
    for records in loaded:
        await move_records(Move(home=tmp_path / "files", url=postgres_url, back=False), records, Silent(), Report())
    return loaded


async def test_a_backup_of_the_database_is_the_files_that_a_home_would_have(
    tmp_path: Path, sets: list[RecordSet]
) -> None:
    origins = await check_versions(sets)
    for records in sets:
        await copy_to_file(records, tmp_path / records.file)
        assert dump(tmp_path / records.file, records.tables) == dump(tmp_path / "files" / records.file, records.tables)
        assert origins[records.file].revision.startswith("000")
        assert origins[records.file].server


async def test_a_restore_brings_the_rows_back_and_keeps_what_was_there(
    tmp_path: Path, sets: list[RecordSet], looking: Any
) -> None:
    for records in sets:
        await copy_to_file(records, tmp_path / records.file)
    await looking.execute("DELETE FROM chat_stream_service.messages")
    await looking.execute("UPDATE llm_service.llm_ledger SET tenant_id = 'changed'")
    (tmp_path / "scratch").mkdir()
    restoring = DatabaseRestore(tmp_path / "scratch")
    for records in sets:
        await restoring.prepare(records, tmp_path / records.file)
    kept = await restoring.run()
    assert len(kept) == 4
    for records in sets:
        again = tmp_path / f"again-{records.file}"
        await copy_to_file(records, again)
        assert dump(again, records.tables) == dump(tmp_path / records.file, records.tables)
    ledger = next(name for name in kept if name.startswith("llm_service_before_"))
    assert await looking.fetchval(f'SELECT count(*) FROM "{ledger}".llm_ledger WHERE tenant_id = $1', "changed") == 12


async def test_a_restore_that_fails_leaves_the_database_as_it_was(
    tmp_path: Path, sets: list[RecordSet], looking: Any
) -> None:
    import sqlite3
    from contextlib import closing

    chat = sets[2]
    await copy_to_file(chat, tmp_path / chat.file)
    with closing(sqlite3.connect(tmp_path / chat.file)) as database, database:
        database.execute("UPDATE messages SET content = 'a' || char(0) WHERE id = 'id-0003-ß'")
    (tmp_path / "scratch").mkdir()
    restoring = DatabaseRestore(tmp_path / "scratch")
    await restoring.prepare(chat, tmp_path / chat.file)
    with pytest.raises(CommandFailed, match="takes no rows of messages"):
        await restoring.run()
    assert await looking.fetchval("SELECT count(*) FROM chat_stream_service.messages") == 12
    schemas = await looking.fetch("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'chat_%'")
    assert [record[0] for record in schemas] == ["chat_stream_service"]


async def test_a_restore_never_goes_over_a_service_that_runs(tmp_path: Path, sets: list[RecordSet]) -> None:
    chat = sets[2]
    await copy_to_file(chat, tmp_path / chat.file)
    (tmp_path / "scratch").mkdir()
    serving = open_database(chat.url, schema=chat.schema)
    await serving.ping()
    with pytest.raises(CommandFailed, match="connections of the service are open"):
        await DatabaseRestore(tmp_path / "scratch").prepare(chat, tmp_path / chat.file)
    await serving.close()


async def test_a_schema_of_another_version_is_refused_before_anything_is_written(
    sets: list[RecordSet], looking: Any
) -> None:
    await looking.execute("UPDATE llm_service.llm_service_schema SET version_num = '0099'")
    with pytest.raises(
        CommandFailed, match=r"llm-service in postgresql://.* is at revision 0099, this version has 0003"
    ):
        await check_versions(sets)


async def test_telemetry_comes_back_into_an_empty_store_alone(tmp_path: Path, postgres_url: str, looking: Any) -> None:
    store = PostgresTelemetryStore(postgres_url)
    times = np.arange(1000).astype("datetime64[us]")
    await store.append(PUMP, Frame(timestamps=times, numbers={"x": np.arange(1000) / 3.0}))
    await store.close()
    await copy_telemetry_to_file(postgres_url, tmp_path / "telemetry.duckdb")
    with pytest.raises(CommandFailed, match="has the telemetry of 1 devices; name an empty one, or DROP TABLE"):
        await require_no_telemetry(postgres_url)
    tables = "telemetry_rows, telemetry_series, telemetry_dropped, telemetry_schema"
    await looking.execute(f"DROP TABLE {tables}")
    await require_no_telemetry(postgres_url)
    await restore_telemetry(tmp_path / "telemetry.duckdb", postgres_url)
    assert await looking.fetchval("SELECT count(*) FROM telemetry_rows") == 1000


def home_of(folder: Path, **values: str) -> CliSettings:
    folder.mkdir(exist_ok=True)
    return CliSettings(values={"PENSTOCK_HOME": str(folder), **values})


def test_a_backup_names_the_key_it_needs_and_is_not_restored_without_it(tmp_path: Path) -> None:
    secret, other = "a" * 40, "b" * 40
    made = home_of(tmp_path / "home", JWT_SECRET=secret)
    (tmp_path / "home" / "admin.key").write_text("psk_x")
    backup(made, tmp_path / "backup")
    assert secret not in (tmp_path / "backup" / MANIFEST).read_text()
    for wrong in (home_of(tmp_path / "bare"), home_of(tmp_path / "bare", JWT_SECRET=other)):
        with pytest.raises(CommandFailed, match=r"made under a JWT_SECRET .* that is not set.*nothing was changed"):
            restore(wrong, tmp_path / "backup")
        assert list((tmp_path / "bare").iterdir()) == []
    (tmp_path / "jwt").write_text(f"{secret}\n")
    restore(home_of(tmp_path / "file", JWT_SECRET_FILE=str(tmp_path / "jwt")), tmp_path / "backup")
    restore(home_of(tmp_path / "previous", JWT_SECRET=other, JWT_PREVIOUS_SECRET=secret), tmp_path / "backup")
    restore(home_of(tmp_path / "lost"), tmp_path / "backup", without_keys=True)


def test_a_backup_with_its_own_secret_needs_no_other(tmp_path: Path) -> None:
    made = home_of(tmp_path / "home")
    (tmp_path / "home" / "jwt.secret").write_text("c" * 40)
    backup(made, tmp_path / "backup")
    assert json.loads((tmp_path / "backup" / MANIFEST).read_text())["keys"] == {}
    restore(home_of(tmp_path / "bare"), tmp_path / "backup")
    assert (tmp_path / "bare" / "jwt.secret").read_text() == "c" * 40
    shutil.rmtree(tmp_path / "backup")
