"""A month of work stays within bounds where what is older than its time is deleted each day."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from feature_service.adapters.dataset.folder import DatasetFolder
from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import SeriesKey
from penstock_cli.maintain import maintain
from penstock_cli.migrate.record_set import RecordSet, load_record_set
from penstock_cli.settings import CliSettings
from penstock_kit.database import migrate, sqlite_url
from penstock_testkit.clock import ManualClock
from penstock_testkit.sample_rows import insert, row_of

DAY = 86_400
KEPT_DAYS = 5
CALLS, ANSWERS, CONVERSATIONS, ROWS, DATASETS = 1500, 200, 40, 20_000, 3
PRESS = SeriesKey(tenant_id="default", device_code="press-1")
SERVICES = {
    "llm_ledger": "llm-service",
    "llm_kept_answer": "llm-service",
    "conversations": "chat-stream-service",
    "messages": "chat-stream-service",
    "dataset": "feature-service",
}
SETTINGS = ("LLM_LEDGER_DAYS", "CHAT_CONVERSATION_DAYS", "TELEMETRY_DAYS", "DATASET_DAYS")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home whose settings keep everything for five days."""
    monkeypatch.setenv("PENSTOCK_HOME", str(tmp_path))
    for name in SETTINGS:
        monkeypatch.setenv(name, str(KEPT_DAYS))
    return tmp_path


def work_a_day(home: Path, clock: ManualClock, day: int) -> None:
    """Write what a day makes: calls, conversations with messages of 2 KB, rows of a device, data sets of 100 KB."""
    micros = int(clock.now().timestamp() * 1e6)
    add(home, "llm_ledger", day, CALLS, {"create_time": micros})
    life = {"expire_time": micros + DAY * 1_000_000 - 1, "value": bytes(5_000)}
    add(home, "llm_kept_answer", day, ANSWERS, life)
    add(home, "conversations", day, CONVERSATIONS, {"update_time": micros, "id": "c"})
    owned = {"conversation_id": "c", "content": "word " * 400}
    add(home, "messages", day, CONVERSATIONS, owned)
    owner = DatasetFolder(home / "datasets").owner()
    record = {"created": micros, "state": "done", "owner": owner, "tenant_id": "default", "dataset_id": "ds"}
    add(home, "dataset", day, DATASETS, record)
    for number in range(DATASETS):
        folder = home / "datasets" / f"ds-{day:02}-{number:05}"
        folder.mkdir()
        (folder / "data.npz").write_bytes(bytes(100_000))
    asyncio.run(append_rows(home, micros))


def add(home: Path, table_name: str, day: int, rows: int, values: dict[str, object]) -> None:
    """Insert rows with keys of the day, and `values` for columns."""
    records = load_record_set(SERVICES[table_name])
    table = next(table for table in records.tables if table.name == table_name)
    names = [column.name for column in table.columns]
    made: list[list[object]] = []
    for number in range(rows):
        row = dict(zip(names, row_of(table, number), strict=True)) | values
        for key in (*(column.name for column in table.primary_key.columns), "conversation_id"):
            if key in row and key != "tenant_id":
                row[key] = f"{values.get(key, key)}-{day:02}-{number:05}"
        made.append(list(row.values()))
    with closing(sqlite3.connect(home / records.file)) as database, database:
        insert(database, table, made)


async def append_rows(home: Path, micros: int) -> None:
    times = (micros + np.arange(ROWS) * 4_000_000).astype("datetime64[us]")
    numbers = {"current": np.random.default_rng(micros).normal(170, 3, ROWS)}
    store = DuckDbTelemetryStore(home / "telemetry.duckdb")
    await store.append(PRESS, Frame(timestamps=times, numbers=numbers))
    await store.close()


def sizes(home: Path) -> dict[str, int]:
    """Return the bytes of each store."""
    files = {name: (home / name).stat().st_size for name in ("llm.db", "chat.db", "feature.db", "telemetry.duckdb")}
    datasets = sum(path.stat().st_size for path in (home / "datasets").rglob("*.npz"))
    return {**files, "datasets": datasets}


def test_a_month_of_work_stays_within_what_five_days_take(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clock = ManualClock()
    for service in ("llm-service", "chat-stream-service", "feature-service"):
        records: RecordSet = load_record_set(service)
        asyncio.run(migrate(sqlite_url(home / records.file), records.migrations))
    settings = CliSettings(values={"PENSTOCK_HOME": str(home)})
    after_ten: dict[str, int] = {}
    for day in range(30):
        work_a_day(home, clock, day)
        clock.advance(DAY)
        maintain(settings, clock)
        if day == 9:
            after_ten = sizes(home)
    lines = capsys.readouterr().out.splitlines()
    assert f"ledger             {CALLS:,} older than 5 days deleted (LLM_LEDGER_DAYS)" in lines
    assert f"kept answers       {ANSWERS} older than 24 hours deleted (LLM_KEPT_ANSWER_HOURS)" in lines
    assert f"conversations      {CONVERSATIONS} older than 5 days deleted (CHAT_CONVERSATION_DAYS)" in lines
    assert f"telemetry          {ROWS:,} older than 5 days deleted (TELEMETRY_DAYS)" in lines
    assert f"data sets          {DATASETS} older than 5 days deleted (DATASET_DAYS)" in lines
    at_the_end = sizes(home)
    for name, size in at_the_end.items():
        assert size <= 1.3 * after_ten[name], (name, size, after_ten[name])
    with closing(sqlite3.connect(home / "llm.db")) as database:
        assert database.execute("SELECT count(*) FROM llm_ledger").fetchone() == (CALLS * KEPT_DAYS,)
    with closing(sqlite3.connect(home / "chat.db")) as database:
        assert database.execute("SELECT count(*) FROM messages").fetchone() == (CONVERSATIONS * KEPT_DAYS,)


def test_without_a_setting_everything_is_kept_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clock = ManualClock()
    clock.advance(timedelta(days=400).total_seconds())
    maintain(CliSettings(values={"PENSTOCK_HOME": str(tmp_path)}), clock)
    assert "ledger             kept for ever (LLM_LEDGER_DAYS)" in capsys.readouterr().out
