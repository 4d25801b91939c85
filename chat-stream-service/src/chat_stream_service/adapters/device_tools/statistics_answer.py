"""What device_statistics tells of a response; what was not asked for is left out."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from penstock.feature.v1 import feature_pb2

from chat_stream_service.adapters.device_tools.answer import iso_time, number


def shown_range(
    request: feature_pb2.ComputeStatisticsRequest, response: feature_pb2.ComputeStatisticsResponse
) -> dict[str, Any]:
    """Return the device, the range (that of the rows where the request leaves it open) and the number of rows."""
    first, last = _set(response, "first_time"), _set(response, "last_time")
    head: dict[str, Any] = {
        "device_code": response.device_code or request.device_code,
        "start_time": iso_time(_set(request, "start_time") or first),
        "end_time": iso_time(_set(request, "end_time") or last),
        "row_count": response.row_count,
    }
    if request.filters:
        head["rows_in_range"] = response.rows_in_range
        head["first_fitting_time"] = iso_time(first)
        head["last_fitting_time"] = iso_time(last)
    elif request.HasField("start_time") or request.HasField("end_time"):
        # Rows may begin later, or end earlier, than what was asked for.
        head["first_row_time"] = iso_time(first)
        head["last_row_time"] = iso_time(last)
    return head


def shown_extras(
    request: feature_pb2.ComputeStatisticsRequest, response: feature_pb2.ComputeStatisticsResponse
) -> dict[str, Any]:
    """Return the correlations, the counts of values and the durations that were asked for."""
    extras: dict[str, Any] = {}
    if request.correlate:
        extras["correlations"] = _correlations(response)
    if request.value_counts:
        counts: dict[str, dict[str, int]] = {}
        for each in response.value_counts:
            counts.setdefault(each.field, {})[each.value] = each.count
        extras["value_counts"] = counts
    if request.durations:
        extras["fitting_time"] = _fitting_time(response.fitting_time)
    return extras


def shown_field(item: feature_pb2.FieldStatistics, percentiles: Sequence[float]) -> dict[str, Any]:
    """Return the statistics of a field."""
    shown: dict[str, Any] = {
        "field": item.field,
        "count": item.count,
        "mean": number(item.mean if item.HasField("mean") else None),
        "std": number(item.std if item.HasField("std") else None),
        "min": number(item.min if item.HasField("min") else None),
        "max": number(item.max if item.HasField("max") else None),
        "median": number(item.median if item.HasField("median") else None),
        "sum": number(item.sum if item.HasField("sum") else None),
        "first": number(item.first if item.HasField("first") else None),
        "last": number(item.last if item.HasField("last") else None),
        "missing_ratio": number(item.missing_ratio),
    }
    if item.unit:
        shown["unit"] = item.unit
    if item.percentiles:
        shown["percentiles"] = {
            f"{share:g}": number(value) for share, value in zip(percentiles, item.percentiles, strict=True)
        }
    if item.HasField("integral"):
        shown["integral"] = number(item.integral)
    for name in ("min_time", "max_time"):
        if time := _set(item, name):
            shown[name] = iso_time(time)
    return shown


def _fitting_time(time: feature_pb2.FittingTime) -> dict[str, Any]:
    return {
        "seconds": number(time.seconds),
        "range_seconds": number(time.range_seconds),
        "spells": time.spells,
        "longest_seconds": number(time.longest_seconds),
        "longest_start_time": iso_time(_set(time, "longest_start_time")),
        "longest_spells": [_spell(each) for each in time.longest],
        "last_spell": {**_spell(time.last), "ongoing": time.ongoing} if time.HasField("last") else None,
        **(_gaps(time) if time.gaps else {}),
    }


def _gaps(time: feature_pb2.FittingTime) -> dict[str, Any]:
    longest = [_spell(each) for each in time.longest_gaps]
    return {"gaps": time.gaps, "gap_seconds": number(time.gap_seconds), "longest_gaps": longest}


def _spell(spell: feature_pb2.Spell) -> dict[str, Any]:
    return {"start_time": iso_time(spell.start_time), "seconds": number(spell.seconds)}


def _correlations(response: feature_pb2.ComputeStatisticsResponse) -> list[dict[str, Any]]:
    names = [item.field for item in response.statistics]
    size = len(names)
    matrix = response.correlation_matrix
    return [
        {"fields": [names[left], names[right]], "r": number(matrix[left * size + right])}
        for left, right in combinations(range(size), 2)
    ]


def _set(message: Any, name: str) -> Timestamp | None:
    return getattr(message, name) if message.HasField(name) else None
