"""Tool device_statistics."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from penstock.feature.v1 import feature_pb2, feature_pb2_grpc

from chat_stream_service.adapters.device_tools.answer import fitted
from chat_stream_service.adapters.device_tools.argument import (
    DEVICE_CODE,
    END_TIME,
    FIELDS,
    START_TIME,
    duration,
    object_schema,
    timestamp,
)
from chat_stream_service.adapters.device_tools.condition import ANY_OF, CONDITIONS, filters_from_arguments
from chat_stream_service.adapters.device_tools.statistics_answer import shown_extras, shown_field, shown_range
from chat_stream_service.domain.model.tool import Arguments, ToolContext
from penstock_kit.errors import NotFound
from penstock_kit.grpc import PenstockChannel

_MOST_DEVICES: Final = 50
_AT_ONCE: Final = 4


class DeviceStatistics:
    """Statistics of the fields of one or several devices over a time range, of the rows that fit conditions."""

    name = "device_statistics"
    description = (
        "Computes count, mean, std, min, max, median, sum and the share of missing values of a device's fields over a "
        "time range, exactly, from every row in the store that fits the conditions. Use it for any question about an "
        "average, an extreme and when it was, a percentile, how many or what share of the rows fit, how often a text "
        "field has a value, for how long and how many times something held, what a flow adds up to, or how fields "
        "correlate. first and last tell a change. With other_device_codes it compares devices in one call."
    )
    schema: Mapping[str, Any] = object_schema(
        {
            "device_code": DEVICE_CODE,
            "other_device_codes": {
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "minItems": 1,
                "maxItems": _MOST_DEVICES,
                "description": "Further devices to compute the same of; the answer then lists all of them.",
            },
            "fields": FIELDS,
            "start_time": START_TIME,
            "end_time": END_TIME,
            "conditions": CONDITIONS,
            "any_of": ANY_OF,
            "percentiles": {
                "type": "array",
                "items": {"type": "number", "minimum": 0, "maximum": 100},
                "maxItems": 20,
                "description": "Percentiles to add, such as 95.",
            },
            "extreme_times": {"type": "boolean", "description": "Also when each field was lowest and highest."},
            "correlations": {"type": "boolean", "description": "Also the correlation of each pair of fields."},
            "value_counts": {"type": "boolean", "description": "Also how many rows have each value of text fields."},
            "durations": {
                "type": "boolean",
                "description": "Also for how many seconds the rows that fit the conditions lasted (of how many in the "
                "range), how often that began (spells), the ten longest spells, and the last one; and where rows are "
                "missing (gaps).",
            },
            "shortest_spell": {
                "type": "string",
                "description": "With durations: only spells of at least this length count, such as 30s or 5m.",
            },
            "integrals": {
                "type": "boolean",
                "description": "Also the integral of each field over time, in its unit times seconds: of a flow per "
                "minute, divide by 60 for the volume; of a power in W, by 3600 for Wh.",
            },
        },
        ["device_code"],
    )

    def __init__(self, channel: PenstockChannel) -> None:
        self._stub = feature_pb2_grpc.FeatureServiceStub(channel)

    async def call(self, arguments: Arguments, context: ToolContext) -> str:
        """Return the statistics as JSON: of one device, or under `devices` of several."""
        code, others = arguments["device_code"], arguments.get("other_device_codes")
        if not others:
            head, statistics = await self._of(code, arguments)
            return fitted(head, "statistics", statistics, limit=context.max_characters)
        gate = asyncio.Semaphore(_AT_ONCE)
        devices = await asyncio.gather(*(self._one(gate, each, arguments) for each in dict.fromkeys((code, *others))))
        return fitted({}, "devices", devices, limit=context.max_characters)

    async def _one(self, gate: asyncio.Semaphore, code: str, arguments: Arguments) -> dict[str, Any]:
        async with gate:
            try:
                head, statistics = await self._of(code, arguments)
            except NotFound as error:
                if error.reason not in _EMPTY:
                    raise
                return {"device_code": code, "row_count": 0, "statistics": []}
        return {**head, "statistics": statistics}

    async def _of(self, code: str, arguments: Arguments) -> tuple[dict[str, Any], Sequence[dict[str, Any]]]:
        request = _request(code, arguments)
        response = await self._stub.ComputeStatistics(request)
        head = {**shown_range(request, response), **shown_extras(request, response)}
        return head, [shown_field(item, request.percentiles) for item in response.statistics]


_EMPTY: Final = frozenset({"DATA_NOT_FOUND", "TIME_RANGE_EMPTY"})


def _request(code: str, arguments: Arguments) -> feature_pb2.ComputeStatisticsRequest:
    return feature_pb2.ComputeStatisticsRequest(
        device_code=code,
        fields=arguments.get("fields", ()),
        start_time=timestamp(arguments.get("start_time"), "start_time"),
        end_time=timestamp(arguments.get("end_time"), "end_time"),
        filters=filters_from_arguments(arguments),
        percentiles=arguments.get("percentiles", ()),
        extreme_times=arguments.get("extreme_times", False),
        correlate=arguments.get("correlations", False),
        value_counts=arguments.get("value_counts", False),
        durations=arguments.get("durations", False),
        integrals=arguments.get("integrals", False),
        shortest_spell=duration(arguments.get("shortest_spell")),
    )
