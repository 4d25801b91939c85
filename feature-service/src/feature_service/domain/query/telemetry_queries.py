"""Questions about stored rows: the newest, a range, statistics, features."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from feature_service.domain.extraction.cancellation import run_abandonable
from feature_service.domain.extraction.plan import MOST_VALUES_AT_ONCE, ExtractionPlan, within
from feature_service.domain.extraction.work_limit import require_workable
from feature_service.domain.feature.catalog import resolve_features
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.device import DataModel, Device
from feature_service.domain.model.series import FieldKind, SeriesKey
from feature_service.domain.model.span import Extent, Span, iso_time
from feature_service.domain.model.statistic import RangeStatistic
from feature_service.domain.query.answer_cache import AnswerCache
from feature_service.domain.query.answer_limit import require_sendable
from feature_service.domain.query.bucket_columns import beside, units_of_each
from feature_service.domain.query.feature_statistics import (
    FeatureStatistics,
    FeatureStatisticsQuery,
    FeatureStatisticsReader,
)
from feature_service.domain.query.field_choice import chosen_fields, numeric_fields, require_comparable, require_numeric
from feature_service.domain.query.query_counts import QueryCounts
from feature_service.domain.registry.device_registry import DeviceRegistry
from feature_service.domain.telemetry.query import (
    Aggregate,
    HistoryQuery,
    NewestQuery,
    NewestRows,
    StatisticsQuery,
)
from feature_service.domain.telemetry.store import TelemetryStore
from penstock_kit.errors import InvalidArgument, NotFound, Unprocessable

if TYPE_CHECKING:
    from feature_service.domain.extraction.extract import FeatureTable
    from feature_service.domain.model.frame import Frame

Answer = TypeVar("Answer")

_FEWER_FEATURES: Final = (
    "ask for a shorter range, a larger window_size, fewer fields or features, or build a data set, which is a file"
)
_BYTES_A_COLUMN: Final = 250
"""What the name of a feature and what was fitted for it take, about."""
_BLOCK_ROWS: Final = 262_144
"""Rows that are read at once where all of a range are looked at."""
_EXPORTED_VALUES: Final = 1_000_000
"""Rows times fields of a block of a file of all rows: 8 MB, and about 20 as text."""
_MOST_PERCENTILES: Final = 20
_MOST_CORRELATED: Final = 100
"""Fields whose correlations the store computes, pair by pair."""


class RowsFormat(StrEnum):
    """The forms of a file of rows."""

    ARROW = "arrow"
    CSV = "csv"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class History:
    """Rows of a device, whether there are more than the limit, the units of the fields that have one, and gaps."""

    frame: "Frame"
    truncated: bool
    units: Mapping[str, str]
    gaps: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureTarget:
    """What features are made of: a device and, when it has one, its data model."""

    device: Device
    model: DataModel | None


class TelemetryQueries:
    """Answers questions about the telemetry of a tenant's devices."""

    def __init__(
        self, *, registry: DeviceRegistry, telemetry: TelemetryStore, counts: QueryCounts | None = None
    ) -> None:
        self._registry = registry
        self._telemetry = telemetry
        self._counts = counts or QueryCounts()
        self._features = AnswerCache(telemetry.version)

    async def newest(
        self, tenant_id: str, model_code: str, query: NewestQuery, device_codes: Collection[str] | None = None
    ) -> NewestRows:
        """Return the newest rows of a model's devices, of those in `device_codes` when given.

        Raises NotFound DATA_MODEL_NOT_FOUND or DATA_NOT_FOUND, InvalidArgument FIELD_NOT_FOUND or FILTER_INVALID.
        """
        model = await self._registry.model(tenant_id, model_code)
        codes = await self._registry.codes_of_model(tenant_id, model_code)
        chosen = [code for code in codes if device_codes is None or code in device_codes]
        keys = [SeriesKey(tenant_id=tenant_id, device_code=code) for code in chosen]
        kinds = {field.code: field.kind for field in model.fields}
        subject = f"model {model_code!r}"
        for condition in query.conditions:
            require_comparable(condition, kinds, subject)
        fields = chosen_fields(query.fields, kinds, subject)
        with self._counts.query(model):
            return await self._telemetry.newest(keys, replace(query, fields=fields))

    async def history(
        self, tenant_id: str, code: str, query: HistoryQuery, aggregates: Sequence[Aggregate] = ()
    ) -> History:
        """Return rows or buckets of one device, each bucket reduced by each of `aggregates` when there are any.

        Raises NotFound DEVICE_NOT_FOUND, DATA_NOT_FOUND or TIME_RANGE_EMPTY (not when rows are there and none fits),
        InvalidArgument FIELD_NOT_FOUND, FIELD_TYPE_INVALID, FILTER_INVALID or INTERVAL_INVALID.
        """
        if query.interval is not None and query.interval <= 0:
            raise InvalidArgument("interval must be longer than 0", reason="INTERVAL_INVALID")
        device = await self._registry.catalogue_device(tenant_id, code)
        fields = chosen_fields(query.fields, device.fields, f"device {code!r}")
        for condition in query.conditions:
            require_comparable(condition, device.fields, f"device {code!r}")
        if query.order_by:
            chosen_fields([query.order_by], device.fields, f"device {code!r}")
            require_numeric(query.order_by, device.fields, f"device {code!r}")
        key = SeriesKey(tenant_id=tenant_id, device_code=code)
        model = await self._model_of(tenant_id, device)
        with self._counts.query(model):
            frame = await self._rows(key, replace(query, fields=fields, limit=query.limit + 1), aggregates)
        if len(frame) == 0 and not (query.conditions and await self._telemetry.row_count(key, query.span)):
            raise await self.no_data(key, query.span)
        units = units_of_each(_units(model), aggregates) if aggregates else _units(model)
        return History(frame=frame.first(query.limit), truncated=len(frame) > query.limit, units=units)

    async def all_rows(self, tenant_id: str, code: str, fields: Sequence[str], span: Span) -> AsyncGenerator[History]:
        """Yield the rows of one device, oldest first, in blocks that take a bounded memory, the first one not empty.

        Raises what :meth:`history` raises. Rows that are written meanwhile may be in it or not.
        """
        device = await self._registry.catalogue_device(tenant_id, code)
        chosen = chosen_fields(fields, device.fields, f"device {code!r}")
        key = SeriesKey(tenant_id=tenant_id, device_code=code)
        model = await self._model_of(tenant_id, device)
        units = _units(model)
        with self._counts.query(model):
            height = max(1, _EXPORTED_VALUES // max(1, len(chosen)))
            async with aclosing(self._telemetry.blocks(key, chosen, span, height)) as blocks:
                is_first = True
                async for frame in blocks:
                    if len(frame) == 0 and is_first:
                        raise await self.no_data(key, span)
                    is_first = False
                    yield History(frame=frame, truncated=False, units=units)

    async def downsampled(self, tenant_id: str, code: str, query: HistoryQuery) -> History:
        """Return at most `limit` readings of one number field that keep the shape of all in the range.

        Raises what :meth:`history` raises, and InvalidArgument AGGREGATE_INVALID, LIMIT_INVALID or MAX_GAP_INVALID.
        """
        from feature_service.domain.query.downsampling import downsample, require_downsampling

        require_downsampling(query)
        device = await self._registry.catalogue_device(tenant_id, code)
        [field] = chosen_fields(query.fields, device.fields, f"device {code!r}")
        require_numeric(field, device.fields, f"device {code!r}")
        key = SeriesKey(tenant_id=tenant_id, device_code=code)
        rows = await self._telemetry.row_count(key, query.span)
        if not rows:
            raise await self.no_data(key, query.span)
        model = await self._model_of(tenant_id, device)
        with self._counts.query(model):
            async with aclosing(self._telemetry.blocks(key, [field], query.span, _BLOCK_ROWS)) as blocks:
                found = await downsample(blocks, field, rows=rows, points=query.limit, max_gap=query.max_gap)
        frame = found.frame.reversed() if query.newest_first else found.frame
        return History(frame=frame, truncated=False, units=_units(model), gaps=found.gaps)

    async def _rows(self, key: SeriesKey, query: HistoryQuery, aggregates: Sequence[Aggregate]) -> "Frame":
        if not aggregates:
            return await self._telemetry.history(key, query)
        reads = (self._telemetry.history(key, replace(query, aggregate=aggregate)) for aggregate in aggregates)
        return beside(dict(zip(aggregates, await asyncio.gather(*reads), strict=True)))

    async def statistics(self, tenant_id: str, code: str, query: StatisticsQuery) -> RangeStatistic:
        """Return statistics of one device's number fields, of all without `fields`, over the rows that fit.

        Raises NotFound DEVICE_NOT_FOUND or TIME_RANGE_EMPTY (not when rows are there and none fits), InvalidArgument
        FIELD_NOT_FOUND, FIELD_TYPE_INVALID, FILTER_INVALID or PERCENTILE_INVALID.
        """
        device = await self._registry.catalogue_device(tenant_id, code)
        _require_percentiles(query.percentiles)
        for condition in query.conditions:
            require_comparable(condition, device.fields, f"device {code!r}")
        key = SeriesKey(tenant_id=tenant_id, device_code=code)
        fields = numeric_fields(query.fields, device)
        _require_few_pairs(fields, correlate=query.correlate)
        model = await self._model_of(tenant_id, device)
        with self._counts.query(model):
            result = await self._telemetry.statistics(
                [key], fields, query.span, correlate=query.correlate, conditions=query.conditions
            )
        in_range = await self._telemetry.row_count(key, query.span) if query.conditions else result.rows
        if in_range == 0:
            raise await self.no_data(key, query.span)
        units = _units(model)
        asked = replace(query, fields=fields)
        described = replace(
            result,
            rows_in_range=in_range,
            fields=[replace(field, unit=units.get(field.field, "")) for field in result.fields],
        )
        return await self._with_insight(key, device, asked, described)

    async def _with_insight(
        self, key: SeriesKey, device: Device, query: StatisticsQuery, result: RangeStatistic
    ) -> RangeStatistic:
        if query.extreme_times or query.percentiles:
            found = await self._telemetry.insight(key, query)
            fields = [
                replace(field, min_time=each.min_time, max_time=each.max_time, percentiles=each.percentiles)
                for field, each in zip(result.fields, found, strict=True)
            ]
            result = replace(result, fields=fields)
        if query.integrals:
            sums = await self._telemetry.integrals(key, query)
            fields = [replace(field, integral=each) for field, each in zip(result.fields, sums, strict=True)]
            result = replace(result, fields=fields)
        if query.durations:
            result = replace(result, fitting_time=await self._telemetry.fitting_time(key, query))
        if query.value_counts:
            texts = [name for name, kind in device.fields.items() if kind is FieldKind.TEXT]
            result = replace(result, value_counts=await self._telemetry.value_counts(key, texts, query))
        return result

    async def _model_of(self, tenant_id: str, device: Device) -> DataModel | None:
        try:
            return await self._registry.model(tenant_id, device.model_code) if device.model_code else None
        except NotFound:
            return None

    async def model_statistics(
        self, tenant_id: str, model: DataModel, query: FeatureStatisticsQuery, device_codes: Sequence[str] = ()
    ) -> FeatureStatistics:
        """Return statistics and correlations of the features of a model's devices, of all number fields unless named.

        Raises NotFound DEVICE_NOT_FOUND or TIME_RANGE_EMPTY, InvalidArgument FIELD_NOT_FOUND or FIELD_TYPE_INVALID, and
        what :meth:`FeatureStatisticsReader.read` raises.
        """
        kinds = {field.code: field.kind for field in model.fields}
        asked = chosen_fields(query.fields, kinds, f"model {model.code!r}") if query.fields else ()
        for name in asked:
            require_numeric(name, kinds, f"model {model.code!r}")
        numeric = [name for name, kind in kinds.items() if kind is FieldKind.NUMBER and name != model.label_field]
        for code in device_codes:
            await self._registry.device_of_model(tenant_id, code, model.code)
        codes = device_codes or await self._registry.codes_of_model(tenant_id, model.code)
        keys = [SeriesKey(tenant_id=tenant_id, device_code=code) for code in dict.fromkeys(codes)]
        counts = {key: await self._telemetry.row_count(key, query.span) for key in keys}
        rows = {key: count for key, count in counts.items() if count}
        if not rows:
            raise await self._no_data_of_model(keys, model.code, query.span)
        with self._counts.query(model, extracts=True):
            return await FeatureStatisticsReader(self._telemetry).read(rows, replace(query, fields=asked or numeric))

    async def feature_target(self, tenant_id: str, code: str, model_code: str) -> FeatureTarget:
        """Return the device and its data model, which must be `model_code` or of the same type when one is named.

        Raises NotFound DEVICE_NOT_FOUND or DATA_MODEL_NOT_FOUND, InvalidArgument DEVICE_MODEL_CONFLICT.
        """
        device = await self._registry.device_of_model(tenant_id, code, model_code)
        own = model_code or device.model_code
        return FeatureTarget(device=device, model=await self._registry.model(tenant_id, own) if own else None)

    async def features(
        self,
        tenant_id: str,
        target: FeatureTarget,
        span: Span,
        plan: ExtractionPlan,
        fields: Sequence[str] = (),
        *,
        newest: int = 0,
        convert: "Callable[[FeatureTable, ExtractionPlan], Answer]",
        value_bytes: int = 8,
    ) -> Answer:
        """Return the features of a device's windows, over all its number fields but the label without `fields`.
        They are of the `newest` windows; 0: of all.

        They are returned as `convert` makes them, `value_bytes` large a value, which is called beside the event loop;
        what it made is returned again to who asks the same before the device's rows change.

        Raises NotFound TIME_RANGE_EMPTY, InvalidArgument FIELD_NOT_FOUND or FIELD_TYPE_INVALID, Unprocessable
        ANSWER_LIMIT_EXCEEDED when they would fit into no message, FEATURES_LIMIT_EXCEEDED when they would take too
        long, and what :func:`extract_features` raises.
        """
        from feature_service.domain.extraction.extract import extract_features
        from feature_service.domain.query.newest_features import NewestWindows, is_near, newest_features

        key = SeriesKey(tenant_id=tenant_id, device_code=target.device.code)
        label = target.model.label_field if target.model else ""
        used = tuple(numeric_fields(fields, target.device, leave_out=label))

        def converted(table: "FeatureTable") -> tuple[Answer, int]:
            return convert(table, plan), _bytes_of(table, value_bytes)

        async def make() -> tuple[Answer, int]:
            rows = await self._telemetry.row_count(key, span)
            if rows == 0:
                raise await self.no_data(key, span)
            own = await self._within(key, span, plan)
            # Before they are computed: what can't be answered takes neither time nor memory.
            features = len(used) * len(resolve_features(plan.features))
            windows = own.window.count(rows)
            windows = min(windows, newest) if newest and is_near(own) else windows
            require_sendable(windows * (8 * features + 9), _FEWER_FEATURES)
            require_workable(own.window, windows, rows=rows, columns=features)
            if newest:
                asked = NewestWindows(key=key, fields=used, span=span, plan=own, windows=newest, rows=rows)
                return await asyncio.to_thread(converted, await newest_features(self._telemetry, asked))
            if rows * len(used) > MOST_VALUES_AT_ONCE:
                return await asyncio.to_thread(converted, await self._streamed(key, used, span, own, rows))
            frame = await self._telemetry.read(key, used, span)
            return await run_abandonable(lambda check: converted(extract_features(frame, own, check)))

        with self._counts.query(target.model, extracts=True):
            return await self._features.get_or_make(key, (used, span, plan, newest, convert), make)

    async def _within(self, key: SeriesKey, span: Span, plan: ExtractionPlan) -> ExtractionPlan:
        """The plan for the range: windows by time need to know where the rows of the series begin and end."""
        if isinstance(plan.window, WindowPlan) or (extent := await self._telemetry.extent(key)) is None:
            return plan
        return within(plan, span, extent)

    async def _streamed(
        self, key: SeriesKey, fields: Sequence[str], span: Span, plan: ExtractionPlan, rows: int
    ) -> "FeatureTable":
        from feature_service.domain.query.feature_stream import FeatureStream, MemoryMatrix

        return await FeatureStream(self._telemetry, key, span, plan).fill(MemoryMatrix(), fields, rows)

    async def no_data(self, key: SeriesKey, span: Span) -> NotFound:
        """Return the error to raise where a device has no rows in a range; it names the range there is."""
        return _no_data(f"device {key.device_code!r}", span, await self._telemetry.extent(key))

    async def _no_data_of_model(self, keys: Sequence[SeriesKey], model_code: str, span: Span) -> NotFound:
        extents = [extent for key in keys if (extent := await self._telemetry.extent(key)) is not None]
        whole = (
            Extent(
                first=min(extent.first for extent in extents),
                last=max(extent.last for extent in extents),
                rows=sum(extent.rows for extent in extents),
            )
            if extents
            else None
        )
        return _no_data(f"the devices of model {model_code!r}", span, whole)


def _bytes_of(table: "FeatureTable", value_bytes: int) -> int:
    return value_bytes * table.matrix.size + table.starts.nbytes + _BYTES_A_COLUMN * len(table.names)


def _units(model: DataModel | None) -> Mapping[str, str]:
    return {field.code: field.unit for field in model.fields if field.unit} if model else {}


def _require_few_pairs(fields: Sequence[str], *, correlate: bool) -> None:
    if correlate and len(fields) > _MOST_CORRELATED:
        raise Unprocessable(
            f"the correlations of {len(fields)} fields are too many, name at most {_MOST_CORRELATED}",
            reason="CORRELATIONS_LIMIT_EXCEEDED",
        )


def _require_percentiles(percentiles: Sequence[float]) -> None:
    wrong = [each for each in percentiles if not 0 <= each <= 100]
    if wrong or len(percentiles) > _MOST_PERCENTILES:
        what = f"percentile {wrong[0]:g} is out of range" if wrong else f"{len(percentiles)} percentiles are too many"
        raise InvalidArgument(
            f"{what}; ask for at most {_MOST_PERCENTILES} numbers from 0 to 100", reason="PERCENTILE_INVALID"
        )


def _no_data(subject: str, span: Span, extent: Extent | None) -> NotFound:
    if extent is None:
        return NotFound(f"there are no rows of {subject} yet", reason="DATA_NOT_FOUND")
    first, last = iso_time(extent.first), iso_time(extent.last)
    return NotFound(
        f"there are no rows of {subject} from {span}; there are {extent.rows} from {first} to {last}",
        reason="TIME_RANGE_EMPTY",
        metadata={"first_time": first, "last_time": last, "rows": str(extent.rows)},
    )
