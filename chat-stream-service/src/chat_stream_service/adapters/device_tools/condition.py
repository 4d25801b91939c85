"""Conditions on the rows a device tool reads: their schema, and the filters they become."""

from collections.abc import Mapping
from typing import Any, Final

from penstock.feature.v1 import feature_pb2

_OPERATORS: Final = {
    "=": feature_pb2.Filter.OPERATOR_EQ,
    "!=": feature_pb2.Filter.OPERATOR_NE,
    "<": feature_pb2.Filter.OPERATOR_LT,
    "<=": feature_pb2.Filter.OPERATOR_LE,
    ">": feature_pb2.Filter.OPERATOR_GT,
    ">=": feature_pb2.Filter.OPERATOR_GE,
}
_MOST: Final = 20

CONDITIONS: Final = {
    "type": "array",
    "maxItems": _MOST,
    "description": (
        "Only rows that fit all of these, such as current > 200 or quality_label = good. "
        "Rows without a value of the field fit none."
    ),
    "items": {
        "type": "object",
        "properties": {
            "field": {"type": "string", "description": "Name of a field, exactly as list_devices gives it."},
            "operator": {"type": "string", "enum": list(_OPERATORS)},
            "value": {
                "type": ["number", "string"],
                "description": "In the unit of the field; a string for a text field.",
            },
        },
        "required": ["field", "operator", "value"],
        "additionalProperties": False,
    },
}


ANY_OF: Final = {
    **CONDITIONS,
    "description": (
        'Only rows that fit at least one of these (and all of `conditions`): for "current > 200 or voltage < 15".'
    ),
}


def filters_from_arguments(arguments: Mapping[str, Any]) -> list[feature_pb2.Filter]:
    """Return the filters that `conditions` and `any_of` of a tool's arguments, valid by their schemas, are."""
    every = [_filter(condition) for condition in arguments.get("conditions", ())]
    some = [_filter(condition) for condition in arguments.get("any_of", ())]
    return [*every, feature_pb2.Filter(any_of=some)] if some else every


def _filter(condition: Mapping[str, Any]) -> feature_pb2.Filter:
    return feature_pb2.Filter(
        field=condition["field"], operator=_OPERATORS[condition["operator"]], values=[_value(condition["value"])]
    )


def _value(value: float | str) -> feature_pb2.Value:
    return feature_pb2.Value(text=value) if isinstance(value, str) else feature_pb2.Value(number=value)
