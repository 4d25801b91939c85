"""Tool device_anomalies."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp
from penstock.feature.v1 import feature_pb2, feature_pb2_grpc

from chat_stream_service.adapters.device_tools.anomaly_answer import MOST_OF_SEVERAL, shown_anomalies, shown_device
from chat_stream_service.adapters.device_tools.answer import fitted
from chat_stream_service.adapters.device_tools.argument import (
    DEVICE_CODE,
    END_TIME,
    FIELDS,
    START_TIME,
    WINDOW_LENGTH,
    duration,
    object_schema,
    timestamp,
)
from chat_stream_service.domain.model.tool import Arguments, ToolContext
from penstock_kit.errors import NotFound, Unprocessable
from penstock_kit.grpc import PenstockChannel

_MOST_DEVICES: Final = 50
_AT_ONCE: Final = 2
_RECENT: Final = timedelta(hours=24)


class DeviceAnomalies:
    """Times in which a device was unlike itself, and the fields that made it so."""

    name = "device_anomalies"
    description = (
        "Finds anomalies. First the stretches in which a text field (a quality, a state) was not what it usually is, "
        "with the number fields that were at another level then: tell these first. Then compares windows of a "
        "device's rows with a baseline (the rows before the range unless one is named) and gives the times that are "
        "strange, how strange (score, against the threshold) and which fields make them so (contribution, of 1), the "
        "lasting ones first; single_reading_count of them are only single odd readings, brief_count very short. Use it "
        "for what is wrong, unusual or abnormal, or whether a device is healthy "
        "(设备异常, 故障, 是否正常). With other_device_codes it looks at several devices in one call."
    )
    schema: Mapping[str, Any] = object_schema(
        {
            "device_code": DEVICE_CODE,
            "other_device_codes": {
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "minItems": 1,
                "maxItems": _MOST_DEVICES,
                "description": "Further devices to look at; the answer then lists all of them.",
            },
            "fields": FIELDS,
            "start_time": {
                **START_TIME,
                "description": f"{START_TIME['description'].partition(' Left out')[0]} "
                "Left out: 24 hours before the last row.",
            },
            "end_time": END_TIME,
            "baseline_start_time": {
                "type": "string",
                "description": "Begin of a time in which all was well, to compare with. Left out with its end: the "
                "rows before the range.",
            },
            "baseline_end_time": {"type": "string", "description": "End of that time, exclusive."},
            "method": {
                "type": "string",
                "enum": ["pca", "isolation_forest", "robust_z"],
                "description": "Left out: pca, which also sees fields that no longer go together.",
            },
            "window_size": {"type": "integer", "minimum": 2, "description": "Rows per window. Left out: 30."},
            "window_length": WINDOW_LENGTH,
        },
        ["device_code"],
    )

    def __init__(self, channel: PenstockChannel) -> None:
        self._stub = feature_pb2_grpc.FeatureServiceStub(channel)
        self._metadata = feature_pb2_grpc.MetadataServiceStub(channel)

    async def call(self, arguments: Arguments, context: ToolContext) -> str:
        """Return the anomalies as JSON, the lasting ones first: of one device, or under `devices` of several."""
        code, others = arguments["device_code"], arguments.get("other_device_codes")
        if not others:
            response = await self._of(code, arguments)
            head = await asyncio.to_thread(shown_device, response)
            anomalies = await asyncio.to_thread(shown_anomalies, response)
            return fitted(head, "anomalies", anomalies, limit=context.max_characters)
        gate = asyncio.Semaphore(_AT_ONCE)
        devices = await asyncio.gather(*(self._one(gate, each, arguments) for each in dict.fromkeys((code, *others))))
        return fitted({}, "devices", devices, limit=context.max_characters)

    async def _one(self, gate: asyncio.Semaphore, code: str, arguments: Arguments) -> dict[str, Any]:
        async with gate:
            try:
                response = await self._of(code, arguments)
            except (NotFound, Unprocessable) as error:
                if error.reason not in _UNSCORED:
                    raise
                return {"device_code": code, "window_count": 0, "anomalies": [], "note": str(error)}
        anomalies = await asyncio.to_thread(shown_anomalies, response)
        return {**await asyncio.to_thread(shown_device, response), "anomalies": anomalies[:MOST_OF_SEVERAL]}

    async def _of(self, code: str, arguments: Arguments) -> feature_pb2.DetectAnomaliesResponse:
        end = timestamp(arguments.get("end_time"), "end_time")
        start = timestamp(arguments.get("start_time"), "start_time") or await self._recent(code, end)
        return await self._stub.DetectAnomalies(
            feature_pb2.DetectAnomaliesRequest(
                device_codes=[code],
                start_time=start,
                end_time=end,
                baseline_start_time=timestamp(arguments.get("baseline_start_time"), "baseline_start_time"),
                baseline_end_time=timestamp(arguments.get("baseline_end_time"), "baseline_end_time"),
                fields=arguments.get("fields", ()),
                method=arguments.get("method", ""),
                window_size=arguments.get("window_size", 0),
                window_duration=duration(arguments.get("window_length")),
                stretches=True,
            )
        )

    async def _recent(self, code: str, end: Timestamp | None) -> Timestamp | None:
        """The begin of the last day there are rows of."""
        device = (await self._metadata.GetDevice(feature_pb2.GetDeviceRequest(device_code=code))).device
        if not device.HasField("last_seen_time"):
            return None
        last = device.last_seen_time if end is None else min(end, device.last_seen_time, key=Timestamp.ToMicroseconds)
        begin = Timestamp()
        begin.FromMicroseconds(last.ToMicroseconds() - _RECENT // timedelta(microseconds=1))
        return begin


# A device of several that can't be looked at is told with the reason, beside the others.
_UNSCORED: Final = frozenset({"DATA_NOT_FOUND", "TIME_RANGE_EMPTY", "BASELINE_INVALID", "WINDOW_LIMIT_EXCEEDED"})
