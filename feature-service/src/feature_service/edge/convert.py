"""Between the messages of penstock.feature.v1 and the values of the domain: times, filters, tables, statistics."""

from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from google.protobuf.timestamp_pb2 import Timestamp
from penstock.feature.v1 import feature_pb2

from feature_service.domain.ingest.date_format import DateOrder
from feature_service.domain.ingest.plan import BodyFormat, IngestPlan, IngestReport
from feature_service.domain.ingest.progress import IngestProgress
from feature_service.domain.model.span import Span
from feature_service.domain.model.statistic import FieldStatistic, FittingTime, RangeStatistic, Spell
from feature_service.domain.query.feature_statistics import FeatureStatistics
from feature_service.domain.query.telemetry_queries import RowsFormat
from feature_service.domain.telemetry.query import LTTB, Aggregate, HistoryQuery, StatisticsQuery
from feature_service.edge.convert_extraction import plan_to_proto
from feature_service.edge.convert_filter import field_conditions
from feature_service.edge.convert_window import LONGEST_SECONDS, micros_of_duration
from penstock_kit.errors import InvalidArgument

if TYPE_CHECKING:
    from feature_service.domain.model.frame import Frame

_FORMATS: Final = {
    feature_pb2.INGEST_FORMAT_JSON: BodyFormat.JSON,
    feature_pb2.INGEST_FORMAT_CSV: BodyFormat.CSV,
    feature_pb2.INGEST_FORMAT_ARROW: BodyFormat.ARROW,
    feature_pb2.INGEST_FORMAT_PARQUET: BodyFormat.PARQUET,
    feature_pb2.INGEST_FORMAT_NDJSON: BodyFormat.NDJSON,
    feature_pb2.INGEST_FORMAT_LINE_PROTOCOL: BodyFormat.LINE_PROTOCOL,
}
# The years 1 to 9999, in seconds since the epoch, and a thousand years.
_FIRST_SECOND: Final = -62_135_596_800
_LAST_SECOND: Final = 253_402_300_799
_NANOSECONDS: Final = 1_000_000_000
# The key of a row of NDJSON that names its device, unless the request says otherwise.
_NDJSON_DEVICE: Final = "device_code"
_MAX_HISTORY: Final = 100_000
_DEFAULT_HISTORY: Final = 10_000


def span_from_proto(request: Any) -> Span:
    """Return the range of a request with ``start_time`` and ``end_time``; an unset one is open."""
    return Span(start=micros_from_proto(request, "start_time"), end=micros_from_proto(request, "end_time"))


def time_to_proto(micros: int | None) -> Timestamp | None:
    """Return the timestamp, None for none."""
    if micros is None:
        return None
    return Timestamp(seconds=micros // 1_000_000, nanos=micros % 1_000_000 * 1_000)


def plan_from_proto(options: feature_pb2.IngestOptions) -> IngestPlan:
    """Return what is to be ingested.

    Raises InvalidArgument FORMAT_INVALID, TIME_ZONE_INVALID, DELIMITER_INVALID, DECIMAL_INVALID, DATE_ORDER_INVALID
    or TIME_COLUMN_INVALID.
    """
    body_format = _FORMATS.get(options.format)
    if body_format is None:
        raise InvalidArgument(
            "the format must be JSON, NDJSON, CSV, Arrow, Parquet or line protocol", reason="FORMAT_INVALID"
        )
    if len(options.delimiter) > 1:
        raise InvalidArgument(f"delimiter {options.delimiter!r} must be one character", reason="DELIMITER_INVALID")
    if options.decimal not in {"", ".", ","}:
        raise InvalidArgument(f"decimal is {options.decimal!r}; it must be . or ,", reason="DECIMAL_INVALID")
    return IngestPlan(
        format=body_format,
        device_code=options.device_code,
        model_code=options.model_code,
        timestamp_column=options.timestamp_column,
        delimiter=options.delimiter,
        zone=_zone(options.time_zone),
        create=options.create,
        device_column=_device_column(options, body_format),
        decimal=options.decimal,
        encoding=options.encoding,
        ignored=frozenset(options.ignore_columns),
        partial=options.partial,
        clock_column=_clock_column(options, body_format),
        date_order=_date_order(options, body_format),
        precision=options.time_precision,
        whole=options.whole,
    )


def _device_column(options: feature_pb2.IngestOptions, body_format: BodyFormat) -> str:
    if body_format is BodyFormat.NDJSON and not options.device_code:
        return options.device_column or _NDJSON_DEVICE
    return options.device_column


def _clock_column(options: feature_pb2.IngestOptions, body_format: BodyFormat) -> str:
    if options.time_column and body_format is not BodyFormat.CSV:
        raise InvalidArgument(
            "time_column is for CSV; another format has the whole time in timestamp_column",
            reason="TIME_COLUMN_INVALID",
        )
    return options.time_column


def _date_order(options: feature_pb2.IngestOptions, body_format: BodyFormat) -> DateOrder | None:
    if not options.date_order:
        return None
    if body_format is not BodyFormat.CSV or options.date_order not in set(DateOrder):
        raise InvalidArgument(
            f"date_order is {options.date_order!r}; it must be dmy or mdy, and is for CSV", reason="DATE_ORDER_INVALID"
        )
    return DateOrder(options.date_order)


def report_to_proto(report: IngestReport) -> feature_pb2.IngestResponse:
    """Return what became of a body."""
    return feature_pb2.IngestResponse(
        device_code=report.device_code,
        model_code=report.model_code,
        rows_accepted=report.accepted,
        rows_rejected=report.rejected,
        errors=[feature_pb2.RowError(line=error.line, reason=error.reason) for error in report.errors],
        fields=[field.name for field in report.fields],
        ingested_fields=[
            feature_pb2.IngestedField(
                name=field.name, type=field.kind.value, guessed=field.guessed, decimal=field.decimal
            )
            for field in report.fields
        ],
        rows_merged=report.merged,
        notes=report.notes,
        devices=[feature_pb2.IngestedDevice(device_code=code, rows_accepted=rows) for code, rows in report.devices],
    )


def progress_to_proto(progress: IngestProgress) -> feature_pb2.IngestProgress:
    """Return the message of how far a body is."""
    return feature_pb2.IngestProgress(
        stage=progress.stage.value,
        received_bytes=progress.received_bytes,
        rows_accepted=progress.rows_accepted,
        rows_rejected=progress.rows_rejected,
    )


def history_from_proto(request: feature_pb2.QueryHistoryRequest) -> HistoryQuery:
    """Return the question. Raises InvalidArgument for an unknown aggregate or a limit out of range."""
    limit = request.limit or _DEFAULT_HISTORY
    if not 1 <= limit <= _MAX_HISTORY:
        raise InvalidArgument(f"limit is {limit}; it must be from 1 to {_MAX_HISTORY}", reason="LIMIT_INVALID")
    return HistoryQuery(
        fields=tuple(request.fields),
        span=span_from_proto(request),
        interval=_interval(request) if request.HasField("interval") else None,
        aggregate=_aggregate("" if request.aggregate == LTTB else request.aggregate),
        limit=limit,
        newest_first=request.newest_first,
        conditions=field_conditions(request.filters),
        order_by=request.order_by,
        descending=request.descending,
        max_gap=_max_gap(request),
    )


def _max_gap(request: feature_pb2.QueryHistoryRequest) -> int | None:
    if not request.HasField("max_gap"):
        return None
    if request.aggregate != LTTB:
        raise InvalidArgument(f"max_gap is of the aggregate {LTTB!r}; leave it out", reason="AGGREGATE_INVALID")
    gap = micros_of_duration(request, "max_gap")
    if gap <= 0:
        raise InvalidArgument("max_gap must be longer than 0", reason="MAX_GAP_INVALID")
    return gap


def gaps_to_proto(gaps: Sequence[tuple[int, int]]) -> list[feature_pb2.Gap]:
    """Return the messages of gaps."""
    return [feature_pb2.Gap(start_time=time_to_proto(start), end_time=time_to_proto(end)) for start, end in gaps]


def rows_format_from_proto(
    request: feature_pb2.QueryHistoryRequest | feature_pb2.QueryRealtimeRequest | feature_pb2.ExportRowsRequest,
) -> RowsFormat | None:
    """Return the form of the file that is asked for, None for none. Raises InvalidArgument FORMAT_INVALID."""
    try:
        return RowsFormat(request.format) if request.format else None
    except ValueError:
        raise InvalidArgument(
            f"format is {request.format!r}; it must be one of: {', '.join(RowsFormat)}, or empty",
            reason="FORMAT_INVALID",
        ) from None


def aggregates_from_proto(request: feature_pb2.QueryHistoryRequest) -> Sequence[Aggregate]:
    """Return by what each bucket is reduced when there are several. Raises InvalidArgument AGGREGATE_INVALID."""
    found = tuple(dict.fromkeys(_aggregate(name) for name in request.aggregates))
    if found and (request.order_by or not request.HasField("interval")):
        raise InvalidArgument("several aggregates need an interval, and no order_by", reason="AGGREGATE_INVALID")
    return found


def statistics_from_proto(request: feature_pb2.ComputeStatisticsRequest) -> StatisticsQuery:
    """Return what to compute. Raises InvalidArgument FILTER_INVALID."""
    return StatisticsQuery(
        fields=tuple(request.fields),
        span=span_from_proto(request),
        conditions=field_conditions(request.filters),
        percentiles=tuple(request.percentiles),
        extreme_times=request.extreme_times,
        correlate=request.correlate,
        value_counts=request.value_counts,
        durations=request.durations,
        integrals=request.integrals,
        shortest_spell=max(0, micros_of_duration(request, "shortest_spell")),
    )


def frame_to_proto(
    frame: "Frame",
    fields: Sequence[str] = (),
    device_codes: Sequence[str] = (),
    units: Mapping[str, str] = MappingProxyType({}),
) -> feature_pb2.Table:
    """Return the rows as columns, in the order of `fields` when given."""
    return feature_pb2.Table(
        timestamps=frame.timestamps.astype("int64").tolist(),
        columns=[_column(frame, name, units.get(name, "")) for name in fields or (*frame.numbers, *frame.texts)],
        device_codes=device_codes,
    )


def frame_bytes(frame: "Frame") -> int:
    """Return about how many bytes the rows have in a message."""
    texts = sum(len(value or "") + 2 for values in frame.texts.values() for value in values.tolist())
    return len(frame) * (9 + 8 * len(frame.numbers)) + texts


def statistic_to_proto(statistic: FieldStatistic) -> feature_pb2.FieldStatistics:
    """Return the statistics of one field; what is None stays unset."""
    return feature_pb2.FieldStatistics(
        field=statistic.field,
        count=statistic.count,
        mean=statistic.mean,
        std=statistic.std,
        min=statistic.min,
        max=statistic.max,
        median=statistic.median,
        missing_ratio=statistic.missing_ratio,
        first=statistic.first,
        last=statistic.last,
        sum=statistic.sum,
        unit=statistic.unit,
        min_time=time_to_proto(statistic.min_time),
        max_time=time_to_proto(statistic.max_time),
        percentiles=statistic.percentiles,
        integral=statistic.integral,
    )


def statistics_to_proto(device_code: str, result: RangeStatistic) -> feature_pb2.ComputeStatisticsResponse:
    """Return the statistics of a device's fields over a range."""
    return feature_pb2.ComputeStatisticsResponse(
        device_code=device_code,
        row_count=result.rows,
        statistics=[statistic_to_proto(field) for field in result.fields],
        first_time=time_to_proto(result.first_time),
        last_time=time_to_proto(result.last_time),
        rows_in_range=result.rows_in_range,
        correlation_matrix=result.correlations,
        value_counts=[
            feature_pb2.ValueCount(field=each.field, value=each.value, count=each.count) for each in result.value_counts
        ],
        fitting_time=_fitting_time(result.fitting_time) if result.fitting_time else None,
    )


def _fitting_time(time: FittingTime) -> feature_pb2.FittingTime:
    return feature_pb2.FittingTime(
        seconds=time.seconds,
        range_seconds=time.range_seconds,
        spells=time.spells,
        longest_seconds=time.longest_seconds,
        longest_start_time=time_to_proto(time.longest_start),
        longest=map(_spell, time.longest),
        last=_spell(time.last) if time.last else None,
        ongoing=time.ongoing,
        gaps=time.gaps,
        gap_seconds=time.gap_seconds,
        longest_gaps=map(_spell, time.longest_gaps),
    )


def _spell(spell: Spell) -> feature_pb2.Spell:
    return feature_pb2.Spell(start_time=time_to_proto(spell.start), seconds=spell.seconds)


def feature_stats_to_proto(result: FeatureStatistics, fields: Sequence[str]) -> feature_pb2.GetFeatureStatsResponse:
    """Return the statistics and correlations of the features of `fields`."""
    return feature_pb2.GetFeatureStatsResponse(
        feature_statistics=[statistic_to_proto(feature) for feature in result.features],
        correlation_matrix=result.correlations,
        sample_count=result.windows,
        row_count=result.rows,
        options=plan_to_proto(result.plan, tuple(fields)),
    )


def _column(frame: "Frame", name: str, unit: str) -> feature_pb2.Column:
    if name in frame.texts:
        return feature_pb2.Column(name=name, texts=[value or "" for value in frame.texts[name].tolist()], unit=unit)
    return feature_pb2.Column(name=name, numbers=frame.numbers[name].tolist(), unit=unit)


def micros_from_proto(request: Any, field: str) -> int | None:
    """Return the time in a field in microseconds, None for an unset one. Raises InvalidArgument TIME_INVALID."""
    if not request.HasField(field):
        return None
    moment: Timestamp = getattr(request, field)
    if not (_FIRST_SECOND <= moment.seconds <= _LAST_SECOND and 0 <= moment.nanos < _NANOSECONDS):
        text = f"{field} is {moment.seconds} s and {moment.nanos} ns from 1970; it must be within the years 1 to 9999"
        raise InvalidArgument(text, reason="TIME_INVALID")
    return moment.seconds * 1_000_000 + moment.nanos // 1_000


def _interval(request: feature_pb2.QueryHistoryRequest) -> int:
    seconds = request.interval.seconds
    if not 0 <= seconds <= LONGEST_SECONDS:
        text = f"interval is {seconds} s; it must be from 0 to {LONGEST_SECONDS}"
        raise InvalidArgument(text, reason="INTERVAL_INVALID")
    return micros_of_duration(request, "interval")


def _aggregate(name: str) -> Aggregate:
    try:
        return Aggregate(name or Aggregate.MEAN)
    except ValueError:
        raise InvalidArgument(
            f"aggregate is {name!r}; it must be one of: {', '.join(Aggregate)}", reason="AGGREGATE_INVALID"
        ) from None


def _zone(name: str) -> tzinfo:
    if name in {"", "UTC", "Z"}:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidArgument(
            f"time zone {name!r} is unknown; write an IANA name such as Europe/Berlin", reason="TIME_ZONE_INVALID"
        ) from None
