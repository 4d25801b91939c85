"""Anomalies told: when, how strange, and by which fields."""

from collections.abc import Sequence
from typing import Final

from llm_service.domain.offline.anomaly_result import Anomaly, AnomalyResult
from llm_service.domain.offline.answer_fields import fields_of, limited
from llm_service.domain.offline.answer_writer import Report
from llm_service.domain.offline.measure_text import shown
from llm_service.domain.offline.number_text import number
from llm_service.domain.offline.query import Statistic, StructuredQuery, TimeRange
from llm_service.domain.offline.result import DeviceStatistics, FieldStatistics
from llm_service.domain.offline.spike import Spike, spikes_of

_MOST: Final = 8
_MOST_FIELDS: Final = 3
# How many times its limit a score is told exactly.
_MOST_TIMES: Final = 1_000


def anomalies(report: Report, query: StructuredQuery, results: Sequence[AnomalyResult], time: TimeRange | None) -> str:
    """Tell the anomalies of each device, the one with the most first."""
    ordered = sorted(results, key=lambda each: -each.count)
    return "\n\n".join(_device(report, query, each, time) for each in ordered)


def _device(report: Report, query: StructuredQuery, result: AnomalyResult, time: TimeRange | None) -> str:
    device, say = result.device or query.first_device, report.say
    if result.note:
        return f"{device}: {result.note}"
    period = report.period(query, time or result.time)
    threshold = number(result.threshold, 3)
    compared = _compared(report, result)
    if not result.anomalies:
        return say.ordinary(device, period, result.windows, threshold) + compared
    lines = [_line(report, each, result.threshold) for each in result.anomalies[:_MOST]]
    head = say.strange_head(device, period, result.count, result.windows, threshold)
    more = [say.and_more(result.count - len(lines))] if result.count > len(lines) else []
    brief = [say.brief(result.brief, result.count)] if result.brief else []
    return "\n".join([head, *lines, *more, *brief]) + compared


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
