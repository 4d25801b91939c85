"""Every bound that the OpenAPI document promises holds: the last value within it is taken, the next one is not."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from penstock_testkit.pictures import png

pytestmark = pytest.mark.asyncio(loop_scope="session")

DOCUMENT: Final = json.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_text("utf-8"))
SCHEMAS: Final[dict[str, Any]] = DOCUMENT["components"]["schemas"]
TIMES: Final = {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-01-02T00:00:00Z"}
MESSAGE: Final = {"role": "user", "content": "x"}
# What else a body needs than its schema says: fields that go together.
TOGETHER: Final[dict[str, dict[str, Any]]] = {
    "AlarmBody": {
        "watch": "above", "device_codes": ["d"], "field": "f", "limit": 1, "lower": 0, "upper": 1, "seconds": 60,
        "baseline": TIMES,
    },
    "ChannelBody": {"kind": "webhook", "url": "https://a.example/x", "recipients": ["a@b.example"]},
    "ChatCompletionBody": {"messages": [MESSAGE]},
    "MessagesBody": {"messages": [MESSAGE]},
    "CountTokensBody": {"messages": [MESSAGE]},
    "StreamChatRequest": {"content": "x"},
    "UserCreate": {"password": "lantern-quarry-otter-velvet"},
    "AnomaliesRequest": {"model_code": "m", "baseline": TIMES},
    "PostedAlertBody": {"labels": {"alertname": "x"}},
    "AttachedPicture": {"data": base64.b64encode(png()).decode()},
}  # fmt: skip
TEXTS: Final = ("x", "1", "a@b.example")
# Refused within the bound for another reason, which is in the words of the answer.
OTHERWISE: Final = {
    "password": "too easy to guess", "page_token": "PAGE_TOKEN_INVALID", "last-event-id": "must be a sequence",
    "channel_ids": "there is no channel", "url": "needs the url", "q": "unknown statement",
    "idempotency-key": "IDEMPOTENCY_KEY_CONFLICT",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A promise about one value of a request: the last right and the first wrong one, with all that is around them."""

    method: str
    path: str
    place: str
    name: str
    promise: str
    right: Any
    wrong: Any
    body: Any
    query: dict[str, Any]

    def request(self, value: Any) -> dict[str, Any]:
        """Return the request's parts that hold `value` at this place, and beside it only what must be there."""
        parts: dict[str, Any] = {"params": dict(self.query), "headers": {}}
        if self.body is not None:
            parts["json"] = value if self.place == "body" else self.body
        if self.place != "body":
            where = {"query": parts["params"], "header": parts["headers"]}[self.place]
            where[self.name] = value if isinstance(value, list) else str(value)
        return parts

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.name} {self.promise}"


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what a schema says where it refers to another."""
    return SCHEMAS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def least(schema: dict[str, Any]) -> Any:
    """Return the smallest value of a schema, with what goes together."""
    name = schema.get("$ref", "").rpartition("/")[2]
    schema = resolved(schema)
    if "anyOf" in schema:
        return least(schema["anyOf"][0])
    match schema.get("type"):
        case "object":
            known = schema.get("properties", {})
            return {key: least(known.get(key, {})) for key in schema.get("required", ())} | TOGETHER.get(name, {})
        case "array":
            return [least(schema["items"]) or MESSAGE] * schema.get("minItems", 0)
        case "integer" | "number" | "boolean" as kind:
            return kind == "boolean" or schema.get("minimum", 1)
        case _ if schema.get("format") == "date-time":
            return TIMES["start_time"]
        case _:
            return schema["enum"][0] if "enum" in schema else text_of(schema.get("pattern", ""))


def text_of(pattern: str) -> str:
    """Return a text that fits a pattern."""
    return next(text for text in TEXTS if re.search(pattern, text))


def promises(schema: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield a name, the last right and the first wrong value for each bound of one schema."""
    step = 1 if schema.get("type") == "integer" else 1e-6
    steps = {"minimum": (0, -step), "maximum": (0, step), "exclusiveMinimum": (step, 0), "exclusiveMaximum": (-step, 0)}
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
                yield name, text_of(bound), ": :"
            case "maxItems" | "minItems":
                entry = least(schema["items"]) or MESSAGE
                yield name, [entry] * bound, [entry] * (bound + (1 if name == "maxItems" else -1))
            case "maxProperties":
                names = ["alertname", *(f"k{number}" for number in range(bound))]
                yield name, dict.fromkeys(names[:bound], "v"), dict.fromkeys(names, "v")
            case "enum":
                for value in bound:
                    yield f"{name} {value}", value, "another"
            case _:
                pass


def inside(schema: dict[str, Any], name: str, around: Callable[[Any], Any]) -> Iterator[dict[str, Any]]:
    """Yield the promises of a schema and of all that is inside, each value within what is `around` it."""
    whole, schema = schema, resolved(schema)
    for promise, right, wrong in promises(schema):
        yield {"name": name, "promise": promise, "right": around(right), "wrong": around(wrong)}
    for choice in schema.get("anyOf", ()):
        yield from inside(choice, name, around)
    for field, value in schema.get("properties", {}).items():
        yield from inside(value, field, lambda inner, field=field: around({**least(whole), field: inner}))
    if isinstance(schema.get("items"), dict):
        yield from inside(schema["items"], name, lambda inner: around([inner]))


def bounds() -> Iterator[Bound]:
    """Yield every bound of every operation."""
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            parameters = [found for found in operation.get("parameters", []) if found["in"] in {"query", "header"}]
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            common: dict[str, Any] = {
                "method": method.upper(),
                "path": re.sub(r"{\w+}", "x", path),
                "body": None if content is None else least(content),
                "query": {found["name"]: least(found["schema"]) for found in parameters if found.get("required")},
            }
            for found in parameters:
                for promise in inside(found["schema"], found["name"], lambda value: value):
                    yield Bound(place=found["in"], **promise, **common)
            for promise in inside(content or {}, "", lambda value: value):
                yield Bound(place="body", **promise, **common)


BOUNDS: Final = list(bounds())


async def faults(gateway: Any, bound: Bound, value: Any) -> tuple[int, list[str]]:
    """Return the status of a request that holds `value`, and what its answer finds fault with."""
    parts = bound.request(value)
    parts["headers"].update(gateway.auth())
    answer = await gateway.client.request(bound.method, bound.path, **parts)
    if answer.status_code not in {400, 422}:
        return answer.status_code, []
    told = answer.json()
    error: Any = told.get("error")
    match told:
        case {"errors": list(entries)}:
            found = [f"{entry['field']} {entry['description']}" for entry in entries]
        case {"error": {"message": message}}:
            found = [f"{error.get('param')} {message}"]
        case _:  # as InfluxDB answers
            found = [str(told)]
    return answer.status_code, found


async def test_the_committed_document_is_what_the_gateway_serves(gateway: Any) -> None:
    assert (await gateway.client.get("/openapi.json")).json() == DOCUMENT, "run `make openapi`"


async def test_the_first_value_beyond_a_promised_bound_is_refused_with_its_field(start_gateway: Any) -> None:
    gateway, taken = await start_gateway(), list[str]()
    for bound in BOUNDS:
        status, told = await faults(gateway, bound, bound.wrong)
        if status not in {400, 422} or not any(bound.name.lower() in text.lower() for text in told):
            taken.append(f"{bound}: {status} {told}")
    assert not taken, "\n".join(taken)


async def test_the_last_value_within_a_promised_bound_is_taken(start_gateway: Any) -> None:
    gateway, refused = await start_gateway(), list[str]()
    for bound in BOUNDS:
        status, told = await faults(gateway, bound, bound.right)
        if any(OTHERWISE.get(bound.name, "no other reason") not in text for text in told):
            refused.append(f"{bound}: {status} {told}")
    assert not refused, "\n".join(refused)
