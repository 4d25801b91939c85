"""The tools about devices, answered by feature-service."""

from collections.abc import Sequence

from chat_stream_service.adapters.device_tools.alarm import PrepareAlarm
from chat_stream_service.adapters.device_tools.anomalies import DeviceAnomalies
from chat_stream_service.adapters.device_tools.features import DeviceFeatures
from chat_stream_service.adapters.device_tools.listing import ListDevices
from chat_stream_service.adapters.device_tools.query import DeviceQuery
from chat_stream_service.adapters.device_tools.statistics import DeviceStatistics
from chat_stream_service.domain.model.tool import Tool
from penstock_kit.grpc import PenstockChannel


def build_device_tools(feature: PenstockChannel) -> Sequence[Tool]:
    """Return every tool of ours, in the order in which models are told of them."""
    return [
        ListDevices(feature),
        DeviceStatistics(feature),
        DeviceQuery(feature),
        DeviceFeatures(feature),
        DeviceAnomalies(feature),
        PrepareAlarm(feature),
    ]


__all__ = [
    "DeviceAnomalies",
    "DeviceFeatures",
    "DeviceQuery",
    "DeviceStatistics",
    "ListDevices",
    "PrepareAlarm",
    "build_device_tools",
]
