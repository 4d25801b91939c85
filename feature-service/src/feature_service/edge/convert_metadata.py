"""Between the messages and the values of devices and data models."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from google.protobuf import json_format
from penstock.feature.v1 import feature_pb2

from feature_service.domain.model.device import DataModel, Device, Field
from feature_service.domain.model.series import FieldKind
from feature_service.edge.convert import time_to_proto
from feature_service.edge.convert_extraction import plan_from_proto
from penstock_kit.errors import InvalidArgument

DEVICE_FIELDS: Final = ("name", "device_type", "model_code", "active", "labels")
"""The fields of a device that can be changed."""

MODEL_FIELDS: Final = ("name", "device_type", "model_type", "active", "fields", "label_column", "defaults")
"""The fields of a data model that can be changed."""


def device_to_proto(device: Device) -> feature_pb2.Device:
    """Return the message of a device."""
    return feature_pb2.Device(
        device_code=device.code,
        name=device.name,
        device_type=device.device_type,
        model_code=device.model_code,
        active=device.active,
        fields=list(device.fields),
        labels=device.labels,
        create_time=time_to_proto(device.created),
        update_time=time_to_proto(device.updated),
        first_seen_time=time_to_proto(device.first_seen),
        last_seen_time=time_to_proto(device.last_seen),
    )


def device_from_proto(message: feature_pb2.Device) -> Device:
    """Return the new device of a message; it is active, and has the fields its rows will have."""
    return Device(
        code=message.device_code,
        name=message.name or message.device_code,
        device_type=message.device_type,
        model_code=message.model_code,
        labels=dict(message.labels),
    )


def changed_device(device: Device, message: feature_pb2.Device, names: Sequence[str]) -> Device:
    """Return the device with the named fields of the message, of those that are set without names."""
    values = {name: getattr(message, name) for name in _to_change(message, names, DEVICE_FIELDS)}
    if "labels" in values:
        values["labels"] = dict(values["labels"])
    return replace(device, **values)


def model_to_proto(model: DataModel) -> feature_pb2.DataModel:
    """Return the message of a data model."""
    defaults = feature_pb2.ExtractionOptions()
    if model.defaults:
        json_format.Parse(model.defaults, defaults, ignore_unknown_fields=True)
    return feature_pb2.DataModel(
        model_code=model.code,
        name=model.name,
        device_type=model.device_type,
        model_type=model.model_type,
        active=model.active,
        fields=[_field_to_proto(field) for field in model.fields],
        label_column=model.label_field,
        defaults=defaults if model.defaults else None,
        create_time=time_to_proto(model.created),
        update_time=time_to_proto(model.updated),
    )


def model_from_proto(message: feature_pb2.DataModel) -> DataModel:
    """Return the new data model of a message; it is active.

    Raises InvalidArgument DATA_TYPE_INVALID, and what :func:`plan_from_proto` does of wrong defaults.
    """
    values = _model_values(message, MODEL_FIELDS)
    values["active"] = True
    values["name"] = message.name or message.model_code
    return DataModel(code=message.model_code, **values)


def changed_model(model: DataModel, message: feature_pb2.DataModel, names: Sequence[str]) -> DataModel:
    """Return the model with the named fields of the message, of those that are set without names."""
    return replace(model, **_model_values(message, _to_change(message, names, MODEL_FIELDS)))


def _model_values(message: feature_pb2.DataModel, names: Iterable[str]) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(message, name) for name in names}
    if "fields" in values:
        values["fields"] = tuple(_field_from_proto(field) for field in message.fields)
    if "label_column" in values:
        values["label_field"] = values.pop("label_column")
    if "defaults" in values:
        values["defaults"] = _defaults(message)
    return values


def _defaults(message: feature_pb2.DataModel) -> str:
    if not message.HasField("defaults"):
        return ""
    plan_from_proto(message.defaults)
    return json_format.MessageToJson(message.defaults, preserving_proto_field_name=True, indent=None)


def _to_change(message: Any, names: Sequence[str], changeable: Sequence[str]) -> Sequence[str]:
    for name in names:
        if name not in changeable:
            raise InvalidArgument(
                f"update_fields: {name!r} can't be changed; what can be is: {', '.join(changeable)}",
                reason="FIELD_CHANGE_UNSUPPORTED",
            )
    set_fields = {descriptor.name for descriptor, _ in message.ListFields()}
    return names or [name for name in changeable if name in set_fields]


def _field_to_proto(field: Field) -> feature_pb2.Field:
    return feature_pb2.Field(
        field_code=field.code,
        display_name=field.display_name,
        data_type=field.kind.value,
        unit=field.unit,
        description=field.description,
    )


def _field_from_proto(message: feature_pb2.Field) -> Field:
    try:
        kind = FieldKind(message.data_type or FieldKind.NUMBER)
    except ValueError:
        raise InvalidArgument(
            f"data_type of field {message.field_code!r} is {message.data_type!r}; it must be number or text",
            reason="DATA_TYPE_INVALID",
        ) from None
    return Field(
        code=message.field_code,
        kind=kind,
        display_name=message.display_name,
        unit=message.unit,
        description=message.description,
    )
