"""Anomalies told: when, how strange, and by which fields."""

from collections.abc import Sequence
from typing import Final

from llm_service.domain.offline.anomaly_result import Anomaly, AnomalyResult
from llm_service.domain.offline.answer_writer import Report, limited
from llm_service.domain.offline.phrases import number
from llm_service.domain.offline.query import StructuredQuery, TimeRange

_MOST: Final = 8
_MOST_FIELDS: Final = 3


def anomalies(report: Report, query: StructuredQuery, results: Sequence[AnomalyResult], time: TimeRange | None) -> str:
    """Tell the anomalies of each device; devices without any come last, in a line each."""
    ordered = sorted(results, key=lambda each: not each.anomalies)
    return "\n\n".join(_device(report, query, each, time) for each in ordered)


def _device(report: Report, query: StructuredQuery, result: AnomalyResult, time: TimeRange | None) -> str:
    device, say = result.device or query.first_device, report.say
    if result.note:
        return f"{device}: {result.note}"
    period = report.period(query, time or result.time)
    threshold = number(result.threshold, 3)
    if not result.anomalies:
        return say.ordinary(device, period, result.windows, threshold)
    lines = [_line(report, each) for each in result.anomalies]
    head = say.strange_head(device, period, len(lines), result.windows, threshold)
    return "\n".join([head, *limited(say, lines, _MOST)])


def _line(report: Report, anomaly: Anomaly) -> str:
    say = report.say
    shares = [(name, f"{share * 100:.0f}") for name, share in anomaly.fields[:_MOST_FIELDS]]
    return say.strange(say.times.stamp(anomaly.start), say.times.stamp(anomaly.end), number(anomaly.score, 3), shares)
