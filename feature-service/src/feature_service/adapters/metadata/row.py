"""Rows of the metadata tables as values, and back."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, case

from feature_service.adapters.metadata.table import device
from feature_service.domain.model.device import DataModel, Device, Field
from feature_service.domain.model.series import FieldKind


def device_from_row(row: Any, fields: Mapping[str, FieldKind]) -> Device:
    """Return the device of a row of ``device``."""
    return Device(
        code=row.device_code,
        name=row.name,
        device_type=row.device_type,
        model_code=row.model_code,
        active=row.active,
        fields=fields,
        labels=orjson.loads(row.labels),
        created=row.created,
        updated=row.updated,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        created_by=row.created_by,
    )


def device_to_row(tenant_id: str, value: Device) -> dict[str, Any]:
    """Return the row of ``device``."""
    return {
        "tenant_id": tenant_id,
        "device_code": value.code,
        "name": value.name,
        "device_type": value.device_type,
        "model_code": value.model_code,
        "active": value.active,
        "labels": orjson.dumps(dict(value.labels)).decode(),
        "created": value.created,
        "updated": value.updated,
        "first_seen": value.first_seen,
        "last_seen": value.last_seen,
        "created_by": value.created_by,
    }


def seen(first: ColumnElement[int], last: ColumnElement[int]) -> dict[str, Any]:
    """Return the SET clause that widens a device's seen times to include these."""
    earlier = (device.c.first_seen.is_(None)) | (device.c.first_seen > first)
    later = (device.c.last_seen.is_(None)) | (device.c.last_seen < last)
    return {
        "first_seen": case((earlier, first), else_=device.c.first_seen),
        "last_seen": case((later, last), else_=device.c.last_seen),
    }


def model_from_row(row: Any, fields: Sequence[Field]) -> DataModel:
    """Return the data model of a row of ``data_model``."""
    return DataModel(
        code=row.model_code,
        name=row.name,
        device_type=row.device_type,
        model_type=row.model_type,
        active=row.active,
        fields=tuple(fields),
        label_field=row.label_field,
        defaults=row.defaults,
        created=row.created,
        updated=row.updated,
    )


def model_to_row(tenant_id: str, value: DataModel) -> dict[str, Any]:
    """Return the row of ``data_model``."""
    return {
        "tenant_id": tenant_id,
        "model_code": value.code,
        "name": value.name,
        "device_type": value.device_type,
        "model_type": value.model_type,
        "active": value.active,
        "label_field": value.label_field,
        "defaults": value.defaults,
        "created": value.created,
        "updated": value.updated,
    }


def field_from_row(row: Any) -> Field:
    """Return the field of a row of ``type_field``."""
    return Field(
        code=row.field_code,
        kind=FieldKind(row.kind),
        display_name=row.display_name,
        unit=row.unit,
        description=row.description,
    )


def field_to_row(tenant_id: str, device_type: str, value: Field) -> dict[str, Any]:
    """Return the row of ``type_field``."""
    return {
        "tenant_id": tenant_id,
        "device_type": device_type,
        "field_code": value.code,
        "display_name": value.display_name,
        "kind": value.kind.value,
        "unit": value.unit,
        "description": value.description,
    }
