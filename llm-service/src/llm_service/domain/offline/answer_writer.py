"""Answers written from what the tools returned: which numbers, in which order, for which question."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from llm_service.domain.offline.field import find_fields, match_field, unmatched_fields
from llm_service.domain.offline.phrases import Wording, number, percent, stamp
from llm_service.domain.offline.query import Statistic, StructuredQuery, TimeRange
from llm_service.domain.offline.result import (
    DeviceCard,
    DeviceStatistics,
    FieldStatistics,
    Series,
    features_from_json,
)

_OVERVIEW: Final = (Statistic.MEAN, Statistic.MIN, Statistic.MAX, Statistic.STD)
_EXACT_DIGITS: Final = 10
_MOST_LINES: Final = 16
_MOST_DEVICES: Final = 40
_SIGMAS: Final = 4.0
_MISSING: Final = 0.01


class Report:
    """Writes answers in the language of `wording`; `question` is searched for the fields a result has.

    `degraded` says that models are configured and could not answer.
    """

    def __init__(self, wording: Wording, question: str, *, degraded: bool = False) -> None:
        self._say = wording
        self._question = question
        self._degraded = degraded

    def unconfigured(self) -> str:
        """Say that no model answers: none is configured, or those that are can't."""
        return self._say.models_failed() if self._degraded else self._say.unconfigured()

    def no_tools(self, query: StructuredQuery) -> str:
        """Say that nothing here can read the telemetry the question needs."""
        return self._say.models_failed() if self._degraded else self._say.no_tools()

    def tool_failed(self, tool: str, message: str) -> str:
        """Explain a tool's error in its own words."""
        return self._say.tool_failed(tool, message)

    def which_device(self, cards: Sequence[DeviceCard]) -> str:
        """Ask back for the device."""
        return self._say.which_device([card.code for card in cards])

    def unknown_devices(self, codes: Sequence[str], cards: Sequence[DeviceCard]) -> str:
        """Say which devices there are instead of `codes`."""
        return self._say.unknown_devices(codes, [card.code for card in cards])

    def no_data(self, code: str, time: TimeRange | None, card: DeviceCard | None) -> str:
        """Say that the range is empty and which is not."""
        return self._say.no_data(code, time, card.extent if card else None)

    def devices(self, codes: Sequence[str], cards: Sequence[DeviceCard]) -> str:
        """List all devices, or the ones asked for."""
        chosen = [card for card in cards if card.code in codes]
        unknown = [code for code in codes if code not in {card.code for card in cards}]
        if unknown:
            return self.unknown_devices(unknown, cards)
        listed = (chosen or cards)[:_MOST_DEVICES]
        more = len(chosen or cards) - len(listed)
        text = self._say.device_list(listed, len(listed) + more)
        return f"{text}\n{self._say.and_more(more)}" if more else text

    def statistics(self, query: StructuredQuery, results: Sequence[DeviceStatistics]) -> str:
        """State what was asked of each device: one number as a sentence, several as a list."""
        return "\n\n".join(self._statistics_of(query, result) for result in results)

    def _statistics_of(self, query: StructuredQuery, result: DeviceStatistics) -> str:
        period = self._say.period(query.time)
        if query.statistics == (Statistic.COUNT,) and not query.fields:
            return self._say.row_count(result.device, period, result.row_count)
        existing = [one.field for one in result.fields]
        fields = self.fields_of(query, result)
        unknown = unmatched_fields(query.fields, existing)
        if unknown and not fields:
            return self._say.unknown_fields(result.device, unknown, existing)
        asked = [result.of(field) for field in fields] if fields else list(result.fields)
        chosen = [one for one in asked if one]
        if not chosen:
            return self._say.no_numbers(result.device, period)
        if len(chosen) == 1 and len(query.statistics) == 1:
            return self._sentence(query.statistics[0], result, chosen[0], period)
        head = self._say.statistics_head(result.device, period, result.row_count)
        return "\n".join([head, *self._limited([self._line(query, one) for one in chosen])])

    def fields_of(self, query: StructuredQuery, result: DeviceStatistics) -> tuple[str, ...]:
        """Return the fields of `result` the question is about; empty when it names none."""
        existing = [one.field for one in result.fields]
        found = list(find_fields(self._question, existing)) if query.fields else []
        for phrase in query.fields:
            found += [field for field in match_field(phrase, existing) if field not in found]
        return tuple(found)

    def _sentence(self, statistic: Statistic, result: DeviceStatistics, one: FieldStatistics, period: str) -> str:
        count = int(one.values.get(Statistic.COUNT, result.row_count))
        value = number(one.value(statistic), _EXACT_DIGITS)
        return self._say.one_value(result.device, period, self._say.named(one.field, statistic), value, count)

    def _line(self, query: StructuredQuery, one: FieldStatistics) -> str:
        statistics, digits = (query.statistics, _EXACT_DIGITS) if query.statistics else (_OVERVIEW, 6)
        values = (f"{self._say.statistic(each)} {number(one.value(each), digits)}" for each in statistics)
        return f"- {one.field}: {', '.join(values)}"

    def comparison(self, query: StructuredQuery, results: Sequence[DeviceStatistics]) -> str:
        """Put the devices side by side, by the mean when no statistic is named."""
        statistics = query.statistics or (Statistic.MEAN,)
        first = results[0]
        shared = [one.field for one in first.fields if all(result.of(one.field) for result in results)]
        fields = [field for field in self.fields_of(query, first) if field in shared]
        unknown = unmatched_fields(query.fields, shared)
        if unknown and not fields:
            return self._say.unknown_fields(first.device, unknown, shared)
        lines = [self._compared(field, each, results) for field in fields or shared for each in statistics]
        head = self._say.comparison_head([result.device for result in results], self._say.period(query.time))
        return "\n".join([head, *self._limited(lines)])

    def _compared(self, field: str, statistic: Statistic, results: Sequence[DeviceStatistics]) -> str:
        values: list[tuple[str, float | None]] = []
        for result in results:
            one = result.of(field)
            values.append((result.device, one.value(statistic) if one else None))
        listed = ", ".join(f"{device} {number(value, _EXACT_DIGITS)}" for device, value in values)
        line = f"- {field} {self._say.statistic(statistic)}: {listed}"
        (first, base), (second, other) = values[0], values[-1]
        if len(values) != 2 or base is None or other is None:
            return line
        share = percent((other - base) / abs(base)) if base else ""
        return f"{line}; {self._say.difference(first, second, number(other - base), share)}"

    def anomalies(self, query: StructuredQuery, results: Sequence[DeviceStatistics]) -> str:
        """Name the fields with values beyond 4 standard deviations or with more than 1 % missing."""
        return "\n\n".join(self._anomalies_of(query, result) for result in results)

    def _anomalies_of(self, query: StructuredQuery, result: DeviceStatistics) -> str:
        period = self._say.period(query.time)
        fields = self.fields_of(query, result) or tuple(one.field for one in result.fields)
        lines = [line for field in fields if (one := result.of(field)) for line in self._odd(one)]
        if not lines:
            return self._say.steady(result.device, period)
        return "\n".join([self._say.anomalies_head(result.device, period), *self._limited(lines)])

    def _odd(self, one: FieldStatistics) -> list[str]:
        mean, std = one.values.get(Statistic.MEAN), one.values.get(Statistic.STD)
        lines: list[str] = []
        for extreme in (one.values.get(Statistic.MIN), one.values.get(Statistic.MAX)):
            if mean is None or not std or extreme is None or abs(extreme - mean) <= _SIGMAS * std:
                continue
            sigmas = number(abs(extreme - mean) / std, 3)
            lines.append(self._say.extreme(one.field, number(extreme), sigmas, number(mean)))
        missing = one.values.get(Statistic.MISSING_RATIO, 0.0)
        return [*lines, self._say.missing(one.field, percent(missing))] if missing > _MISSING else lines

    def trend(self, query: StructuredQuery, series: Series) -> str:
        """Say where each field went."""
        period = self._say.period(query.time)
        device = series.device or query.devices[0]
        lines = [
            self._say.trend(device, period, column, *_course(points))
            for column in series.columns
            if len(points := series.points(column)) > 1
        ]
        return "\n".join(self._limited(lines)) or self._say.no_numbers(device, period)

    def last(self, query: StructuredQuery, series: Series) -> str:
        """State the last reading of each field asked for."""
        if not series.rows:
            return self._say.no_data(query.devices[0], query.time, None)
        matched = [field for phrase in query.fields for field in match_field(phrase, series.columns)]
        unknown = unmatched_fields(query.fields, series.columns)
        if unknown and not matched:
            return self._say.unknown_fields(query.devices[0], unknown, series.columns)
        head = self._say.last_head(series.device or query.devices[0], stamp(series.times[-1]))
        cells = [(name, _last_of(series, name)) for name in dict.fromkeys(matched) or series.columns]
        return "\n".join([head, *self._limited([f"- {name}: {_cell(value)}" for name, value in cells])])

    def rows(self, query: StructuredQuery, results: Sequence[Series]) -> str:
        """Show readings as a table."""
        return "\n\n".join(self._table(query, series) for series in results)

    def _table(self, query: StructuredQuery, series: Series) -> str:
        device = series.device or query.devices[0]
        head = self._say.rows_head(device, self._say.period(query.time), len(series.rows), series.truncated)
        lines = [f"| time (UTC) | {' | '.join(series.columns)} |", f"|{'---|' * (len(series.columns) + 1)}"]
        for time, row in zip(series.times, series.rows, strict=True):
            lines.append(f"| {stamp(time)} | {' | '.join(_cell(value) for value in row)} |")
        return "\n".join([head, "", *lines])

    def features(self, query: StructuredQuery, results: Sequence[object]) -> str:
        """Sum up the features of each device."""
        return "\n\n".join(self._features_of(query, data) for data in results)

    def _features_of(self, query: StructuredQuery, data: object) -> str:
        result = features_from_json(data)
        count = len(result.names) or len(result.summary)
        device = result.device or query.devices[0]
        head = self._say.features_head(device, self._say.period(query.time), result.window_count, count)
        lines = [
            self._say.feature(one.feature, number(one.mean), number(one.low), number(one.high))
            for one in result.summary
        ]
        return "\n".join([head, *self._limited(lines)])

    def _limited(self, lines: Sequence[str]) -> list[str]:
        if len(lines) <= _MOST_LINES:
            return list(lines)
        return [*lines[:_MOST_LINES], self._say.and_more(len(lines) - _MOST_LINES)]


def _last_of(series: Series, column: str) -> object:
    at = series.columns.index(column)
    return next((row[at] for row in reversed(series.rows) if row[at] is not None), None)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return number(float(value)) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _course(points: Sequence[tuple[datetime, float]]) -> tuple[int, tuple[str, ...]]:
    """The direction (by the least-squares line against the scatter around it) and the numbers of a course."""
    values = [value for _, value in points]
    first, last = values[0], values[-1]
    low_at, low = min(points, key=lambda point: point[1])
    high_at, high = max(points, key=lambda point: point[1])
    change = number(last - first) + (f", {percent((last - first) / abs(first))} %" if first else "")
    numbers = (number(first), number(last), change, number(low), stamp(low_at), number(high), stamp(high_at))
    return _direction(values), numbers


def _direction(values: Sequence[float]) -> int:
    count = len(values)
    middle, mean = (count - 1) / 2, sum(values) / count
    slope = sum((at - middle) * (value - mean) for at, value in enumerate(values))
    slope /= sum((at - middle) ** 2 for at in range(count))
    rise = slope * (count - 1)
    rest = (sum((value - mean - slope * (at - middle)) ** 2 for at, value in enumerate(values)) / count) ** 0.5
    if abs(rise) <= 2 * rest or abs(rise) < 1e-9 * max(1.0, abs(mean)):
        return 0
    return 1 if rise > 0 else -1
