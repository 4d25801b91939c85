"""The tools about devices, answered by feature-service."""

from collections.abc import Sequence
from typing import Final

from chat_stream_service.adapters.device_tools.alarm import PrepareAlarm
from chat_stream_service.adapters.device_tools.anomalies import DeviceAnomalies
from chat_stream_service.adapters.device_tools.features import DeviceFeatures
from chat_stream_service.adapters.device_tools.listing import ListDevices
from chat_stream_service.adapters.device_tools.query import DeviceQuery
from chat_stream_service.adapters.device_tools.statistics import DeviceStatistics
from chat_stream_service.domain.model.tool import Tool
from chat_stream_service.domain.tools.scoped_tool import ScopedTool
from penstock_kit.grpc import PenstockChannel

# The scopes that the same figures and the same deed need over HTTP.
_READ: Final = "telemetry:read"
_WRITE: Final = "telemetry:write"


def build_device_tools(feature: PenstockChannel) -> Sequence[Tool]:
    """Return every tool of ours, in the order in which models are told of them."""
    return [
        ScopedTool(ListDevices(feature), _READ),
        ScopedTool(DeviceStatistics(feature), _READ),
        ScopedTool(DeviceQuery(feature), _READ),
        ScopedTool(DeviceFeatures(feature), _READ),
        ScopedTool(DeviceAnomalies(feature), _READ),
        ScopedTool(PrepareAlarm(feature), _WRITE),
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
