"""Filters of a telemetry query, as requests write them → protobuf."""

from typing import Any, Final, cast

from penstock.feature.v1 import feature_pb2 as pb

from gateway.model_call.fields import Fields, JsonObject, reject_field

_OPERATORS: Final = {
    "eq": pb.Filter.OPERATOR_EQ, "=": pb.Filter.OPERATOR_EQ, "==": pb.Filter.OPERATOR_EQ,
    "ne": pb.Filter.OPERATOR_NE, "!=": pb.Filter.OPERATOR_NE,
    "lt": pb.Filter.OPERATOR_LT, "<": pb.Filter.OPERATOR_LT,
    "le": pb.Filter.OPERATOR_LE, "lte": pb.Filter.OPERATOR_LE, "<=": pb.Filter.OPERATOR_LE,
    "gt": pb.Filter.OPERATOR_GT, ">": pb.Filter.OPERATOR_GT,
    "ge": pb.Filter.OPERATOR_GE, "gte": pb.Filter.OPERATOR_GE, ">=": pb.Filter.OPERATOR_GE,
    "in": pb.Filter.OPERATOR_IN,
}  # fmt: skip


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


def _listed(fields: Fields) -> pb.Filter:
    field = fields.text("field")
    if not field:
        reject_field(fields.at("field"), "is required")
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
        reject_field(path, f"operator must be one of {', '.join(_OPERATORS)}, not {operator!r}")
    values: list[Any] = cast("list[Any]", value) if isinstance(value, list) else [value]
    return pb.Filter(field=field, operator=_OPERATORS[operator], values=[_value(entry, path) for entry in values])


def _value(value: Any, path: str) -> pb.Value:
    if isinstance(value, bool):
        return pb.Value(flag=value)
    if isinstance(value, int | float):
        return pb.Value(number=value)
    if not isinstance(value, str):
        reject_field(path, "values must be numbers, strings or booleans")
    return pb.Value(text=value)
