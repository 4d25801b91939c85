"""From the filters of a request to conditions on fields, a choice of devices, and a range of time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Final

from penstock.feature.v1 import feature_pb2

from feature_service.domain.ingest.timestamp_cell import parse_time
from feature_service.domain.model.span import Span
from feature_service.domain.telemetry.query import Condition, Operator
from penstock_kit.errors import InvalidArgument

_Operators = feature_pb2.Filter.Operator
_OPERATORS: Final = {
    _Operators.OPERATOR_UNSPECIFIED: Operator.EQ,
    _Operators.OPERATOR_EQ: Operator.EQ,
    _Operators.OPERATOR_NE: Operator.NE,
    _Operators.OPERATOR_LT: Operator.LT,
    _Operators.OPERATOR_LE: Operator.LE,
    _Operators.OPERATOR_GT: Operator.GT,
    _Operators.OPERATOR_GE: Operator.GE,
    _Operators.OPERATOR_IN: Operator.IN,
}
_DEVICE: Final = "device_code"
_TIME: Final = "timestamp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What filters select; `device_codes` None for any device."""

    conditions: tuple[Condition, ...]
    device_codes: frozenset[str] | None
    span: Span


def selection_from_proto(filters: Sequence[feature_pb2.Filter]) -> Selection:
    """Return what all `filters` together select.

    Raises InvalidArgument FILTER_INVALID for an operator that a device code or a time can't be compared with.
    """
    conditions = [_condition(each) for each in filters]
    devices: frozenset[str] | None = None
    for condition in conditions:
        if condition.field == _DEVICE:
            chosen = _devices(condition)
            devices = chosen if devices is None else devices & chosen
    return Selection(
        conditions=tuple(_unprefixed(each) for each in conditions if each.field not in {_DEVICE, _TIME}),
        device_codes=devices,
        span=_span([each for each in conditions if each.field == _TIME]),
    )


def field_conditions(filters: Sequence[feature_pb2.Filter]) -> tuple[Condition, ...]:
    """Return the conditions on fields of one device. Raises InvalidArgument FILTER_INVALID for device and time."""
    for each in filters:
        if each.field in {_DEVICE, _TIME}:
            raise InvalidArgument(
                f"the filter on {each.field} belongs into the request's device and times", reason="FILTER_INVALID"
            )
    return tuple(_unprefixed(_condition(each)) for each in filters)


def _unprefixed(condition: Condition) -> Condition:
    """The condition on a field that is called like a row's time or device: answers name it with the prefix, too."""
    name = condition.field.removeprefix("fields.")
    return replace(condition, field=name) if name in {_DEVICE, _TIME} else condition


def _condition(each: feature_pb2.Filter) -> Condition:
    if each.any_of:
        return Condition(any_of=tuple(_alternative(one) for one in each.any_of))
    if not each.field:
        raise InvalidArgument("a filter names no field", reason="FILTER_INVALID")
    operator = _OPERATORS.get(each.operator)
    if operator is None:
        raise InvalidArgument(f"filter operator {each.operator} is unknown", reason="FILTER_INVALID")
    return Condition(field=each.field, operator=operator, operands=tuple(_operand(value) for value in each.values))


def _alternative(each: feature_pb2.Filter) -> Condition:
    if each.any_of or each.field in {_DEVICE, _TIME}:
        what = "another any_of" if each.any_of else each.field
        raise InvalidArgument(f"{what} can't stand in any_of; name fields there", reason="FILTER_INVALID")
    return _unprefixed(_condition(each))


def _operand(value: feature_pb2.Value) -> float | str:
    match value.WhichOneof("kind"):
        case "number":
            return value.number
        case "flag":
            return float(value.flag)
        case "text":
            return value.text
        case _:
            raise InvalidArgument("a filter compares with no value", reason="FILTER_INVALID")


def _devices(condition: Condition) -> frozenset[str]:
    if condition.operator not in {Operator.EQ, Operator.IN}:
        raise InvalidArgument(
            f"device_code can be compared with = and in, not with {condition.operator}", reason="FILTER_INVALID"
        )
    return frozenset(str(operand) for operand in condition.operands)


def _span(conditions: Sequence[Condition]) -> Span:
    starts: list[int] = []
    ends: list[int] = []
    for condition in conditions:
        moment = _moment(condition)
        if condition.operator in {Operator.EQ, Operator.GE, Operator.GT}:
            starts.append(moment + (condition.operator is Operator.GT))
        if condition.operator in {Operator.EQ, Operator.LE, Operator.LT}:
            ends.append(moment + (condition.operator is not Operator.LT))
    return Span(start=max(starts, default=None), end=min(ends, default=None))


def _moment(condition: Condition) -> int:
    if condition.operator in {Operator.NE, Operator.IN} or len(condition.operands) != 1:
        raise InvalidArgument("timestamp can be compared with one time by = < <= > >=", reason="FILTER_INVALID")
    try:
        return parse_time(condition.operands[0], UTC)
    except ValueError as error:
        raise InvalidArgument(f"filter on timestamp: {error}", reason="FILTER_INVALID") from None
