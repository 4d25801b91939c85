"""Tool device_statistics."""

from collections.abc import Mapping
from typing import Any

from penstock.feature.v1 import feature_pb2, feature_pb2_grpc

from chat_stream_service.adapters.device_tools.answer import fitted, iso_time, number
from chat_stream_service.adapters.device_tools.argument import (
    DEVICE_CODE,
    END_TIME,
    FIELDS,
    START_TIME,
    object_schema,
    timestamp,
)
from chat_stream_service.domain.model.tool import Arguments, ToolContext
from penstock_kit.grpc import PenstockChannel


class DeviceStatistics:
    """Count, mean, standard deviation, extremes and median of a device's fields over a time range."""

    name = "device_statistics"
    description = (
        "Computes count, mean, std, min, max, median and the share of missing values of a device's fields over a "
        "time range, exactly, from every row in the store. Use it for any question about an average or an extreme."
    )
    schema: Mapping[str, Any] = object_schema(
        {"device_code": DEVICE_CODE, "fields": FIELDS, "start_time": START_TIME, "end_time": END_TIME},
        ["device_code"],
    )

    def __init__(self, channel: PenstockChannel) -> None:
        self._stub = feature_pb2_grpc.FeatureServiceStub(channel)

    async def call(self, arguments: Arguments, context: ToolContext) -> str:
        """Return the statistics as JSON."""
        start = timestamp(arguments.get("start_time"), "start_time")
        end = timestamp(arguments.get("end_time"), "end_time")
        response = await self._stub.ComputeStatistics(
            feature_pb2.ComputeStatisticsRequest(
                device_code=arguments["device_code"],
                fields=arguments.get("fields", ()),
                start_time=start,
                end_time=end,
            )
        )
        head = {
            "device_code": response.device_code or arguments["device_code"],
            "start_time": iso_time(start or (response.first_time if response.HasField("first_time") else None)),
            "end_time": iso_time(end or (response.last_time if response.HasField("last_time") else None)),
            "row_count": response.row_count,
        }
        statistics = [_shown(item) for item in response.statistics]
        return fitted(head, "statistics", statistics, limit=context.max_characters)


def _shown(item: feature_pb2.FieldStatistics) -> dict[str, Any]:
    return {
        "field": item.field,
        "count": item.count,
        "mean": number(item.mean if item.HasField("mean") else None),
        "std": number(item.std if item.HasField("std") else None),
        "min": number(item.min if item.HasField("min") else None),
        "max": number(item.max if item.HasField("max") else None),
        "median": number(item.median if item.HasField("median") else None),
        "missing_ratio": number(item.missing_ratio),
    }
