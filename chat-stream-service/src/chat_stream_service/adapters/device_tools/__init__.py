"""The tools about devices, answered by feature-service."""

from chat_stream_service.adapters.device_tools.features import DeviceFeatures
from chat_stream_service.adapters.device_tools.listing import ListDevices
from chat_stream_service.adapters.device_tools.query import DeviceQuery
from chat_stream_service.adapters.device_tools.statistics import DeviceStatistics

__all__ = ["DeviceFeatures", "DeviceQuery", "DeviceStatistics", "ListDevices"]
