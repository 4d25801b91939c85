"""Rows, filters and values of telemetry ⇄ JSON."""

from typing import Any, Final, cast

from penstock.feature.v1 import feature_pb2 as pb

from gateway.convert.scalar import JsonObject, time_from_micros
from gateway.openai.field import Fields, wrong

_OPERATORS: Final = {
    "eq": pb.Filter.OPERATOR_EQ, "=": pb.Filter.OPERATOR_EQ, "==": pb.Filter.OPERATOR_EQ,
    "ne": pb.Filter.OPERATOR_NE, "!=": pb.Filter.OPERATOR_NE,
    "lt": pb.Filter.OPERATOR_LT, "<": pb.Filter.OPERATOR_LT,
    "le": pb.Filter.OPERATOR_LE, "lte": pb.Filter.OPERATOR_LE, "<=": pb.Filter.OPERATOR_LE,
    "gt": pb.Filter.OPERATOR_GT, ">": pb.Filter.OPERATOR_GT,
    "ge": pb.Filter.OPERATOR_GE, "gte": pb.Filter.OPERATOR_GE, ">=": pb.Filter.OPERATOR_GE,
    "in": pb.Filter.OPERATOR_IN,
}  # fmt: skip
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


def ingested_field_from_proto(field: pb.IngestedField) -> JsonObject:
    """Return a field that a body brought: what it holds, and whether that was guessed."""
    json: JsonObject = {"name": field.name, "type": field.type, "guessed": field.guessed}
    return {**json, "decimal": field.decimal} if field.decimal else json


def filters_to_proto(value: Any) -> list[pb.Filter]:
    """Return the filters of a query.

    Either an object of field to value, list of values or {operator: value},
    or an array of {field, operator, value}.
    """
    if value is None:
        return []
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return [_listed(Fields(item, f"filters[{index}]")) for index, item in enumerate(items)]
    conditions = Fields(value, "filters").rest()
    return [made for field, condition in conditions.items() for made in _conditions(field, condition)]


def _columns(table: pb.Table) -> tuple[list[str], list[Column]]:
    names = [column.name for column in table.columns]
    return names, [_values(column) for column in table.columns]


def _values(column: pb.Column) -> Column:
    # NaN stays: JSON is written with null for it.
    return list(column.numbers) if column.numbers else [text or None for text in column.texts]


def _listed(fields: Fields) -> pb.Filter:
    field = fields.text("field")
    if not field:
        wrong(fields.at("field"), "is required")
    operator = fields.text("operator") or fields.text("op", "eq")
    value = fields.take("value")
    return _filter(field, operator, fields.take("values") if value is None else value, fields.at("value"))


def _conditions(field: str, condition: Any) -> list[pb.Filter]:
    path = f"filters.{field}"
    if isinstance(condition, dict):
        operators = cast("JsonObject", condition)
        return [_filter(field, operator, value, path) for operator, value in operators.items()]
    return [_filter(field, "in" if isinstance(condition, list) else "eq", condition, path)]


def _filter(field: str, operator: str, value: Any, path: str) -> pb.Filter:
    if operator not in _OPERATORS:
        wrong(path, f"operator must be one of {', '.join(_OPERATORS)}, not {operator!r}")
    values: list[Any] = cast("list[Any]", value) if isinstance(value, list) else [value]
    return pb.Filter(field=field, operator=_OPERATORS[operator], values=[_value(entry, path) for entry in values])


def _value(value: Any, path: str) -> pb.Value:
    if isinstance(value, bool):
        return pb.Value(flag=value)
    if isinstance(value, int | float):
        return pb.Value(number=value)
    if not isinstance(value, str):
        wrong(path, "values must be numbers, strings or booleans")
    return pb.Value(text=value)
