"""What an open telemetry file keeps beside its rows: no threads for formats that nothing of it is in."""

from pathlib import Path
from typing import Any

import pytest

duckdb = pytest.importorskip("duckdb", minversion="2")

from feature_service.adapters.duckdb.connection import DuckDbConnection  # noqa: E402


def setting(cursor: Any) -> Any:
    return cursor.execute("SELECT current_setting('async_threads')").fetchone()[0]


async def test_an_open_file_keeps_no_threads_for_reading_other_formats(tmp_path: Path) -> None:
    connection = DuckDbConnection(tmp_path / "telemetry.duckdb", prepare=lambda _: None)
    try:
        assert await connection.read(setting) == 0
    finally:
        await connection.close()
