"""Which files of a home are its state, and which belong to a system that runs: each kind by its name."""

from pathlib import Path

import pytest

from penstock_cli.backup_files import state_files

STATE = ("gateway.db", "chat.db", "datasets/ds_1/data.npz", "note.txt", "a.db.txt", "logs.txt")
RUNNING = (
    "gateway.db-wal", "gateway.db-shm", "gateway.db-journal", "penstock.lock", "penstock.log", "penstock.log.1",
    "penstock.json", "penstock.json.new", "backup.json", "tmp/x", ".hidden", ".folder/x", "before-restore/gateway.db",
    "telemetry.duckdb", "telemetry.duckdb.wal", "half.partial", "datasets/ds_2/half.npz.partial",
    "datasets/index.db-wal",
)  # fmt: skip


@pytest.mark.parametrize("name", [*STATE, *RUNNING])
def test_a_file_is_in_a_backup_exactly_when_it_is_state(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    told: list[str] = []
    assert [found.relative_to(tmp_path).as_posix() for found in state_files(tmp_path, told)] == (
        [name] if name in STATE else []
    )
    assert told == []
