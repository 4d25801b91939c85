"""Tool device_features."""

import array
import asyncio
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from penstock.feature.v1 import feature_pb2, feature_pb2_grpc

from chat_stream_service.adapters.device_tools.answer import fitted, iso_micros, number, window_size
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
from penstock_kit.grpc import PenstockChannel


class DeviceFeatures:
    """Features over windows of a device's rows, summed up per feature, in the fields' own units."""

    name = "device_features"
    description = (
        "Extracts features (mean, std, rms, slope …) over sliding windows of a device's rows and gives each "
        "feature's range over the windows, the first and the last window. Use it for changes of behaviour over time."
    )
    schema: Mapping[str, Any] = object_schema(
        {
            "device_code": DEVICE_CODE,
            "fields": FIELDS,
            "start_time": START_TIME,
            "end_time": END_TIME,
            "window_size": {"type": "integer", "minimum": 2, "description": "Rows per window. Left out: 100."},
            "window_length": WINDOW_LENGTH,
            "overlap": {
                "type": "number",
                "minimum": 0,
                "exclusiveMaximum": 1,
                "description": "Part of a window shared with the next. Left out: 0.5.",
            },
            "features": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Names such as mean, std, rms, slope. Left out: the default set.",
            },
        },
        ["device_code"],
    )

    def __init__(self, channel: PenstockChannel) -> None:
        self._stub = feature_pb2_grpc.FeatureServiceStub(channel)

    async def call(self, arguments: Arguments, context: ToolContext) -> str:
        """Return the summary as JSON."""
        response = await self._stub.ExtractFeatures(
            feature_pb2.ExtractFeaturesRequest(
                device_code=arguments["device_code"],
                start_time=timestamp(arguments.get("start_time"), "start_time"),
                end_time=timestamp(arguments.get("end_time"), "end_time"),
                options=_options(arguments),
            )
        )
        # Pure arithmetic over up to a few million values: off the event loop.
        summary = await asyncio.to_thread(_summary, response)
        names = list(response.feature_names)
        head = {
            "device_code": arguments["device_code"],
            "feature_names": names,
            "window_count": response.window_count,
            **window_size(response.options),
            "first_window": _window(response, 0),
            "last_window": _window(response, response.window_count - 1),
        }
        return fitted(head, "summary", summary, limit=context.max_characters)


def _options(arguments: Arguments) -> feature_pb2.ExtractionOptions:
    options = feature_pb2.ExtractionOptions(
        window_size=arguments.get("window_size", 0),
        window_duration=duration(arguments.get("window_length")),
        normalize_method="none",
        features=arguments.get("features", ()),
        fields=arguments.get("fields", ()),
    )
    if "overlap" in arguments:
        options.overlap = arguments["overlap"]
    return options


def _summary(response: feature_pb2.ExtractFeaturesResponse) -> list[dict[str, Any]]:
    values = _values(response)
    width = len(response.feature_names)
    return [_spread(name, values[index::width]) for index, name in enumerate(response.feature_names)]


def _spread(name: str, values: Sequence[float]) -> dict[str, Any]:
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return {"feature": name, "min": None, "max": None, "mean": None, "std": None}
    mean = math.fsum(known) / len(known)
    squares = math.fsum((value - mean) ** 2 for value in known)
    return {
        "feature": name,
        "min": number(min(known)),
        "max": number(max(known)),
        "mean": number(mean),
        "std": number(math.sqrt(squares / (len(known) - 1))) if len(known) > 1 else None,
    }


def _window(response: feature_pb2.ExtractFeaturesResponse, index: int) -> dict[str, Any] | None:
    width = len(response.feature_names)
    if not 0 <= index < response.window_count:
        return None
    values = _values(response)[index * width : (index + 1) * width]
    shown = {name: number(value) for name, value in zip(response.feature_names, values, strict=True)}
    return {"start_time": iso_micros(response.timestamps[index]), "features": shown}


def _values(response: feature_pb2.ExtractFeaturesResponse) -> "array.array[float]":
    """Return the values, windows by features, row by row."""
    values = array.array("d")
    values.frombytes(response.values)
    if sys.byteorder == "big":
        values.byteswap()
    return values
