"""What the keywords of JSON Schema may hold, checked in one walk: a wrong one would fail each call of its tool."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from chat_stream_service.adapters.json_schema.value import list_in, object_in

_TYPES: Final = frozenset({"null", "boolean", "object", "array", "number", "string", "integer"})
_ONE: Final = (
    "not",
    "if",
    "then",
    "else",
    "items",
    "contains",
    "additionalProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
)
_MANY: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED: Final = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_NUMBERS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_COUNTS: Final = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minContains")


def shape_problem(schema: Any, place: str = "$") -> str:
    """Return the place of the first keyword that holds what it can't, and what it must hold; empty if there is none."""
    if isinstance(schema, bool):
        return ""
    if not isinstance(schema, dict):
        return f"{place} must be an object or a boolean"
    given = object_in(schema)
    for name, (fits, wanted) in _VALUES.items():
        if name in given and not fits(given[name]):
            return f"{place}.{name} must be {wanted}"
    if given.get("multipleOf", 1) <= 0:
        return f"{place}.multipleOf must be more than 0"
    return next((problem for inner, at in _inner(given, place) if (problem := shape_problem(inner, at))), "")


def _inner(given: dict[str, Any], place: str) -> Iterator[tuple[Any, str]]:
    for name in _ONE:
        if name in given:
            yield given[name], f"{place}.{name}"
    for name in _MANY:
        for index, item in enumerate(given.get(name, ())):
            yield item, f"{place}.{name}[{index}]"
    for name in _NAMED:
        for key, item in given.get(name, {}).items():
            yield item, f"{place}.{name}.{key}"


def _is_type(value: Any) -> bool:
    names = list_in(value) if isinstance(value, list) else [value]
    return all(isinstance(name, str) and name in _TYPES for name in names)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_number(value) and value >= 0


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in list_in(value))


def _are_named_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(_are_texts(item) for item in object_in(value).values())


def _is(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kind)


_VALUES: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "type": (_is_type, f"one of {', '.join(sorted(_TYPES))} or a list of them"),
    "required": (_are_texts, "a list of names"),
    "dependentRequired": (_are_named_texts, "lists of names by name"),
    "enum": (_is(list), "a list"),
    "pattern": (_is(str), "a text"),
    "$ref": (_is(str), "a text"),
    "$dynamicRef": (_is(str), "a text"),
    "uniqueItems": (_is(bool), "a boolean"),
    **dict.fromkeys(_NUMBERS, (_is_number, "a number")),
    **dict.fromkeys(_COUNTS, (_is_count, "a number from 0 on")),
    **{name: (_is(list), "a list of schemas") for name in _MANY},
    **{name: (_is(dict), "schemas by name") for name in _NAMED},
}
