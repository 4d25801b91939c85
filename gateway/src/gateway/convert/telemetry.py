"""Rows and values of telemetry → JSON."""

from typing import Any

from penstock.feature.v1 import feature_pb2 as pb

from gateway.convert.scalar import JsonObject, time_from_micros

Column = list[Any]


def rows_from_table(table: pb.Table) -> list[JsonObject]:
    """Return one object per row: timestamp, device_code when there may be several, then the fields; null: missing.

    A field that is called like one of the first two is ``fields.timestamp``, ``fields.device_code``.
    """
    names, columns = _columns(table)
    own = ["timestamp"]
    if table.device_codes:
        own.append("device_code")
        columns = [list(table.device_codes), *columns]
    times = [time_from_micros(stamp) for stamp in table.timestamps]
    heads = [*own, *(f"fields.{name}" if name in own else name for name in names)]
    return [dict(zip(heads, row, strict=True)) for row in zip(times, *columns, strict=True)]


def columns_from_table(table: pb.Table) -> JsonObject:
    """Return the table column by column, which is a third of the bytes."""
    names, columns = _columns(table)
    json: JsonObject = {
        "timestamps": [time_from_micros(stamp) for stamp in table.timestamps],
        "columns": dict(zip(names, columns, strict=True)),
    }
    if table.device_codes:
        json["device_codes"] = list(table.device_codes)
    return json


def ingested_from_proto(response: pb.IngestResponse) -> JsonObject:
    """Return what became of a body's rows."""
    json: JsonObject = {
        "device_code": response.device_code or None,
        "model_code": response.model_code or None,
        "rows_accepted": response.rows_accepted,
        "rows_rejected": response.rows_rejected,
        "rows_merged": response.rows_merged,
        "errors": [{"line": error.line, "reason": error.reason} for error in response.errors],
        "fields": [ingested_field_from_proto(field) for field in response.ingested_fields],
        "notes": list(response.notes),
    }
    if response.devices:
        json["devices"] = [
            {"device_code": device.device_code, "rows_accepted": device.rows_accepted} for device in response.devices
        ]
    return json


def ingested_field_from_proto(field: pb.IngestedField) -> JsonObject:
    """Return a field that a body brought: what it holds, and whether that was guessed."""
    json: JsonObject = {"name": field.name, "type": field.type, "guessed": field.guessed}
    return {**json, "decimal": field.decimal} if field.decimal else json


def _columns(table: pb.Table) -> tuple[list[str], list[Column]]:
    names = [column.name for column in table.columns]
    return names, [_values(column) for column in table.columns]


def _values(column: pb.Column) -> Column:
    # NaN stays: JSON is written with null for it.
    return list(column.numbers) if column.numbers else [text or None for text in column.texts]
