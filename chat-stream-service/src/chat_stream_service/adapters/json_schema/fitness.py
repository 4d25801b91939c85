"""Whether a schema can be used: what a foreign server or a file calls one, looked at once, before any call."""

import json
from collections.abc import Iterator
from typing import Any, Final

from chat_stream_service.adapters.json_schema.meter import compiled
from chat_stream_service.adapters.json_schema.shape import shape_problem
from chat_stream_service.adapters.json_schema.value import children, list_in, object_in

# Characters of a schema as JSON, levels of it, and members that apply to one value: what a model can use is far below.
_MAX_CHARACTERS: Final = 65_536
_MAX_DEPTH: Final = 64
# Keywords whose schemas apply to the same value: a circle of them has no end.
_IN_PLACE_LISTS: Final = ("allOf", "anyOf", "oneOf")
_IN_PLACE: Final = ("not", "if", "then", "else")
_REFERENCES: Final = ("$ref", "$dynamicRef")


def unfitness(schema: Any) -> str:
    """Return why a model can't be given `schema` for a tool's arguments, empty when it can."""
    if not isinstance(schema, dict):
        return "it is no object"
    whole = object_in(schema)
    try:
        size = len(json.dumps(whole, ensure_ascii=False))
    except RecursionError:
        return f"it is nested more than {_MAX_DEPTH} levels deep"
    if size > _MAX_CHARACTERS:
        return f"it has {size:,} characters; at most {_MAX_CHARACTERS:,} are read"
    if _depth(whole) > _MAX_DEPTH:
        return f"it is nested more than {_MAX_DEPTH} levels deep"
    if whole.get("type") != "object":
        return "must be a JSON Schema with type: object, for a model gives arguments by name"
    copy = modern(whole)
    problem = shape_problem(copy)
    return f"is no JSON Schema: {problem}" if problem else _circle(copy)


def unchecked_patterns(schema: Any) -> Iterator[str]:
    """Yield the patterns that need what a linear engine does not have, such as looking ahead; they are not checked."""
    for pattern in sorted({*_patterns(schema), *_named_patterns(schema)}):
        if compiled(pattern) is None:
            yield pattern


def modern(schema: Any) -> Any:
    """Return a copy of `schema` as 2020-12 has it.

    It names no dialect, for a subschema of another would be checked unbounded, and a list of items is prefixItems.
    """
    if isinstance(schema, list):
        return [modern(item) for item in list_in(schema)]
    if not isinstance(schema, dict):
        return schema
    items = {**object_in(schema)}
    if isinstance(items.get("$schema"), str):
        del items["$schema"]
    if isinstance(items.get("items"), list):
        items["prefixItems"] = items.pop("items")
        if "additionalItems" in items:
            items["items"] = items.pop("additionalItems")
    return {name: modern(value) for name, value in items.items()}


def has_named_patterns(schema: Any) -> bool:
    """Return whether patternProperties stands anywhere in `schema`."""
    return next(_named_patterns(schema), None) is not None


def _depth(value: Any) -> int:
    depth = 0
    level: list[Any] = [value]
    while level and depth <= _MAX_DEPTH:
        depth += 1
        level = [inner for item in level for inner in children(item) if children(inner)]
    return depth


def _patterns(value: Any) -> Iterator[str]:
    pattern = object_in(value).get("pattern")
    if isinstance(pattern, str):
        yield pattern
    for inner in children(value):
        yield from _patterns(inner)


def _named_patterns(value: Any) -> Iterator[str]:
    yield from object_in(object_in(value).get("patternProperties"))
    for inner in children(value):
        yield from _named_patterns(inner)


def _circle(whole: dict[str, Any]) -> str:
    """Return that a schema applies itself to one value without end, if it does."""
    done: set[int] = set()
    stack: list[Any] = [whole]
    while stack:
        schema = stack.pop()
        if isinstance(schema, dict) and _is_endless(whole, object_in(schema), (), done):
            return "it refers to itself without end"
        stack.extend(children(schema))
    return ""


def _is_endless(whole: dict[str, Any], schema: dict[str, Any], above: tuple[int, ...], done: set[int]) -> bool:
    if id(schema) in done:
        return False
    if id(schema) in above or len(above) > _MAX_DEPTH:
        return True
    within = (*above, id(schema))
    applied = (object_in(inner) for inner in _applied(whole, schema) if isinstance(inner, dict))
    if any(_is_endless(whole, inner, within, done) for inner in applied):
        return True
    done.add(id(schema))
    return False


def _applied(whole: dict[str, Any], schema: dict[str, Any]) -> Iterator[Any]:
    """Yield the schemas that apply to the same value as `schema`."""
    for name in _IN_PLACE_LISTS:
        yield from list_in(schema.get(name))
    for name in _IN_PLACE:
        yield schema.get(name)
    yield from object_in(schema.get("dependentSchemas")).values()
    for name in _REFERENCES:
        if isinstance(schema.get(name), str):
            yield _target(whole, schema[name])


def _target(whole: dict[str, Any], reference: str) -> Any:
    """Return what a JSON pointer of the same document leads to; None for any other reference."""
    if not reference.startswith("#"):
        return None
    found: Any = whole
    for part in reference[1:].split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and name.isdecimal():
            found = next(iter(list_in(found)[int(name) : int(name) + 1]), None)
        else:
            found = object_in(found).get(name)
    return found
