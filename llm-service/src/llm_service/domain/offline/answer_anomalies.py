"""Anomalies told: when, how strange, and by which fields."""

from collections.abc import Sequence
from typing import Final

from llm_service.domain.offline.anomaly_result import Anomaly, AnomalyResult, OddState
from llm_service.domain.offline.answer_fields import fields_of, limited
from llm_service.domain.offline.answer_writer import Report
from llm_service.domain.offline.measure_text import DIGITS, shown
from llm_service.domain.offline.number_text import number
from llm_service.domain.offline.query import Statistic, StructuredQuery, TimeRange
from llm_service.domain.offline.result import DeviceStatistics, FieldStatistics
from llm_service.domain.offline.spike import Spike, spikes_of

_MOST: Final = 8
_MOST_FIELDS: Final = 3
# How many times its limit a score is told exactly.
_MOST_TIMES: Final = 1_000


def anomalies(report: Report, query: StructuredQuery, results: Sequence[AnomalyResult], time: TimeRange | None) -> str:
    """Tell the anomalies of each device, the one with the most that last first."""
    ordered = sorted(results, key=lambda each: (-each.lasting, -each.count))
    return "\n\n".join(_device(report, query, each, time) for each in ordered)


def _device(report: Report, query: StructuredQuery, result: AnomalyResult, time: TimeRange | None) -> str:
    device, say = result.device or query.first_device, report.say
    if result.note:
        return f"{device}: {result.note}"
    period = report.period(query, time or result.time)
    threshold = number(result.threshold, 3)
    states = _odd_states(report, result, device, period)
    if not result.anomalies and not result.stops:
        rest = [] if states else [say.ordinary(device, period, result.windows, threshold)]
    elif result.count == result.single:
        only = say.only_single(device, period, result.single, result.windows, threshold, besides=bool(states))
        rest = [only] if result.single else []
    else:
        rest = _windows(report, result, say.strange_head(device, period, *_counted(result), threshold))
    rest += [say.besides_stops(device, result.stops)] if result.stops else []
    return "\n\n".join(filter(None, ["\n".join(states), "\n".join(rest) + _compared(report, result)]))


def _counted(result: AnomalyResult) -> tuple[int, int]:
    return result.count - result.single, result.windows


def _windows(report: Report, result: AnomalyResult, head: str) -> list[str]:
    """Tell the times whose windows stand out, those that single readings alone make in one line."""
    say, count = report.say, result.count - result.single
    lines = [_line(report, each, result.threshold) for each in result.anomalies if not each.single][:_MOST]
    more = [say.and_more(count - len(lines))] if count > len(lines) else []
    brief = [say.brief(min(result.brief - result.single, count), count)] if result.brief > result.single else []
    single = [say.besides_single(result.single)] if result.single else []
    return [head, *lines, *more, *brief, *single]


def _odd_states(report: Report, result: AnomalyResult, device: str, period: str) -> list[str]:
    """Tell the times in which a text field was not as usual, in the order of time, with a head."""
    if not result.odd_states:
        return []
    say = report.say
    lines = [_odd_state(report, each) for each in result.odd_states]
    left = result.odd_state_count - len(lines)
    return [say.odd_states_head(device, period), *lines, *([say.and_more(left)] if left > 0 else [])]


def _odd_state(report: Report, state: OddState) -> str:
    say = report.say
    length = say.length((state.end - state.start).total_seconds())
    shifts = [
        say.instead(each.field, number(each.level, DIGITS), shown(each.usual, each.unit, None))
        for each in state.shifts[:_MOST_FIELDS]
    ]
    what = say.instead(state.field, state.value, state.usual)
    return say.odd_state(say.times.stamp(state.start), say.times.stamp(state.end), length, [what, *shifts])


def _compared(report: Report, result: AnomalyResult) -> str:
    """Return a line that says with what was compared; "" when the answer does not."""
    start, end = result.baseline.start, result.baseline.end
    if start is None or end is None:
        return ""
    times = report.say.times
    return "\n" + report.say.compared_with(times.stamp(start), times.stamp(end))


def spikes(report: Report, query: StructuredQuery, result: DeviceStatistics) -> str:
    """Tell the extremes that lie further from all but the outermost hundredth than that is wide; "" without any."""
    existing = [one.field for one in result.fields]
    chosen = fields_of(query, existing) or existing
    lines = [line for one in result.fields if one.field in chosen for line in _far(report, one)]
    if not lines:
        return ""
    return "\n".join([report.say.spikes_head(result.device), *limited(report.say, lines, _MOST)])


def _far(report: Report, one: FieldStatistics) -> list[str]:
    return [tell(report, one, spike) for spike in spikes_of(one)]


def tell(report: Report, one: FieldStatistics, spike: Spike) -> str:
    """Tell a reading that lies far from the rest."""
    texts = (shown(spike.value, one.unit, None), shown(spike.edge, one.unit, None, 4))
    stamp = report.say.times.stamp(spike.time)
    return report.say.spike(one.field, *texts, stamp, highest=spike.statistic is Statistic.MAX)


def _line(report: Report, anomaly: Anomaly, threshold: float) -> str:
    say = report.say
    shares = [(name, f"{share * 100:.0f}") for name, share in anomaly.fields[:_MOST_FIELDS]]
    most = _MOST_TIMES * threshold
    # Where a field stood still in the baseline any other value has a score of fifteen digits, which say no more.
    score = f"> {number(most, 3)}" if 0 < most < anomaly.score else number(anomaly.score, 3)
    return say.strange(say.times.stamp(anomaly.start), say.times.stamp(anomaly.end), score, shares)
