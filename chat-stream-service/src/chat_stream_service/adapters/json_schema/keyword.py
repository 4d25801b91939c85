"""The keywords of JSON Schema 2020-12 with their steps counted, and those rewritten that are worse than linear."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from chat_stream_service.adapters.json_schema.meter import current_meter
from chat_stream_service.adapters.json_schema.value import list_in, object_in

Keyword = Callable[[Any, Any, Any, Mapping[str, Any]], Iterable[Any] | None]

# Members of a keyword's value that cost one step to go through.
_MEMBER_STEP: Final = 8
# Characters of a complaint that cost one step: it repeats the value complained of.
_MESSAGE_STEP: Final = 256
_NAMED: Final = 5


def bounded_keywords(keywords: Mapping[str, Keyword]) -> dict[str, Keyword]:
    """Return every keyword, counted by the current meter."""
    rewritten: dict[str, Keyword] = {
        "additionalProperties": _additional_properties,
        "const": _const,
        "enum": _enum,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "uniqueItems": _unique_items,
    }
    rewritten["unevaluatedProperties"] = _unless_patterned(keywords["unevaluatedProperties"])
    return {name: _counted(rewritten.get(name, keyword)) for name, keyword in keywords.items()}


def _unless_patterned(keyword: Keyword) -> Keyword:
    """Return `keyword` without effect beside patternProperties, which the library matches by backtracking for it."""

    def checked(validator: Any, value: Any, instance: Any, schema: Mapping[str, Any]) -> Iterable[Any] | None:
        return None if current_meter.get().patterned else keyword(validator, value, instance, schema)

    return checked


def _counted(keyword: Keyword) -> Keyword:
    def counted(validator: Any, value: Any, instance: Any, schema: Mapping[str, Any]) -> Iterator[Any]:
        meter = current_meter.get()
        members = len(object_in(value)) + len(list_in(value))
        meter.spend(1 + members // _MEMBER_STEP)
        for error in keyword(validator, value, instance, schema) or ():
            meter.spend(1 + len(error.message) // _MESSAGE_STEP)
            yield error

    return counted


def _error(message: str) -> Any:
    from jsonschema import ValidationError

    return ValidationError(message)


def _pattern(validator: Any, value: Any, instance: Any, schema: Mapping[str, Any]) -> Iterator[Any]:
    if isinstance(instance, str) and not current_meter.get().matches(value, instance):
        yield _error(f"{instance!r} does not match {value!r}")


def _pattern_properties(validator: Any, value: Any, instance: Any, schema: Mapping[str, Any]) -> Iterator[Any]:
    meter = current_meter.get()
    for pattern, inner in value.items():
        for name, item in object_in(instance).items():
            if meter.matches(pattern, name):
                yield from validator.descend(item, inner, path=name, schema_path=pattern)


def _additional_properties(validator: Any, value: Any, instance: Any, schema: Mapping[str, Any]) -> Iterator[Any]:
    meter, given = current_meter.get(), object_in(instance)
    known, patterns = object_in(schema.get("properties")), object_in(schema.get("patternProperties"))
    meter.spend(len(given))
    extra = [
        name for name in given if name not in known and not any(meter.matches(pattern, name) for pattern in patterns)
    ]
    if isinstance(value, dict):
        for name in extra:
            yield from validator.descend(given[name], value, path=name)
    elif value is False and extra:
        shown = ", ".join(map(repr, extra[:_NAMED]))
        yield _error(
            f"Additional properties are not allowed ({shown} {'was' if len(extra) == 1 else 'were'} unexpected)"
        )


def _enum(validator: Any, value: Any, instance: Any, schema: Mapping[str, Any]) -> Iterator[Any]:
    if not current_meter.get().one_of(value, instance):
        more = ", …" if len(value) > _NAMED * 4 else ""
        shown = ", ".join(map(repr, list_in(value)[: _NAMED * 4]))
        yield _error(f"{instance!r} is not one of [{shown}{more}]")


def _const(validator: Any, value: Any, instance: Any, schema: Mapping[str, Any]) -> Iterator[Any]:
    meter = current_meter.get()
    if meter.canonical(value) != meter.canonical(instance):
        yield _error(f"{value!r} was expected")


def _unique_items(validator: Any, value: Any, instance: Any, schema: Mapping[str, Any]) -> Iterator[Any]:
    meter, items = current_meter.get(), list_in(instance)
    if value and len({meter.canonical(item) for item in items}) < len(items):
        yield _error("it has non-unique elements")
