"""What a request can hold at its fields' edges: of each field, however deep, the values that break careless code."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

_LONG: Final = 300_000
_MANY: Final = 20_000
_MANY_MESSAGES: Final = 3_000
_TEXTS: Final = {
    "nothing": "",
    "a blank": " ",
    "a NUL": "a\0b",
    "a line break": "a\r\nb",
    "an astral character": "\U0001f4a5",
    "a noncharacter": "\uffff",
    "a path": "../../etc/passwd",
    "a quote": "x'\";--",
    "a number without end": "1e999999999",
    "not a number": "NaN",
    "JSON without an end": '{"a":' * 20_000,
    "deep JSON": '{"a":' * 20_000 + "1" + "}" * 20_000,
    "a list in JSON": "[]",
    "very long": "x" * _LONG,
}
_BYTES: Final = {"nothing": b"", "no UTF-8": b"\xff\xfe\0", "very long": b"\xff" * _LONG}
_FLOATS: Final = {
    "zero": 0.0,
    "minus one": -1.0,
    "two": 2.0,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "minus infinity": float("-inf"),
    "the smallest": 5e-324,
}
_TIME_SECONDS: Final = {
    "the year 1": -62_135_596_800,
    "before the year 1": -62_135_596_801,
    "the end of 9999": 253_402_300_799,
    "after 9999": 253_402_300_800,
    "the end of int64": 2**63 - 1,
    "the begin of int64": -(2**63),
}
_DURATION_SECONDS: Final = {
    "zero": 0,
    "minus one": -1,
    "ten thousand years": 315_576_000_000,
    "the end of int64": 2**63 - 1,
    "the begin of int64": -(2**63),
}
_NANOS: Final = {"nanos of a second": 10**9, "the end of nanos": 2**31 - 1, "nanos below zero": -1}

_SIGNED_32: Final = {FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SFIXED32}
_SIGNED_64: Final = {FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_SINT64, FieldDescriptor.TYPE_SFIXED64}
_UNSIGNED_32: Final = {FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_FIXED32}
_WELL_KNOWN: Final = {"google.protobuf.Timestamp": _TIME_SECONDS, "google.protobuf.Duration": _DURATION_SECONDS}

Change = Callable[[Any], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldEdge:
    """A request that holds an edge value in one field, and beside it what a right request holds.

    `path` is the field's place, such as ``entry.ttl``.
    """

    path: str
    field: FieldDescriptor
    value: str
    request: Any

    @property
    def owner(self) -> str:
        """The message that the field is of."""
        owner: Descriptor | None = self.field.containing_type
        return "" if owner is None else owner.name

    def __str__(self) -> str:
        return f"{self.path} = {self.value}"


def field_edges(right: Message) -> Iterator[FieldEdge]:
    """Yield for each field of a right request, and of all messages in it, one request an edge value."""
    for path, field, value, change in _changes(right, "", ()):
        request = type(right)()
        request.CopyFrom(right)
        change(request)
        yield FieldEdge(path=path, field=field, value=value, request=request)


def _changes(message: Any, prefix: str, above: tuple[str, ...]) -> Iterator[tuple[str, FieldDescriptor, str, Change]]:
    """Yield path, field, the edge in words, and what puts it into a message like `message`."""
    for field in message.DESCRIPTOR.fields:
        path = prefix + field.name
        for value, change in _of_field(field):
            yield path, field, value, change
        if _is_plain_message(field) and _inside(field).full_name not in above:
            inner = _inner(message, field)
            within = _within(field)
            for deeper, owner, value, change in _changes(inner, f"{path}.", (*above, message.DESCRIPTOR.full_name)):
                yield deeper, owner, value, within(change)


def _of_field(field: FieldDescriptor) -> Iterator[tuple[str, Change]]:
    """Yield the edges of one field by itself."""
    if _is_map(field):
        yield from _of_map(field)
    elif field.is_repeated:
        yield "none", _clear(field)
        if not _is_message(field):
            for value, edge in _scalars(field):
                yield f"[{value}]", _set_list(field, [edge])
            yield "very many", _set_list(field, [_some(field)] * _MANY)
        else:
            yield "one that is empty", _add_empty(field)
            yield "very many", _repeat_first(field)
    elif field.type == FieldDescriptor.TYPE_MESSAGE:
        if _inside(field).full_name in _WELL_KNOWN:
            for value, seconds, nanos in _times(_inside(field).full_name):
                yield value, _set_time(field, seconds, nanos)
        else:
            yield "left out", _clear(field)
            yield "empty", _set_empty(field)
    else:
        for value, edge in _scalars(field):
            yield value, _set(field, edge)


def _of_map(field: FieldDescriptor) -> Iterator[tuple[str, Change]]:
    entry = _inside(field).fields_by_name["value"]
    some = _some(entry)
    for value, text in _TEXTS.items():
        yield f"key: {value}", _set_map(field, {text: some})
    for value, edge in _scalars(entry):
        yield f"value: {value}", _set_map(field, {"k": edge})
    yield "very many", _set_map(field, {f"k{number}": some for number in range(_MANY)})


def _scalars(field: FieldDescriptor) -> Iterator[tuple[str, Any]]:
    """Yield the edges of a value of a field's type."""
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            yield from _TEXTS.items()
        case FieldDescriptor.TYPE_BYTES:
            yield from _BYTES.items()
        case FieldDescriptor.TYPE_DOUBLE | FieldDescriptor.TYPE_FLOAT:
            yield from _FLOATS.items()
            yield "the largest", 1.7e308 if field.type == FieldDescriptor.TYPE_DOUBLE else 3.4e38
        case FieldDescriptor.TYPE_BOOL:
            yield from (("true", True), ("false", False))
        case FieldDescriptor.TYPE_ENUM:
            yield from ((f"{number}", number) for number in (-1, 0, 99, 2**31 - 1, -(2**31)))
        case kind if kind in _SIGNED_32 | _SIGNED_64:
            bits = 31 if kind in _SIGNED_32 else 63
            yield from ((f"{number}", number) for number in (0, 1, -1, 2**bits - 1, -(2**bits)))
        case kind:
            yield from ((f"{number}", number) for number in (0, 2 ** (32 if kind in _UNSIGNED_32 else 64) - 1))


def _some(field: FieldDescriptor) -> Any:
    """Return a value of a field's type that is no edge."""
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            return "x"
        case FieldDescriptor.TYPE_BYTES:
            return b"x"
        case _:
            return 1


def _times(kind: str) -> Iterator[tuple[str, int, int]]:
    for value, seconds in _WELL_KNOWN[kind].items():
        yield value, seconds, 0
    for value, nanos in _NANOS.items():
        yield value, 1, nanos


def _inside(field: FieldDescriptor) -> Descriptor:
    """Return the type of the messages that a field holds."""
    assert field.message_type is not None
    return field.message_type


def _is_message(field: FieldDescriptor) -> bool:
    return field.type == FieldDescriptor.TYPE_MESSAGE


def _is_map(field: FieldDescriptor) -> bool:
    return _is_message(field) and _inside(field).GetOptions().map_entry


def _is_plain_message(field: FieldDescriptor) -> bool:
    """Whether a field holds messages with fields of their own."""
    return _is_message(field) and not _is_map(field) and _inside(field).full_name not in _WELL_KNOWN


def _inner(message: Any, field: FieldDescriptor) -> Any:
    held = getattr(message, field.name)
    if not field.is_repeated:
        return held
    return held[0] if held else GetMessageClass(_inside(field))()


def _within(field: FieldDescriptor) -> Callable[[Change], Change]:
    def within(change: Change) -> Change:
        def changed(message: Any) -> None:
            held = getattr(message, field.name)
            if field.is_repeated:
                change(held[0] if held else held.add())
            else:
                held.SetInParent()
                change(held)

        return changed

    return within


def _set(field: FieldDescriptor, value: Any) -> Change:
    return lambda message: setattr(message, field.name, value)


def _clear(field: FieldDescriptor) -> Change:
    return lambda message: message.ClearField(field.name)


def _set_empty(field: FieldDescriptor) -> Change:
    def change(message: Any) -> None:
        message.ClearField(field.name)
        getattr(message, field.name).SetInParent()

    return change


def _add_empty(field: FieldDescriptor) -> Change:
    return lambda message: getattr(message, field.name).add()


def _repeat_first(field: FieldDescriptor) -> Change:
    def change(message: Any) -> None:
        held = getattr(message, field.name)
        first = type(held.add())()
        first.CopyFrom(held[0])
        message.ClearField(field.name)
        held.extend([first] * _MANY_MESSAGES)

    return change


def _set_list(field: FieldDescriptor, values: list[Any]) -> Change:
    def change(message: Any) -> None:
        message.ClearField(field.name)
        getattr(message, field.name).extend(values)

    return change


def _set_map(field: FieldDescriptor, values: dict[str, Any]) -> Change:
    def change(message: Any) -> None:
        message.ClearField(field.name)
        held = getattr(message, field.name)
        for key, value in values.items():
            held[key] = value

    return change


def _set_time(field: FieldDescriptor, seconds: int, nanos: int) -> Change:
    def change(message: Any) -> None:
        held = getattr(message, field.name)
        held.Clear()
        held.seconds, held.nanos = seconds, nanos
        held.SetInParent()

    return change
