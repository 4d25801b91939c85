"""Devices and data models → JSON."""

from penstock.feature.v1 import feature_pb2 as pb

from gateway.convert.feature import options_from_proto
from gateway.convert.scalar import JsonObject, time_from_proto


def device_from_proto(device: pb.Device) -> JsonObject:
    """Return a device."""
    return {
        "device_code": device.device_code,
        "name": device.name,
        "device_type": device.device_type,
        "model_code": device.model_code,
        "active": device.active,
        "fields": list(device.fields),
        "labels": dict(device.labels),
        "create_time": time_from_proto(device, "create_time"),
        "update_time": time_from_proto(device, "update_time"),
        "first_seen_time": time_from_proto(device, "first_seen_time"),
        "last_seen_time": time_from_proto(device, "last_seen_time"),
    }


def data_model_from_proto(model: pb.DataModel) -> JsonObject:
    """Return a data model with its fields."""
    return {
        "model_code": model.model_code,
        "name": model.name,
        "device_type": model.device_type,
        "model_type": model.model_type,
        "active": model.active,
        "fields": [
            {
                "field_code": field.field_code,
                "display_name": field.display_name,
                "data_type": field.data_type,
                "unit": field.unit,
                "description": field.description,
            }
            for field in model.fields
        ],
        "label_column": model.label_column or None,
        "defaults": options_from_proto(model.defaults) if model.HasField("defaults") else None,
        "create_time": time_from_proto(model, "create_time"),
        "update_time": time_from_proto(model, "update_time"),
    }
