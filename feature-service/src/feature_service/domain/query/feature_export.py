"""Features of any number of windows: computed few fields at a time, put aside on the disk, then sent."""

import asyncio
from dataclasses import dataclass, replace
from enum import StrEnum
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Protocol, Self

from feature_service.domain.extraction.plan import ExtractionPlan, within
from feature_service.domain.extraction.work_limit import MAX_FILE_READINGS, require_workable
from feature_service.domain.feature.catalog import resolve_features
from feature_service.domain.model.series import SeriesKey
from feature_service.domain.model.span import Extent, Span
from feature_service.domain.query.field_choice import numeric_fields
from feature_service.domain.query.query_counts import QueryCounts
from feature_service.domain.query.telemetry_queries import FeatureTarget, TelemetryQueries
from feature_service.domain.telemetry.store import TelemetryStore

if TYPE_CHECKING:
    from feature_service.domain.extraction.extract import FeatureTable
    from feature_service.domain.model.array import FloatArray, TimeArray


class ExportFormat(StrEnum):
    """The forms of a file of features."""

    ARROW = "arrow"
    PARQUET = "parquet"
    NPZ = "npz"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportQuery:
    """Which features of which rows; empty `fields`: every number field but the label; `newest` 0: of all windows."""

    tenant_id: str
    target: FeatureTarget
    span: Span
    plan: ExtractionPlan
    fields: tuple[str, ...] = ()
    newest: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureSummary:
    """What is told of a matrix beside its values; see :class:`FeatureTable`. `fitted` is plain values for JSON."""

    names: tuple[str, ...]
    fields: tuple[str, ...]
    starts: "TimeArray"
    rows: int
    outliers: int
    missing: int
    undefined: dict[str, int]
    left_out: dict[str, int]
    fitted: dict[str, Any]
    plan: ExtractionPlan


class MatrixFile(Protocol):
    """A matrix on the disk; a context manager that forgets it at the end. The methods block."""

    @property
    def values(self) -> "FloatArray":
        """The matrix."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def allocate(self, rows: int, columns: int) -> None:
        """Make room. Raises Unavailable STORAGE_UNAVAILABLE when there is none."""
        ...

    def write(self, first_row: int, first_column: int, values: Any) -> None:
        """Write rows of some columns."""
        ...

    def keep(self, rows: int) -> None:
        """Leave out all but the first rows."""
        ...


class FeatureFiles(Protocol):
    """Where matrices and the files made of them wait until they are sent. The methods block."""

    def new_matrix(self) -> MatrixFile:
        """Return an empty matrix."""
        ...

    def file(self, matrix: MatrixFile, summary: FeatureSummary, file_format: ExportFormat, metadata: str) -> IO[bytes]:
        """Return the features as a file, which is gone once it is closed; `metadata` is JSON text.

        Raises Unavailable STORAGE_UNAVAILABLE.
        """
        ...

    def content_type(self, file_format: ExportFormat) -> str:
        """Return the media type of a form."""
        ...


class FeatureExport:
    """Writes the features of a device's windows into a matrix on the disk."""

    def __init__(self, *, telemetry: TelemetryStore, queries: TelemetryQueries, counts: QueryCounts) -> None:
        self._telemetry = telemetry
        self._queries = queries
        self._counts = counts

    async def write(self, query: ExportQuery, file: MatrixFile) -> FeatureSummary:
        """Fill `file` with the features of a device and return what is to be told of them.

        Raises what :meth:`TelemetryQueries.features` does, of more than a file may have, Aborted ROWS_CONFLICT when
        rows arrive in the range meanwhile, and Unavailable STORAGE_UNAVAILABLE.
        """
        target = query.target
        key = SeriesKey(tenant_id=query.tenant_id, device_code=target.device.code)
        label = target.model.label_field if target.model else ""
        fields = numeric_fields(query.fields, target.device, leave_out=label)
        extent = await self._telemetry.extent(key)
        if extent is None or await self._telemetry.row_count(key, query.span) == 0:
            raise await self._queries.no_data(key, query.span)
        with self._counts.query(target.model, extracts=True):
            return await self._write(key, extent, replace(query, fields=tuple(fields)), file)

    async def _write(self, key: SeriesKey, extent: Extent, query: ExportQuery, file: MatrixFile) -> FeatureSummary:
        from feature_service.domain.query.feature_stream import FeatureStream
        from feature_service.domain.query.newest_features import NewestWindows, newest_features

        span = _closed(query.span, extent)
        rows = await self._telemetry.row_count(key, span)
        plan = within(query.plan, query.span, extent)
        columns = len(query.fields) * len(resolve_features(plan.features))
        require_workable(plan.window, plan.window.count(rows), rows=rows, columns=columns, most=MAX_FILE_READINGS)
        if query.newest:
            asked = NewestWindows(key=key, fields=query.fields, span=span, plan=plan, windows=query.newest, rows=rows)
            table = await newest_features(self._telemetry, asked)
            await asyncio.to_thread(_put, table, file)
        else:
            table = await FeatureStream(self._telemetry, key, span, plan).fill(file, query.fields, rows)
        return await asyncio.to_thread(_summary, table, query.plan)


def _put(table: "FeatureTable", file: MatrixFile) -> None:
    file.allocate(*table.matrix.shape)
    file.write(0, 0, table.matrix)


def _closed(span: Span, extent: Extent) -> Span:
    """The range without what is written behind the last row from now on."""
    until = extent.last + 1 if span.end is None else min(span.end, extent.last + 1)
    return replace(span, end=until) if span.start is None or span.start < until else span


def _summary(table: "FeatureTable", plan: ExtractionPlan) -> FeatureSummary:
    from feature_service.domain.extraction.preprocessing_json import preprocessing_json

    return FeatureSummary(
        names=table.names,
        fields=table.fields,
        starts=table.starts,
        rows=table.rows,
        outliers=table.outliers,
        missing=table.missing,
        undefined=table.undefined(),
        left_out=table.left_out.reasons(plan.window),
        fitted=preprocessing_json(table.fitted, table.names),
        plan=replace(plan, normalize=table.fitted.scaler.method),
    )
