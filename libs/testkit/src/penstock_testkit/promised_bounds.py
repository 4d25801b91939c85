"""What an OpenAPI document promises of the values of requests: of each bound the last right and first wrong value."""

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from penstock_testkit.pictures import png

Schema = dict[str, Any]

_TIMES: Final = {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-01-02T00:00:00Z"}
_MESSAGE: Final = {"role": "user", "content": "x"}
# What else a body needs than its schema says: fields that go together.
_TOGETHER: Final[dict[str, Schema]] = {
    "AlarmBody": {
        "watch": "above", "device_codes": ["d"], "field": "f", "limit": 1, "lower": 0, "upper": 1, "seconds": 60,
        "baseline": _TIMES,
    },
    "ChannelBody": {"kind": "webhook", "url": "https://a.example/x", "recipients": ["a@b.example"]},
    "ChatCompletionBody": {"messages": [_MESSAGE]},
    "MessagesBody": {"messages": [_MESSAGE]},
    "CountTokensBody": {"messages": [_MESSAGE]},
    "StreamChatRequest": {"content": "x"},
    "UserCreate": {"password": "lantern-quarry-otter-velvet"},
    "AnomaliesRequest": {"model_code": "m", "baseline": _TIMES},
    "PostedAlertBody": {"labels": {"alertname": "x"}},
    "AttachedPicture": {"data": base64.b64encode(png()).decode()},
}  # fmt: skip
_TEXTS: Final = ("x", "1", "10m", "a@b.example")


@dataclass(frozen=True, slots=True, kw_only=True)
class PromisedBound:
    """A promise about one value of a request: the last right and the first wrong one, with all that is around them."""

    method: str
    path: str
    place: str
    name: str
    promise: str
    right: Any
    wrong: Any
    body: Any
    query: Schema

    def request(self, value: Any) -> Schema:
        """Return the request's parts that hold `value` at this place, and beside it only what must be there."""
        parts: Schema = {"params": dict(self.query), "headers": {}}
        if self.body is not None:
            parts["json"] = value if self.place == "body" else self.body
        if self.place != "body":
            where = {"query": parts["params"], "header": parts["headers"]}[self.place]
            where[self.name] = value if isinstance(value, list) else str(value)
        return parts

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.name} {self.promise}"


class PromisedBounds:
    """Reads the bounds out of a document: of parameters, headers and JSON bodies, however deep."""

    def __init__(self, document: Schema) -> None:
        self._paths: Schema = document["paths"]
        self._schemas: Schema = document["components"]["schemas"]

    def __iter__(self) -> Iterator[PromisedBound]:
        """Yield every bound of every operation."""
        for path, operations in self._paths.items():
            for method, operation in operations.items():
                yield from self._of_operation(method.upper(), re.sub(r"{\w+}", "x", path), operation)

    def _of_operation(self, method: str, path: str, operation: Schema) -> Iterator[PromisedBound]:
        parameters = [found for found in operation.get("parameters", []) if found["in"] in {"query", "header"}]
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        common: Schema = {
            "method": method,
            "path": path,
            "body": None if content is None else self._least(content),
            "query": {found["name"]: self._least(found["schema"]) for found in parameters if found.get("required")},
        }
        for found in parameters:
            for promise in self._inside(found["schema"], found["name"], lambda value: value):
                yield PromisedBound(place=found["in"], **promise, **common)
        for promise in self._inside(content or {}, "", lambda value: value):
            yield PromisedBound(place="body", **promise, **common)

    def _inside(self, schema: Schema, name: str, around: Callable[[Any], Any]) -> Iterator[Schema]:
        """Yield the promises of a schema and of all that is inside, each value within what is `around` it."""
        whole, schema = schema, self._resolved(schema)
        for promise, right, wrong in self._promises(schema):
            yield {"name": name, "promise": promise, "right": around(right), "wrong": around(wrong)}
        for choice in schema.get("anyOf", ()):
            yield from self._inside(choice, name, around)
        for field, value in schema.get("properties", {}).items():
            yield from self._inside(value, field, self._beside(whole, field, around))
        if isinstance(schema.get("items"), dict):
            yield from self._inside(schema["items"], name, lambda inner: around([inner]))

    def _beside(self, whole: Schema, field: str, around: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda inner: around({**self._least(whole), field: inner})

    def _promises(self, schema: Schema) -> Iterator[tuple[str, Any, Any]]:
        """Yield a name, the last right and the first wrong value for each bound of one schema."""
        step = 1 if schema.get("type") == "integer" else 1e-6
        steps = {
            "minimum": (0, -step), "maximum": (0, step), "exclusiveMinimum": (step, 0), "exclusiveMaximum": (-step, 0),
        }  # fmt: skip
        for name, bound in schema.items():
            match name:
                case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
                    within, beyond = steps[name]
                    yield name, bound + within, bound + beyond
                case "maxLength" if "@" not in schema.get("pattern", ""):
                    yield name, "x" * bound, "x" * (bound + 1)
                case "minLength":
                    yield name, "x" * bound, "x" * (bound - 1)
                case "pattern":
                    yield name, _text_of(bound), ": :"
                case "maxItems" | "minItems":
                    entry = self._least(schema["items"]) or _MESSAGE
                    yield name, [entry] * bound, [entry] * (bound + (1 if name == "maxItems" else -1))
                case "maxProperties":
                    names = ["alertname", *(f"k{number}" for number in range(bound))]
                    yield name, dict.fromkeys(names[:bound], "v"), dict.fromkeys(names, "v")
                case "enum":
                    for value in bound:
                        yield f"{name} {value}", value, "another"
                case _:
                    pass

    def _least(self, schema: Schema) -> Any:
        """Return the smallest value of a schema, with what goes together."""
        name = schema.get("$ref", "").rpartition("/")[2]
        schema = self._resolved(schema)
        if "anyOf" in schema:
            return self._least(schema["anyOf"][0])
        match schema.get("type"):
            case "object":
                known = schema.get("properties", {})
                needed = {key: self._least(known.get(key, {})) for key in schema.get("required", ())}
                return needed | _TOGETHER.get(name, {})
            case "array":
                return [self._least(schema["items"]) or _MESSAGE] * schema.get("minItems", 0)
            case "integer" | "number" | "boolean" as kind:
                return kind == "boolean" or schema.get("minimum", 1)
            case _ if schema.get("format") == "date-time":
                return _TIMES["start_time"]
            case _:
                return schema["enum"][0] if "enum" in schema else _text_of(schema.get("pattern", ""))

    def _resolved(self, schema: Schema) -> Schema:
        """Return what a schema says where it refers to another."""
        return self._schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _text_of(pattern: str) -> str:
    return next(text for text in _TEXTS if re.search(pattern, text))
