"""JSON schemas as the SDK's own shaping takes them: it knows one type at a place, and definitions by their newer name.

OpenAI's strict schemas and zod write ``"type": ["string", "null"]``, older generators ``definitions``, and some leave
out a type that everything else tells.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

Schema = dict[str, Any]
_LISTS: Final = ("anyOf", "oneOf", "allOf")
_NAMED: Final = ("properties", "$defs")
_TOLD: Final = frozenset({"type", "$ref", "enum", "const", *_LISTS})
_ABOUT_ALL: Final = ("description", "title", "$defs")
# Keywords that say nothing of a value.
_NOTES: Final = frozenset({"$schema", "$id", "$comment"})
_NUMBER: Final = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_KEYWORDS: Final[Mapping[str, frozenset[str]]] = {
    "object": frozenset({"properties", "required", "additionalProperties", "minProperties", "maxProperties"}),
    "array": frozenset({"items", "prefixItems", "minItems", "maxItems", "uniqueItems"}),
    "string": frozenset({"format", "pattern", "minLength", "maxLength"}),
    "number": _NUMBER,
    "integer": _NUMBER,
}
_OLDER: Final = "#/definitions/"


def with_one_type(schema: Schema) -> Schema:
    """Return a schema of the same meaning with one type at each place, as far as there is one."""
    made = {name: value for name, value in schema.items() if name not in _NOTES}
    if "definitions" in made:
        made["$defs"] = {**made.pop("definitions"), **made.get("$defs", {})}
    if str(made.get("$ref", "")).startswith(_OLDER):
        made["$ref"] = made["$ref"].replace(_OLDER, "#/$defs/", 1)
    for name in _NAMED:
        if isinstance(inner := made.get(name), dict):
            made[name] = {key: _below(value) for key, value in cast(Schema, inner).items()}
    for name in _LISTS:
        if isinstance(inner := made.get(name), list):
            made[name] = [_below(value) for value in cast("list[Any]", inner)]
    if "items" in made:
        made["items"] = _below(made["items"])
    if not made.keys() & _TOLD and made.keys() & {"properties", "items"}:
        made["type"] = "object" if "properties" in made else "array"
    return _apart(made)


def _below(value: Any) -> Any:
    return with_one_type(cast(Schema, value)) if isinstance(value, dict) else value


def _apart(schema: Schema) -> Schema:
    """Several types as alternatives, each with the keywords that are about it."""
    kinds: Any = schema.get("type")
    if not isinstance(kinds, list) or schema.keys() & {"enum", "const", *_LISTS}:
        return schema
    types = [str(kind) for kind in cast("list[Any]", kinds)]
    if len(types) == 1:
        return {**schema, "type": types[0]}
    about_all = {name: schema[name] for name in _ABOUT_ALL if name in schema}
    return about_all | {"anyOf": [_of_kind(schema, kind) for kind in types]}


def _of_kind(schema: Schema, kind: str) -> Schema:
    keywords = _KEYWORDS.get(kind, frozenset())
    return {"type": kind, **{name: value for name, value in schema.items() if name in keywords}}
