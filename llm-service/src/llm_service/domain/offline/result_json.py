"""The results of the device tools, read from their JSON; missing or malformed parts are left out, never guessed."""

from collections.abc import Mapping
from datetime import datetime

from llm_service.domain.offline.json_value import items, mapping_of, mappings_of, number_or_none, time_or_none
from llm_service.domain.offline.query import Statistic, TimeRange
from llm_service.domain.offline.result import (
    DeviceCard,
    DeviceFeatures,
    DeviceStatistics,
    FeatureSummary,
    FieldStatistics,
    FittingTime,
    Series,
    Spell,
)


def devices_from_json(data: object) -> tuple[DeviceCard, ...]:
    """Return the devices of a list_devices answer."""
    return tuple(_card(item) for item in mappings_of(mapping_of(data).get("devices")) if item.get("device_code"))


def all_statistics_from_json(data: object) -> tuple[DeviceStatistics, ...]:
    """Return a device_statistics answer about one device or several."""
    several = mapping_of(data).get("devices")
    return (
        tuple(map(statistics_from_json, mappings_of(several))) if several is not None else (statistics_from_json(data),)
    )


def statistics_from_json(data: object) -> DeviceStatistics:
    """Return a device_statistics answer about one device."""
    answer = mapping_of(data)
    fields = tuple(_field_statistics(item) for item in mappings_of(answer.get("statistics")))
    rows = number_or_none(answer.get("row_count"))
    counts = [one.values.get(Statistic.COUNT, 0.0) for one in fields]
    row_count = int(max(counts, default=0.0) if rows is None else rows)
    in_range = number_or_none(answer.get("rows_in_range"))
    return DeviceStatistics(
        device=str(answer.get("device_code", "")),
        row_count=row_count,
        fields=fields,
        time=TimeRange(start=time_or_none(answer.get("start_time")), end=time_or_none(answer.get("end_time"))),
        rows_in_range=row_count if in_range is None else int(in_range),
        first_row=time_or_none(answer.get("first_row_time")),
        last_row=time_or_none(answer.get("last_row_time")),
        first_fitting=time_or_none(answer.get("first_fitting_time")),
        last_fitting=time_or_none(answer.get("last_fitting_time")),
        correlations=_correlations(answer.get("correlations")),
        fitting=_fitting(mapping_of(answer.get("fitting_time"))),
        value_counts={str(name): _counts(counts) for name, counts in mapping_of(answer.get("value_counts")).items()},
    )


def _fitting(data: Mapping[str, object]) -> FittingTime | None:
    seconds, spells = number_or_none(data.get("seconds")), number_or_none(data.get("spells"))
    if seconds is None or spells is None:
        return None
    last = mapping_of(data.get("last_spell"))
    return FittingTime(
        seconds=seconds,
        range_seconds=number_or_none(data.get("range_seconds")) or 0.0,
        spells=int(spells),
        longest_seconds=number_or_none(data.get("longest_seconds")) or 0.0,
        longest_start=time_or_none(data.get("longest_start_time")),
        listed=_spells(data.get("longest_spells")),
        last=_spell(last),
        ongoing=last.get("ongoing") is True,
        gaps=int(number_or_none(data.get("gaps")) or 0),
        gap_seconds=number_or_none(data.get("gap_seconds")) or 0.0,
        longest_gaps=_spells(data.get("longest_gaps")),
    )


def _spells(data: object) -> tuple[Spell, ...]:
    """Spells in the order of time."""
    return tuple(sorted(filter(None, map(_spell, mappings_of(data))), key=lambda spell: spell.start))


def _spell(data: Mapping[str, object]) -> Spell | None:
    start, seconds = time_or_none(data.get("start_time")), number_or_none(data.get("seconds"))
    return Spell(start=start, seconds=seconds) if start and seconds is not None else None


def _correlations(data: object) -> tuple[tuple[str, str, float | None], ...]:
    pairs = ((items(item.get("fields")), number_or_none(item.get("r"))) for item in mappings_of(data))
    return tuple((str(names[0]), str(names[1]), r) for names, r in pairs if len(names) == 2)


def _counts(data: object) -> dict[str, int]:
    numbers = {str(value): number_or_none(count) for value, count in mapping_of(data).items()}
    return {value: int(count) for value, count in numbers.items() if count is not None}


def series_from_json(data: object) -> Series:
    """Return a device_query answer, sorted by time; the time column is the one named so, or the first."""
    answer = mapping_of(data)
    columns = [str(name) for name in items(answer.get("columns"))]
    time_at = next((at for at, name in enumerate(columns) if name.lower() in _TIME_COLUMNS), 0)
    rows: list[tuple[datetime, tuple[object, ...]]] = []
    for row in items(answer.get("rows")):
        cells = items(row)
        time = time_or_none(cells[time_at]) if len(cells) == len(columns) and cells else None
        if time is not None:
            rows.append((time, tuple(cells[:time_at]) + tuple(cells[time_at + 1 :])))
    rows.sort(key=lambda pair: pair[0])
    return Series(
        device=str(answer.get("device_code", "")),
        columns=tuple(columns[:time_at] + columns[time_at + 1 :]),
        times=tuple(time for time, _ in rows),
        rows=tuple(cells for _, cells in rows),
        truncated=bool(answer.get("truncated")),
        units={str(name): str(unit) for name, unit in mapping_of(answer.get("units")).items()},
    )


def features_from_json(data: object) -> DeviceFeatures:
    """Return a device_features answer."""
    answer = mapping_of(data)
    return DeviceFeatures(
        device=str(answer.get("device_code", "")),
        window_count=int(number_or_none(answer.get("window_count")) or 0),
        names=tuple(str(name) for name in items(answer.get("feature_names"))),
        summary=tuple(
            FeatureSummary(
                feature=str(item.get("feature", "")),
                low=number_or_none(item.get("min")),
                high=number_or_none(item.get("max")),
                mean=number_or_none(item.get("mean")),
            )
            for item in mappings_of(answer.get("summary"))
        ),
    )


_TIME_COLUMNS = frozenset({"timestamp", "time", "ts", "datetime"})
_STATISTIC_KEYS = (
    Statistic.MEAN,
    Statistic.MIN,
    Statistic.MAX,
    Statistic.STD,
    Statistic.MEDIAN,
    Statistic.COUNT,
    Statistic.MISSING_RATIO,
    Statistic.SUM,
    Statistic.FIRST,
    Statistic.LAST,
    Statistic.INTEGRAL,
)


def _card(item: Mapping[str, object]) -> DeviceCard:
    return DeviceCard(
        code=str(item["device_code"]),
        device_type=str(item.get("device_type") or ""),
        model_code=str(item.get("model_code") or ""),
        name=str(item.get("name") or ""),
        fields=tuple(str(name) for name in items(item.get("fields"))),
        text_fields=tuple(str(name) for name in items(item.get("text_fields"))),
        units={str(name): str(unit) for name, unit in mapping_of(item.get("units")).items()},
        labels={str(name): str(value) for name, value in mapping_of(item.get("labels")).items()},
        first_seen=time_or_none(item.get("first_seen")),
        last_seen=time_or_none(item.get("last_seen")),
    )


def _field_statistics(item: Mapping[str, object]) -> FieldStatistics:
    numbers = {statistic: number_or_none(item.get(statistic.value)) for statistic in _STATISTIC_KEYS}
    return FieldStatistics(
        field=str(item.get("field", "")),
        values={statistic: value for statistic, value in numbers.items() if value is not None},
        unit=str(item.get("unit") or ""),
        min_time=time_or_none(item.get("min_time")),
        max_time=time_or_none(item.get("max_time")),
        percentiles={
            str(share): value
            for share, number in mapping_of(item.get("percentiles")).items()
            if (value := number_or_none(number)) is not None
        },
    )
