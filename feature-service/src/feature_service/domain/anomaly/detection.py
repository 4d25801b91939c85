"""Finds anomalies: reads rows, fits detectors on baselines, keeps them, scores windows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from feature_service.domain.anomaly.baseline import default_baseline
from feature_service.domain.anomaly.method import MAX_FIELDS
from feature_service.domain.anomaly.query import AnomalyQuery
from feature_service.domain.anomaly.record import DetectorSet, DetectorStore
from feature_service.domain.extraction.cancellation import run_abandonable
from feature_service.domain.extraction.work_limit import MAX_SHARED_READINGS, require_workable
from feature_service.domain.feature.window import WindowPlan
from feature_service.domain.model.device import Device
from feature_service.domain.model.series import SeriesKey
from feature_service.domain.model.span import Span, micros_of
from feature_service.domain.query.answer_limit import require_sendable
from feature_service.domain.query.field_choice import numeric_fields
from feature_service.domain.query.telemetry_queries import TelemetryQueries
from feature_service.domain.registry.device_registry import DeviceRegistry
from feature_service.domain.telemetry.query import HistoryQuery
from feature_service.domain.telemetry.store import TelemetryStore
from penstock_kit.clock import Clock
from penstock_kit.errors import InvalidArgument, NotFound, Unprocessable
from penstock_kit.fair_turns import FairTurns

if TYPE_CHECKING:
    from feature_service.domain.anomaly.detector import Detector, ScoredWindows
    from feature_service.domain.anomaly.stretch import Stretch
    from feature_service.domain.model.frame import Frame

MAX_DEVICES: Final = 100
MAX_VALUES: Final = 25_000_000
"""Rows times fields of one device that are scored at once: they are in memory for that (200 MB)."""
_NEWEST_WINDOWS: Final = 100
_FEWER: Final = "ask for a shorter range, fewer devices or fields, a smaller overlap or a larger window_size"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DeviceAnomalies:
    """The windows of a device, scored by `detector` against `threshold`; `warnings` are of what it left out.

    `stretches` are what lasted, where that was asked for.
    """

    device_code: str
    threshold: float
    detector: "Detector"
    windows: "ScoredWindows"
    warnings: Sequence[str] = ()
    stretches: "Sequence[Stretch]" = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Anomalies:
    """What was found, and the id under which the detectors are kept."""

    detector_id: str
    devices: Sequence[DeviceAnomalies]


class AnomalyDetection:
    """Finds anomalies in the telemetry of a tenant's devices, one device at a time."""

    def __init__(
        self,
        *,
        registry: DeviceRegistry,
        telemetry: TelemetryStore,
        queries: TelemetryQueries,
        store: DetectorStore,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._registry = registry
        self._telemetry = telemetry
        self._queries = queries
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._turns = FairTurns(1)

    async def detect(self, tenant_id: str, query: AnomalyQuery, *, keep: bool = True) -> Anomalies:
        """Fit detectors, or take those of `detector_id`, and score the windows; the detectors are kept unless told.

        Raises NotFound DEVICE_NOT_FOUND, DATA_MODEL_NOT_FOUND, DETECTOR_NOT_FOUND, DATA_NOT_FOUND or TIME_RANGE_EMPTY,
        InvalidArgument DEVICES_INVALID, DEVICE_MODEL_CONFLICT, FIELD_NOT_FOUND or FIELD_TYPE_INVALID, Unprocessable
        BASELINE_INVALID, DETECTOR_INVALID, WINDOW_LIMIT_EXCEEDED, ANOMALIES_LIMIT_EXCEEDED or ANSWER_LIMIT_EXCEEDED.
        """
        known = await self._known(tenant_id, query)
        codes = await self._codes(tenant_id, query, known)
        fields = {code: await self._fields_of(tenant_id, code, query, known.get(code)) for code in codes}
        if not known:
            await self._require_sendable(tenant_id, fields, query)
        found: list[DeviceAnomalies] = []
        size = 0
        for code in codes:
            key = SeriesKey(tenant_id=tenant_id, device_code=code)
            one = await self._device(key, fields[code], query, known.get(code), sent=size)
            size += _size(len(one.windows.scores), one.windows.fields)
            found.append(one)
        if query.detector_id or not keep:
            return Anomalies(detector_id=query.detector_id, devices=found)
        return Anomalies(detector_id=await self._keep(tenant_id, query, found), devices=found)

    async def _keep(self, tenant_id: str, query: AnomalyQuery, found: Sequence[DeviceAnomalies]) -> str:
        added = DetectorSet(
            id=self._new_id(),
            model_code=query.model_code,
            created=micros_of(self._clock.now()),
            detectors={one.device_code: one.detector for one in found},
        )
        await self._store.add(tenant_id, added)
        return added.id

    async def _known(self, tenant_id: str, query: AnomalyQuery) -> "Mapping[str, Detector]":
        if not query.detector_id:
            return {}
        found = await self._store.find(tenant_id, query.detector_id, now=micros_of(self._clock.now()))
        if found is None:
            raise NotFound(
                f"there is no detector {query.detector_id!r}; detect without detector_id, which fits one",
                reason="DETECTOR_NOT_FOUND",
            )
        return found.detectors

    async def _codes(self, tenant_id: str, query: AnomalyQuery, known: "Mapping[str, Detector]") -> Sequence[str]:
        codes = list(dict.fromkeys(query.device_codes)) or list(known)
        if not codes and query.model_code:
            codes = list(await self._registry.codes_of_model(tenant_id, query.model_code))
        if not codes or len(codes) > MAX_DEVICES:
            what = f"{len(codes)} devices are too many" if codes else "no device is named and none is of the model"
            raise InvalidArgument(f"{what}; name 1 to {MAX_DEVICES} in device_codes", reason="DEVICES_INVALID")
        unknown = [code for code in codes if known and code not in known]
        if unknown:
            raise InvalidArgument(
                f"detector {query.detector_id!r} was not fitted for {unknown[0]!r}; it knows: {', '.join(known)}",
                reason="DEVICES_INVALID",
            )
        return codes

    async def _fields_of(
        self, tenant_id: str, code: str, query: AnomalyQuery, known: "Detector | None"
    ) -> tuple[str, ...]:
        target = await self._queries.feature_target(tenant_id, code, query.model_code)
        label = target.model.label_field if target.model else ""
        return known.fields if known else self._fields(query, target.device, label)

    async def _require_sendable(self, tenant_id: str, fields: Mapping[str, Sequence[str]], query: AnomalyQuery) -> None:
        """Raise before a detector is fitted when so many windows by rows would fit into no answer."""
        if not isinstance(query.window, WindowPlan) or query.window.max_gap is not None:
            return
        size = 0
        for code, names in fields.items():
            rows = await self._telemetry.row_count(SeriesKey(tenant_id=tenant_id, device_code=code), query.span)
            size += _size(query.window.count(rows), names)
            require_sendable(size, _FEWER)

    async def _device(
        self, key: SeriesKey, fields: tuple[str, ...], query: AnomalyQuery, known: "Detector | None", *, sent: int
    ) -> DeviceAnomalies:
        span = query.span if known is None else await self._newest_span(key, query, known)
        # The rows too: those of everybody who waits would be in memory together.
        async with self._turns.turn(key.tenant_id):
            frame = await self._rows(key, fields, replace(query, span=span), known)
            labels = () if known or query.fields else _label_columns(frame, fields)
            fields = tuple(name for name in fields if name not in labels)
            detector = known or await self._fitted(key, fields, frame, query)
            threshold = detector.threshold if query.threshold is None else query.threshold
            asked = replace(query, span=span)
            windows = await run_abandonable(lambda check: _scored(detector, frame, asked, sent, check))
            lasting = await self._stretches(key, fields, asked, frame) if query.stretches else ()
        return DeviceAnomalies(
            device_code=key.device_code,
            threshold=threshold,
            detector=detector,
            windows=windows,
            warnings=[_warning(name) for name in labels],
            stretches=lasting,
        )

    async def _stretches(
        self, key: SeriesKey, fields: Sequence[str], query: AnomalyQuery, frame: "Frame"
    ) -> "Sequence[Stretch]":
        from feature_service.domain.anomaly.stretch_search import search_stretches

        target = await self._queries.feature_target(key.tenant_id, key.device_code, query.model_code)
        first = int(frame.timestamps[0].astype("int64")) if query.span.start is None else query.span.start
        span = Span(start=first, end=query.span.end)
        found = await search_stretches(self._telemetry, key, target.device, fields, span, most_values=MAX_VALUES)
        units = {each.code: each.unit for each in target.model.fields} if target.model else {}
        return [each.in_units(units) for each in found]

    def _fields(self, query: AnomalyQuery, device: Device, label: str) -> tuple[str, ...]:
        fields = numeric_fields(query.fields, device, leave_out=label)
        if not fields:
            raise Unprocessable(
                f"device {device.code!r} has no numeric field to look at", reason="NUMERIC_FIELD_REQUIRED"
            )
        if len(fields) > MAX_FIELDS:
            raise Unprocessable(
                f"{len(fields)} fields are too many for one detector; name at most {MAX_FIELDS} in fields",
                reason="ANOMALIES_LIMIT_EXCEEDED",
            )
        return fields

    async def _newest_span(self, key: SeriesKey, query: AnomalyQuery, known: "Detector") -> Span:
        """The range that is scored: with a detector of windows by time and no start, that of the newest ones."""
        window = known.window.overlapping(query.window.overlap)
        if query.span.start is not None or isinstance(window, WindowPlan):
            return query.span
        extent = await self._telemetry.extent(key)
        if extent is None:
            raise await self._queries.no_data(key, query.span)
        end = extent.last + 1 if query.span.end is None else min(query.span.end, extent.last + window.size)
        first = (end - window.size) // window.step - _NEWEST_WINDOWS + 1
        return Span(start=first * window.step, end=query.span.end)

    async def _rows(
        self, key: SeriesKey, fields: Sequence[str], query: AnomalyQuery, known: "Detector | None"
    ) -> "Frame":
        if known is not None and query.span.start is None:
            window = known.window.overlapping(query.window.overlap)
            newest = window.size + (_NEWEST_WINDOWS - 1) * window.step
            wanted = HistoryQuery(fields=fields, span=query.span, limit=newest, newest_first=True)
            frame = (await self._telemetry.history(key, wanted)).cut(slice(None, None, -1))
        else:
            rows = await self._telemetry.row_count(key, query.span)
            if rows * len(fields) > MAX_VALUES:
                raise Unprocessable(
                    f"{rows} rows of {len(fields)} fields are {rows * len(fields)} values, at most {MAX_VALUES} are "
                    "scored at once; ask for a shorter range or fewer fields",
                    reason="ANOMALIES_LIMIT_EXCEEDED",
                )
            frame = await self._telemetry.read(key, fields, query.span)
        if len(frame) == 0:
            raise await self._queries.no_data(key, query.span)
        return frame

    async def _fitted(self, key: SeriesKey, fields: tuple[str, ...], frame: "Frame", query: AnomalyQuery) -> "Detector":
        baseline = await self._baseline(key, fields, frame, query)
        return await run_abandonable(lambda check: _fit(baseline, fields, query, check))

    async def _baseline(self, key: SeriesKey, fields: Sequence[str], frame: "Frame", query: AnomalyQuery) -> "Frame":
        span: Span | None = query.baseline
        if span is None:
            return await default_baseline(
                self._telemetry, key, fields, frame, start=query.span.start, window=query.window
            )
        rows = await self._telemetry.row_count(key, span)
        if rows * len(fields) > MAX_VALUES:
            raise Unprocessable(
                f"the baseline has {rows * len(fields)} values, at most {MAX_VALUES} are fitted; take a shorter one",
                reason="BASELINE_INVALID",
            )
        if rows == 0:
            raise await self._queries.no_data(key, span)
        return await self._telemetry.read(key, fields, span)


# NumPy is loaded with the first rows.
def _label_columns(frame: "Frame", fields: Sequence[str]) -> tuple[str, ...]:
    from feature_service.domain.anomaly.label_column import label_columns

    return label_columns(frame, fields)


def _warning(name: str) -> str:
    """What is said of a field that was left out."""
    return (
        f"field {name!r} is named like a label and has no values but 0 and 1: the detector does not look at it; name "
        "it in fields if it is a measurement, or as the model's label_column if it is a label"
    )


def _fit(baseline: "Frame", fields: tuple[str, ...], query: AnomalyQuery, check: Callable[[], None]) -> "Detector":
    from feature_service.domain.anomaly.detector import fit_detector

    return fit_detector(
        baseline,
        fields,
        query.method,
        query.window,
        threshold=query.threshold,
        min_rows=query.min_rows,
        check=check,
    )


def _scored(
    detector: "Detector", frame: "Frame", query: AnomalyQuery, sent: int, check: Callable[[], None]
) -> "ScoredWindows":
    """Score, unless the answer would be too large with the bytes that other devices `sent` have."""
    from feature_service.domain.anomaly.detector import score_windows
    from feature_service.domain.anomaly.single_reading import with_single_readings
    from feature_service.domain.anomaly.window_column import LOOKED_AT

    def require(windows: int) -> None:
        require_sendable(sent + _size(windows, detector.fields), _FEWER)
        window = detector.window.overlapping(query.window.overlap)
        columns = LOOKED_AT * len(detector.fields)
        require_workable(window, windows, rows=len(frame), columns=columns, most=MAX_SHARED_READINGS)

    threshold = detector.threshold if query.threshold is None else query.threshold
    overlap, span = query.window.overlap, query.span
    found = score_windows(detector, frame, overlap, threshold=threshold, span=span, check=check, require=require)
    if not query.stretches:
        return found
    return with_single_readings(found, detector, frame, overlap, threshold=threshold, span=span, check=check)


def _size(windows: int, fields: Sequence[str]) -> int:
    """About the bytes of so many windows in an answer."""
    return windows * (40 + sum(len(name.encode()) + 14 for name in fields))
