"""What makes frames of results, with NumPy loaded at the first rows, as DuckDB is: an idle service has neither."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from feature_service.adapters.duckdb import telemetry_sql as sql
from feature_service.domain.model.series import FieldKind

if TYPE_CHECKING:
    from feature_service.domain.model.frame import Frame


def frame(columns: Mapping[str, Any], fields: Sequence[str], kinds: Mapping[str, FieldKind]) -> "Frame":
    """See :func:`feature_service.adapters.duckdb.result.frame_of_columns`."""
    from feature_service.adapters.duckdb.result import frame_of_columns

    return frame_of_columns(columns, fields, kinds)


def read_rows(
    statement: sql.Statement, fields: Sequence[str], kinds: Mapping[str, FieldKind], rows: int, cursor: Any
) -> "Frame":
    """See :func:`feature_service.adapters.duckdb.result.read_rows`."""
    from feature_service.adapters.duckdb import result

    return result.read_rows(cursor, statement, fields, kinds, rows=rows)


def empty(fields: Sequence[str]) -> "Frame":
    """See :func:`feature_service.adapters.duckdb.result.empty_frame`."""
    from feature_service.adapters.duckdb.result import empty_frame

    return empty_frame(fields)
