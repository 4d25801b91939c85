"""A copy of an open DuckDB file, made by the process that has it open: no other may even read it."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_COPY: Final = "penstock_backup"


def copy_database(cursor: "DuckDBPyConnection", target: Path) -> None:
    """Write everything there is at this moment into the new file `target`. Raises duckdb.Error."""
    row = cursor.execute("SELECT current_database()").fetchone()
    assert row is not None
    source, path = str(row[0]).replace('"', '""'), str(target).replace("'", "''")
    cursor.execute(f"ATTACH '{path}' AS {_COPY}")
    try:
        cursor.execute(f'COPY FROM DATABASE "{source}" TO {_COPY}')
        cursor.execute(f"CHECKPOINT {_COPY}")
    finally:
        cursor.execute(f"DETACH {_COPY}")
