"""Tool list_devices."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from penstock.feature.v1 import feature_pb2, feature_pb2_grpc

from chat_stream_service.adapters.device_tools.answer import fitted, iso_time
from chat_stream_service.adapters.device_tools.argument import object_schema
from chat_stream_service.domain.model.tool import Arguments, ToolContext
from penstock_kit.grpc import PenstockChannel

_MOST: Final = 1000
# Left out when there is nothing to say: name, labels, text_fields, units.
_ALWAYS: Final = frozenset({"device_code", "device_type", "model_code", "fields", "first_seen", "last_seen"})


class ListDevices:
    """Which devices there are, their fields and the time their data spans."""

    name = "list_devices"
    description = (
        "Lists the devices with their name, labels (such as a hall), type, model, fields (which of them are texts, the "
        "units of the others) and the time span of their data. "
        "Use it to find a device's code or the names of its fields."
    )
    schema: Mapping[str, Any] = object_schema(
        {
            "model_code": {"type": "string", "description": "Only devices of this data model."},
            "search": {"type": "string", "description": "Only devices with this in their code or name."},
        }
    )

    def __init__(self, channel: PenstockChannel) -> None:
        self._stub = feature_pb2_grpc.MetadataServiceStub(channel)

    async def call(self, arguments: Arguments, context: ToolContext) -> str:
        """Return the devices as JSON."""
        response, models = await asyncio.gather(
            self._stub.ListDevices(
                feature_pb2.ListDevicesRequest(
                    page_size=_MOST,
                    model_code=arguments.get("model_code", ""),
                    search=arguments.get("search", ""),
                )
            ),
            self._stub.ListDataModels(feature_pb2.ListDataModelsRequest(page_size=_MOST)),
        )
        by_code = {model.model_code: model for model in models.models}
        devices = [_shown(device, by_code.get(device.model_code)) for device in response.devices]
        more = bool(response.next_page_token)
        return fitted({}, "devices", devices, limit=context.max_characters, truncated=more)


def _shown(device: feature_pb2.Device, model: feature_pb2.DataModel | None) -> dict[str, Any]:
    fields = [field for field in model.fields if field.field_code in device.fields] if model else []
    shown: dict[str, Any] = {
        "device_code": device.device_code,
        "name": device.name,
        "labels": dict(device.labels),
        "device_type": device.device_type,
        "model_code": device.model_code,
        "fields": list(device.fields),
        "text_fields": [field.field_code for field in fields if field.data_type == "text"],
        "units": {field.field_code: field.unit for field in fields if field.unit},
        "first_seen": iso_time(device.first_seen_time if device.HasField("first_seen_time") else None),
        "last_seen": iso_time(device.last_seen_time if device.HasField("last_seen_time") else None),
    }
    return {name: value for name, value in shown.items() if value or name in _ALWAYS}
