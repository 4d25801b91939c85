"""Features of a range of any length, in memory that does not grow with it: few fields and rows at a time."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np

from feature_service.domain.extraction.block_cleaning import BlockCleaner, Reading
from feature_service.domain.extraction.cancellation import abandonable
from feature_service.domain.extraction.extract import (
    FeatureTable,
    FittedPreprocessing,
    feature_names,
    scaling_of,
    too_few_whole_rows,
)
from feature_service.domain.extraction.plan import MOST_VALUES_AT_ONCE, ExtractionPlan, within
from feature_service.domain.extraction.time_window_carry import carry_of
from feature_service.domain.feature.catalog import resolve_features
from feature_service.domain.feature.left_out import left_out, require_time_windows
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.feature.window_layout import no_window_between_gaps
from feature_service.domain.model.array import FloatArray, TimeArray
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.series import SeriesKey
from feature_service.domain.model.span import Span
from feature_service.domain.preprocessing.method import MissingMethod, NormalizeMethod, OutlierMethod
from feature_service.domain.preprocessing.missing import CONSTANT_FILLS, MissingFill, constant_fill
from feature_service.domain.preprocessing.outlier import Fence, OutlierFilter, fence_of, fit_outlier_filter
from feature_service.domain.preprocessing.scaling import Scaler, fit_scaler, scale_columns
from feature_service.domain.telemetry.query import HistoryQuery
from feature_service.domain.telemetry.store import TelemetryStore
from penstock_kit.errors import Aborted, Unprocessable

_LEAST_ROWS: Final = 50_000
"""Rows that are read at once at least: of more fields than fit beside each other, some are read after the others."""
_NEAR_ROWS: Final = 1_000
"""Rows behind a block in which the next value of a field is looked for before all that follow are."""


class Matrix(Protocol):
    """Where features are put. The methods block."""

    @property
    def values(self) -> FloatArray:
        """The matrix."""
        ...

    def allocate(self, rows: int, columns: int) -> None:
        """Make room. Raises Unavailable STORAGE_UNAVAILABLE when there is none."""
        ...

    def write(self, first_row: int, first_column: int, values: Any) -> None:
        """Write rows of some columns."""
        ...

    def keep(self, rows: int) -> None:
        """Leave out all but the first rows."""
        ...


class MemoryMatrix:
    """A matrix in memory."""

    def __init__(self) -> None:
        self.values: FloatArray = np.empty((0, 0))

    def allocate(self, rows: int, columns: int) -> None:
        """Make room."""
        self.values = np.empty((rows, columns))

    def write(self, first_row: int, first_column: int, values: Any) -> None:
        """Write rows of some columns."""
        rows, columns = values.shape
        self.values[first_row : first_row + rows, first_column : first_column + columns] = values

    def keep(self, rows: int) -> None:
        """Leave out all but the first rows."""
        self.values = self.values[:rows]


@dataclass(slots=True, kw_only=True)
class _Group:
    """What is known of some fields once all their rows were seen."""

    fields: Sequence[str]
    outlier_filter: OutlierFilter
    missing_fill: MissingFill
    starts: list[TimeArray] = field(default_factory=list[TimeArray])
    windows: int = 0
    rows: int = 0
    longest: int = 0
    over_gap: int = 0
    outliers: int = 0
    missing: int = 0

    def count(self, block: Frame) -> None:
        """Count what is missing and what is beyond the fences."""
        for name, values in block.numbers.items():
            self.outliers += self.outlier_filter.count(name, values)
            self.missing += int(np.isnan(values).sum())


class FeatureStream:
    """Makes the features of a range of a series: those that :func:`extract_features` makes of all its rows at once."""

    def __init__(
        self,
        telemetry: TelemetryStore,
        key: SeriesKey,
        span: Span,
        plan: ExtractionPlan,
        *,
        most_values: int = MOST_VALUES_AT_ONCE,
    ) -> None:
        self._telemetry = telemetry
        self._key = key
        self._span = span
        self._plan = plan
        self._most_values = most_values
        self._near_rows = min(_NEAR_ROWS, most_values)
        self._features = resolve_features(plan.features)

    async def fill(self, matrix: Matrix, fields: Sequence[str], rows: int) -> FeatureTable:
        """Fill the matrix with the features of the range, which has `rows` rows, and return it with what was fitted.

        Raises what :func:`extract_features` does, Aborted ROWS_CONFLICT when rows arrive in the range meanwhile, and
        what the matrix raises.
        """
        if not fields:
            raise Unprocessable("there is no numeric field to extract features of", reason="NUMERIC_FIELD_REQUIRED")
        plan = self._plan = await self._within_range()
        most = plan.window.require(rows)
        fit_scaler(np.empty((0, 0)), NormalizeMethod.NONE, plan.value_range)  # a range that is none is told first
        width = len(self._features)
        await asyncio.to_thread(matrix.allocate, most, width * len(fields))
        groups: list[_Group] = []
        for place in range(0, len(fields), at_once := self._fields_at_once(len(fields), rows)):
            names = fields[place : place + at_once]
            with abandonable() as check:
                groups.append(await self._group(names, place * width, matrix, most, check))
            self._require_same(groups)
        matrix.keep(groups[0].windows)
        scaler = await asyncio.to_thread(self._scale, matrix.values)
        return self._table(matrix.values, fields, groups, scaler)

    async def _within_range(self) -> ExtractionPlan:
        """The plan for the range: windows by time lie between its ends, or the first and the last row."""
        if isinstance(self._plan.window, WindowPlan):
            return self._plan
        extent = await self._telemetry.extent(self._key)
        return self._plan if extent is None else within(self._plan, self._span, extent)

    def _fields_at_once(self, fields: int, rows: int) -> int:
        if self._plan.missing is MissingMethod.DROP:
            return fields  # whether a row is dropped depends on all of them
        window_rows = self._plan.window.rows_of_window(rows)
        return max(1, self._most_values // min(self._most_values, max(_LEAST_ROWS, 2 * window_rows)))

    async def _group(
        self, fields: Sequence[str], first_column: int, matrix: Matrix, most: int, check: Callable[[], None]
    ) -> _Group:
        outlier_filter, missing_fill = await self._fit(fields)
        group = _Group(fields=fields, outlier_filter=outlier_filter, missing_fill=missing_fill)
        cleaner, carry = BlockCleaner(outlier_filter, missing_fill), carry_of(self._plan.window, self._features, check)

        def work(block: Frame, fenced: Frame) -> None:
            group.count(block)
            write(carry.cut(cleaner.clean(block, fenced)))

        def write(made: tuple[TimeArray, FloatArray] | None) -> None:
            starts, values = made or (np.empty(0, dtype="datetime64[us]"), np.empty((0, 0)))
            if group.windows + len(starts) > most:
                raise _changed()
            matrix.write(group.windows, first_column, values)
            group.windows += len(starts)
            group.starts.append(starts)

        async for found in self._telemetry.blocks(self._key, fields, self._span, self._rows_at_once(len(fields))):
            block = _numbers_of(found, fields)
            if len(block):
                fenced = await asyncio.to_thread(cleaner.fence, block)
                if names := cleaner.open_fields(fenced):
                    for name, reading in (await self._look_ahead(names, block, outlier_filter)).items():
                        cleaner.look_ahead(name, reading)
                await asyncio.to_thread(work, block, fenced)
        await asyncio.to_thread(lambda: write(carry.end()))
        group.rows, group.longest, group.over_gap = carry.rows, carry.longest, carry.over_gap
        return group

    def _rows_at_once(self, fields: int) -> int:
        return max(1, self._most_values // fields)

    async def _fit(self, fields: Sequence[str]) -> tuple[OutlierFilter, MissingFill]:
        """Fit on one field at a time, all values of which are in memory for that."""
        plan = self._plan
        if plan.fitted:
            return plan.fitted.outlier_filter, plan.fitted.missing_fill
        fences: dict[str, Fence] = {}
        constants: dict[str, float] = {}

        def fit(name: str, present: FloatArray) -> None:
            if plan.outliers is not OutlierMethod.NONE:
                fences[name] = fence_of(present.copy(), plan.outliers, plan.outlier_threshold)
            if plan.missing in CONSTANT_FILLS:
                kept = _treated(present, fences.get(name, Fence()), plan.outliers)
                constants.update(constant_fill(name, kept, plan.missing))

        fit_outlier_filter({}, plan.outliers, plan.outlier_threshold)  # a threshold that is none is told first
        if plan.outliers is not OutlierMethod.NONE or plan.missing in CONSTANT_FILLS:
            for name in fields:
                await asyncio.to_thread(fit, name, await self._present(name))
        return OutlierFilter(method=plan.outliers, fences=fences), MissingFill(method=plan.missing, constants=constants)

    async def _present(self, name: str) -> FloatArray:
        """Return the values of a field that are there."""
        rows = await self._telemetry.row_count(self._key, self._span)
        values = np.empty(rows)
        filled = 0
        async for block in self._telemetry.blocks(self._key, [name], self._span, self._most_values // 2):
            column = _numbers_of(block, [name]).numbers[name]
            present = column[~np.isnan(column)]
            if filled + len(present) > rows:
                raise _changed()
            values[filled : filled + len(present)] = present
            filled += len(present)
        return values[:filled]

    async def _look_ahead(
        self, names: Sequence[str], block: Frame, outlier_filter: OutlierFilter
    ) -> dict[str, Reading | None]:
        """Return the first value of each field behind the block that is no outlier; None where there is none."""
        found: dict[str, Reading | None] = dict.fromkeys(names)
        near = await self._behind(block, names)
        _note_first(found, near, outlier_filter)
        far = [name for name, reading in found.items() if reading is None]
        if far and len(near) == self._near_rows and (span := self._span_behind(near)) is not None:
            async with aclosing(self._telemetry.blocks(self._key, far, span, self._rows_at_once(len(far)))) as blocks:
                async for frame in blocks:
                    _note_first(found, _numbers_of(frame, far), outlier_filter)
                    if all(found[name] is not None for name in far):
                        break
        return found

    async def _behind(self, block: Frame, names: Sequence[str]) -> Frame:
        """Return the next few rows, which are found at once: most gaps are short."""
        span = self._span_behind(block)
        if span is None:
            return _numbers_of(block.first(0), names)
        query = HistoryQuery(fields=names, span=span, limit=self._near_rows)
        return _numbers_of(await self._telemetry.history(self._key, query), names)

    def _span_behind(self, block: Frame) -> Span | None:
        after = int(block.timestamps[-1].astype("int64")) + 1
        return None if self._span.end is not None and after >= self._span.end else Span(start=after, end=self._span.end)

    def _require_same(self, groups: Sequence[_Group]) -> None:
        """Raise unless the last fields have the windows of the first, of which there must be one."""
        first, last = groups[0], groups[-1]
        window = self._plan.window
        if not isinstance(window, WindowPlan):
            require_time_windows(window, first.windows, first.over_gap)
        elif first.windows == 0:
            if first.rows < window.size:
                raise too_few_whole_rows(first.rows, first.fields, window)
            raise no_window_between_gaps(first.longest, window)
        if last is not first and not np.array_equal(np.concatenate(first.starts), np.concatenate(last.starts)):
            raise _changed()

    def _scale(self, values: FloatArray) -> Scaler:
        """Scale the matrix where it is, few columns at a time."""
        if self._plan.fitted:
            self._plan.fitted.scaler.apply_in_place(values)
            return self._plan.fitted.scaler
        method = scaling_of(self._plan, len(values))
        return scale_columns(values, method, self._plan.value_range, most_values=self._most_values)

    def _table(
        self, values: FloatArray, fields: Sequence[str], groups: Sequence[_Group], scaler: Scaler
    ) -> FeatureTable:
        fences = {name: fence for group in groups for name, fence in group.outlier_filter.fences.items()}
        constants = {name: value for group in groups for name, value in group.missing_fill.constants.items()}
        return FeatureTable(
            matrix=values,
            names=feature_names(fields, self._features),
            fields=tuple(fields),
            starts=np.concatenate(groups[0].starts),
            rows=groups[0].rows,
            outliers=sum(group.outliers for group in groups),
            missing=sum(group.missing for group in groups),
            fitted=FittedPreprocessing(
                outlier_filter=OutlierFilter(method=self._plan.outliers, fences=fences),
                missing_fill=MissingFill(method=self._plan.missing, constants=constants),
                scaler=scaler,
            ),
            left_out=left_out(self._plan.window, groups[0].windows, groups[0].over_gap),
        )


def _note_first(found: dict[str, Reading | None], rows: Frame, outlier_filter: OutlierFilter) -> None:
    """Note the first value of each field that has none yet."""
    for name, values in outlier_filter.apply(rows.numbers).items():
        present = np.flatnonzero(~np.isnan(values))
        if found[name] is None and len(present):
            time = int(rows.timestamps[present[0]].astype("int64"))
            found[name] = Reading(time=time, value=float(values[present[0]]))


def _numbers_of(frame: Frame, fields: Sequence[str]) -> Frame:
    """The rows with these numbers alone; a field that is none here is missing everywhere."""
    absent = np.full(len(frame), np.nan)
    return Frame(timestamps=frame.timestamps, numbers={name: frame.numbers.get(name, absent) for name in fields})


def _treated(present: FloatArray, fence: Fence, method: OutlierMethod) -> FloatArray:
    """The values without outliers, or with them moved onto the fence; they are changed themselves where that does."""
    if method is OutlierMethod.CLIP:
        return np.clip(present, fence.low, fence.high, out=present)
    beyond = fence.beyond(present)
    return present[~beyond] if beyond.any() else present


def _changed() -> Aborted:
    return Aborted("rows arrived in the range while features were made of it; ask again", reason="ROWS_CONFLICT")
