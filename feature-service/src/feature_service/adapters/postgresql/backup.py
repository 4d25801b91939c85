"""A copy of all telemetry as a DuckDB file, which any Penstock can open: the same file as that of the default store."""

from pathlib import Path
from typing import Final

from feature_service.adapters.duckdb.telemetry_store import DuckDbTelemetryStore
from feature_service.adapters.postgresql import row_sql
from feature_service.adapters.postgresql.fetch import fetch_frame
from feature_service.adapters.postgresql.pool import Connection
from feature_service.adapters.postgresql.series import all_series
from feature_service.adapters.postgresql.statement import Relation, Values, relation_of
from feature_service.adapters.postgresql.transaction import in_transaction
from feature_service.domain.model.series import SeriesKey
from feature_service.domain.model.span import Span

_ROWS: Final = 100_000


async def copy_series(connection: Connection, target: Path) -> None:
    """Write every series as it is at this moment into the new file `target`."""
    copy = DuckDbTelemetryStore(target)
    try:
        async with in_transaction(connection, isolation="repeatable_read", readonly=True):
            for key, table in (await all_series(connection)).items():
                await _copy(connection, key, relation_of(key.device_code, table), copy)
        # A file is there without rows too.
        await copy.fields(SeriesKey(tenant_id="", device_code=""))
    finally:
        await copy.close()


async def _copy(connection: Connection, key: SeriesKey, relation: Relation, copy: DuckDbTelemetryStore) -> None:
    selection, span = row_sql.select_rows(relation, list(relation.kinds)), Span()
    while True:
        values = Values()
        text = row_sql.rows(relation, selection, span, values, limit=_ROWS)
        frame = await fetch_frame(connection, text, values, selection)
        await copy.append(key, frame)
        if len(frame) < _ROWS:
            return
        span = Span(start=int(frame.timestamps[-1].astype("int64")) + 1)
