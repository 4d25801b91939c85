"""What lies where the telemetry file should and is none: nothing of another's is taken for a file of ours."""

import os
from pathlib import Path

import duckdb
import pytest

from feature_service.adapters.duckdb.connection import DuckDbConnection
from penstock_kit.errors import FailedPrecondition


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS t(i BIGINT)")


async def opened(path: Path) -> None:
    store = DuckDbConnection(path, prepare=prepare)
    try:
        await store.read(lambda on: on.execute("SELECT 1").fetchall())
    finally:
        await store.close()


async def test_a_small_file_of_somebody_elses_is_refused_and_stays(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("a shopping list")
    with pytest.raises(FailedPrecondition, match=r"notes\.txt can't be opened") as caught:
        await opened(file)
    assert caught.value.reason == "TELEMETRY_INVALID"
    assert file.read_text() == "a shopping list"


@pytest.mark.parametrize("content", [b"", bytes(5000), bytes(8) + b"DUCK" + bytes(100)])
async def test_of_a_link_the_file_that_a_full_disk_left_is_begun_anew_where_it_lies(
    tmp_path: Path, content: bytes
) -> None:
    target, link = tmp_path / "large-disk.duckdb", tmp_path / "telemetry.duckdb"
    target.write_bytes(content)
    link.symlink_to(target)
    await opened(link)
    assert link.is_symlink()
    assert target.stat().st_size >= 3 * 4096


async def test_a_folder_or_a_pipe_in_its_place_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FailedPrecondition, match="the telemetry file folder is a folder"):
        await opened(tmp_path / "folder")
    with pytest.raises(FailedPrecondition, match="the telemetry file pipe is a pipe"):
        await opened(tmp_path / "pipe")


async def test_a_damaged_file_is_told_from_one_that_another_process_holds(tmp_path: Path) -> None:
    """DuckDB says of it `in block at location 0`, and the folder has the word in its name too."""
    file = tmp_path / "lock" / "telemetry.duckdb"
    file.parent.mkdir()
    file.write_bytes(bytes(8) + b"DUCK" + bytes(20_000))
    with pytest.raises(FailedPrecondition, match="can't be opened: Corrupt database file"):
        await opened(file)
