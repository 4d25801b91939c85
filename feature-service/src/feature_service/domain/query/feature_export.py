"""Features of any number of windows: computed few fields at a time, put aside on the disk, then sent."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Final, Protocol, Self

from feature_service.domain.extraction.plan import ExtractionPlan
from feature_service.domain.feature.catalog import resolve_features
from feature_service.domain.model.series import SeriesKey
from feature_service.domain.model.span import Extent, Span
from feature_service.domain.preprocessing.method import MissingMethod
from feature_service.domain.query.field_choice import numeric_fields
from feature_service.domain.query.query_counts import QueryCounts
from feature_service.domain.query.telemetry_queries import FeatureTarget, TelemetryQueries
from feature_service.domain.telemetry.store import TelemetryStore
from penstock_kit.errors import Aborted

if TYPE_CHECKING:
    from feature_service.domain.extraction.extract import FeatureTable
    from feature_service.domain.model.array import FloatArray, TimeArray

_VALUES_AT_ONCE: Final = 4_000_000
"""Values of rows that are read at once (32 MB, and a few times that while features are made of them)."""


class ExportFormat(StrEnum):
    """The forms of a file of features."""

    ARROW = "arrow"
    PARQUET = "parquet"
    NPZ = "npz"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportQuery:
    """Which features of which rows; empty `fields`: every number field but the label."""

    tenant_id: str
    target: FeatureTarget
    span: Span
    plan: ExtractionPlan
    fields: tuple[str, ...] = ()


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

    def write(self, first_column: int, values: Any) -> None:
        """Write columns, (rows, some columns)."""
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

        Raises what :meth:`TelemetryQueries.features` does but for the size, Aborted ROWS_CONFLICT when rows arrive in
        the range meanwhile, and Unavailable STORAGE_UNAVAILABLE.
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
        plan, fields = query.plan, query.fields
        span = _closed(query.span, extent)
        width = len(resolve_features(plan.features))
        at_once = max(1, _VALUES_AT_ONCE // max(1, extent.rows))
        if plan.missing is MissingMethod.DROP:
            at_once = max(1, len(fields))  # whether a row is dropped depends on all of them
        parts: list[FeatureSummary] = []
        for place in range(0, max(1, len(fields)), at_once):
            table = await self._table(key, fields[place : place + at_once], span, plan)
            if not parts:
                await asyncio.to_thread(file.allocate, len(table.matrix), width * len(fields))
            elif len(table.starts) != len(parts[0].starts) or bool((table.starts != parts[0].starts).any()):
                raise Aborted(
                    "rows arrived in the range while features were made of it; ask again", reason="ROWS_CONFLICT"
                )
            await asyncio.to_thread(file.write, place * width, table.matrix)
            parts.append(_summary(table, plan))
        return _joined(parts)

    async def _table(self, key: SeriesKey, fields: Sequence[str], span: Span, plan: ExtractionPlan) -> "FeatureTable":
        from feature_service.domain.extraction.extract import extract_features

        frame = await self._telemetry.read(key, fields, span)
        return await asyncio.to_thread(extract_features, frame, plan)


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
        fitted=preprocessing_json(table.fitted, table.names),
        plan=replace(plan, normalize=table.fitted.scaler.method),
    )


def _joined(parts: Sequence[FeatureSummary]) -> FeatureSummary:
    first = parts[0]
    fitted = first.fitted
    for part in parts[1:]:
        fitted["outliers"]["fences"] |= part.fitted["outliers"]["fences"]
        fitted["missing_values"]["fills"] |= part.fitted["missing_values"]["fills"]
        fitted["normalize"]["columns"] |= part.fitted["normalize"]["columns"]
    return replace(
        first,
        names=tuple(name for part in parts for name in part.names),
        fields=tuple(name for part in parts for name in part.fields),
        outliers=sum(part.outliers for part in parts),
        missing=sum(part.missing for part in parts),
        undefined={name: count for part in parts for name, count in part.undefined.items()},
        fitted=fitted,
    )
