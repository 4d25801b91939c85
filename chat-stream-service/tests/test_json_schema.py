"""Arguments checked against schemas: rightly, and in bounded time whatever a model, a caller or a server sends."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from chat_stream_service.adapters.json_schema import JsonSchemaChecker
from chat_stream_service.adapters.json_schema.fitness import unchecked_patterns, unfitness
from chat_stream_service.adapters.json_schema.meter import Meter, TooCostly
from chat_stream_service.adapters.json_schema.shape import shape_problem
from penstock_testkit.waiting import HANG_SECONDS

# Seconds the event loop may be held by one step of a check, with room for a machine that is busy with other things.
HELD = 0.4


def properties(**schemas: Any) -> dict[str, Any]:
    return {"type": "object", "properties": schemas}


async def problems(schema: Mapping[str, Any], arguments: Any) -> list[str]:
    return list(await JsonSchemaChecker().problems(schema, arguments))


FITTING: list[tuple[dict[str, Any], Any, bool]] = [
    ({"pattern": "^[a-z]+$"}, "abc", True),
    ({"pattern": "^[a-z]+$"}, "abC", False),
    ({"pattern": "b"}, "abc", True),
    ({"pattern": "^[\\u4e00-\\u9fff]+$"}, "设备", True),
    ({"pattern": "^[\\u4e00-\\u9fff]+$"}, "device", False),
    ({"pattern": "^(?=.*x).*$"}, "what RE2 does not know is not checked", True),
    ({"enum": ["a", 1, None, [1]]}, 1.0, True),
    ({"enum": ["a", 1, None, [1]]}, True, False),
    ({"enum": ["a", 1, None, [1]]}, [1.0], True),
    ({"const": {"a": [1]}}, {"a": [1]}, True),
    ({"const": {"a": [1]}}, {"a": [True]}, False),
    ({"uniqueItems": True}, [1, True, "1", None, [1], {"a": 1}], True),
    ({"uniqueItems": True}, [{"a": 1, "b": 2}, {"b": 2, "a": 1.0}], False),
    ({"uniqueItems": False}, [1, 1], True),
    ({"additionalProperties": False, "properties": {"a": {}}}, {"a": 1}, True),
    ({"additionalProperties": False, "properties": {"a": {}}}, {"b": 1}, False),
    ({"additionalProperties": {"type": "string"}}, {"b": 1}, False),
    ({"additionalProperties": False, "patternProperties": {"^x-": {"type": "string"}}}, {"x-a": "1"}, True),
    ({"additionalProperties": False, "patternProperties": {"^x-": {"type": "string"}}}, {"x-a": 1}, False),
    ({"unevaluatedProperties": False, "allOf": [{"properties": {"a": {}}}]}, {"b": 1}, False),
    ({"items": [{"type": "string"}], "additionalItems": {"type": "integer"}}, ["a", 1], True),
    ({"items": [{"type": "string"}], "additionalItems": {"type": "integer"}}, ["a", "b"], False),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}, 5, False),
    ({"$schema": "http://json-schema.org/draft-07/schema#", "type": "string"}, 5, False),
]


@pytest.mark.parametrize(("schema", "value", "fits"), FITTING, ids=lambda each: json.dumps(each)[:50])
async def test_arguments_are_checked_as_json_schema_says(schema: dict[str, Any], value: Any, fits: bool) -> None:
    found = await problems({"type": "object", "properties": {"v": schema}, **_definitions(schema)}, {"v": value})
    assert (found == []) is fits, found


def _definitions(schema: dict[str, Any]) -> dict[str, Any]:
    return {"$defs": schema["$defs"]} if "$defs" in schema else {}


def _exploding(depth: int) -> dict[str, Any]:
    definitions: dict[str, Any] = {
        f"d{level}": {"allOf": [{"$ref": f"#/$defs/d{level + 1}"}] * 2} for level in range(depth)
    }
    return {**properties(v={"$ref": "#/$defs/d0"}), "$defs": {**definitions, f"d{depth}": {"type": "string"}}}


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


COSTLY: dict[str, tuple[dict[str, Any], Any]] = {
    "a pattern that backtracks": (properties(v={"pattern": "^(a+)+$"}), {"v": "a" * 40 + "!"}),
    "a pattern that backtracks in a subschema of another dialect": (
        properties(v={"$schema": "http://json-schema.org/draft-07/schema#", "pattern": "^(a+)+$"}),
        {"v": "a" * 40 + "!"},
    ),
    "a name's pattern that backtracks": (
        {"type": "object", "patternProperties": {"^(a+)+$": False}, "additionalProperties": False},
        {"a" * 40 + "!": 1},
    ),
    "a name's pattern beside unevaluatedProperties": (
        {"type": "object", "patternProperties": {"^(a+)+$": True}, "unevaluatedProperties": False},
        {"a" * 40 + "!": 1},
    ),
    "a costly pattern over a long text": (properties(v={"pattern": "(.{0,500}x)+$"}), {"v": "a" * 200_000}),
    "references that double at every level": (_exploding(24), {"v": "a"}),
    "a schema that applies itself": ({"type": "object", "allOf": [{"$ref": "#"}]}, {}),
    "a long list of different items": (
        properties(v={"uniqueItems": True}),
        {"v": [{"a": number, "b": [number]} for number in range(9_000)]},
    ),
    "a huge enumeration and many values": (
        properties(v={"items": {"enum": [{"n": number} for number in range(2_000)]}}),
        {"v": [{"n": -number} for number in range(4_000)]},
    ),
    "many branches that each repeat a long text": (
        properties(v={"anyOf": [{"type": "integer", "minimum": number} for number in range(1_000)]}),
        {"v": "x" * 200_000},
    ),
    "a deep value in a recursive schema": (
        properties(v={"$ref": "#/properties/v", "items": {"$ref": "#/properties/v"}}),
        {"v": _nested(400)},
    ),
    "names by the thousand against many patterns": (
        {"type": "object", "patternProperties": {f"^{number}x+$": False for number in range(1_000)}},
        {f"n{number}": 1 for number in range(10_000)},
    ),
}


@pytest.mark.parametrize("name", COSTLY)
@pytest.mark.alone
async def test_the_worst_check_holds_the_event_loop_for_no_time_that_counts(name: str) -> None:
    schema, arguments = COSTLY[name]
    checker = JsonSchemaChecker()
    await checker.problems(properties(), {})  # the libraries are imported
    longest, done = 0.0, asyncio.Event()

    async def watch() -> None:
        nonlocal longest
        while not done.is_set():
            before = time.monotonic()
            await asyncio.sleep(0)
            longest = max(longest, time.monotonic() - before)

    watching = asyncio.create_task(watch())
    async with asyncio.timeout(HANG_SECONDS):
        await checker.problems(schema, arguments)
    done.set()
    await watching
    assert longest < HELD


async def test_a_check_that_takes_too_long_says_so() -> None:
    found = await problems(*COSTLY["references that double at every level"])
    assert found == ["they take too long to check against the tool's schema; give fewer or shorter values"]


async def test_a_large_list_that_is_right_is_checked_to_its_end() -> None:
    schema = properties(v={"items": properties(a={"type": "integer"}, b={"type": "string"})})
    rows = [{"a": number, "b": "x"} for number in range(2_000)]
    assert await problems(schema, {"v": rows}) == []
    assert await problems(schema, {"v": [*rows, {"a": "x"}]}) == ["$.v[2000].a: 'x' is not of type 'integer'"]


NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minContains")
WITH_ONE = (
    "not", "if", "then", "else", "items", "contains", "additionalProperties", "propertyNames", "unevaluatedItems",
    "unevaluatedProperties",
)  # fmt: skip
WITH_MANY = ("allOf", "anyOf", "oneOf", "prefixItems")
WITH_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")


@pytest.mark.parametrize(
    ("keyword", "right", "wrong"),
    [
        *((name, 1.5, "1") for name in NUMBERS), *((name, 1.5, True) for name in NUMBERS),
        *((name, 0, -1) for name in COUNTS), *((name, 2, "2") for name in COUNTS),
        *((name, [True], {}) for name in WITH_MANY), *((name, {"a": True}, []) for name in WITH_NAMED),
        ("type", "null", "nothing"), ("type", ["string", "integer"], ["string", 5]), ("required", ["a"], [1]),
        ("dependentRequired", {"a": ["b"]}, {"a": "b"}), ("enum", [1], 1), ("pattern", "a", 1), ("$ref", "#", 1),
        ("$dynamicRef", "#a", 1), ("uniqueItems", True, 1),
    ],
)  # fmt: skip
def test_a_keyword_that_holds_what_it_cannot_is_told(keyword: str, right: Any, wrong: Any) -> None:
    assert shape_problem({keyword: right}) == ""
    assert shape_problem({keyword: wrong}).startswith(f"$.{keyword} must be ")


@pytest.mark.parametrize(
    ("around", "place"),
    [
        *((lambda inner, name=name: {name: inner}, f"$.{name}") for name in WITH_ONE),
        *((lambda inner, name=name: {name: [True, inner]}, f"$.{name}[1]") for name in WITH_MANY),
        *((lambda inner, name=name: {name: {"a": inner}}, f"$.{name}.a") for name in WITH_NAMED),
    ],
)  # fmt: skip
def test_a_wrong_keyword_is_found_within_every_keyword_that_holds_schemas(around: Any, place: str) -> None:
    assert shape_problem(around({"minLength": -1})).startswith(f"{place}.minLength must be ")
    assert shape_problem(around({"minLength": 1})) == ""


@pytest.mark.parametrize("keyword", ["not", "if", "then", "else", "allOf", "anyOf", "oneOf"])
@pytest.mark.parametrize("reference", ["$ref", "$dynamicRef"])
def test_a_schema_that_applies_to_itself_has_no_end_and_is_refused(keyword: str, reference: str) -> None:
    inner: dict[str, Any] = {reference: "#"}
    circle = {"type": "object", keyword: [inner] if keyword.endswith("Of") else inner}
    assert unfitness(circle)


async def test_the_first_problems_are_told_shortly() -> None:
    schema = properties(**{f"p{number}": {"type": "integer"} for number in range(9)})
    found = await problems(schema, {f"p{number}": "x" * 5_000 for number in range(9)})
    assert len(found) == 5
    assert all(len(problem) < 350 for problem in found)


async def test_a_schema_that_refers_elsewhere_is_not_followed() -> None:
    found = await problems({"type": "object", "$ref": "http://169.254.169.254/schema.json"}, {})
    assert len(found) == 1
    assert "can't be read" in found[0]


def test_a_meter_ends_by_steps_and_by_time() -> None:
    now = 0.0
    meter = Meter(10, 1.0, clock=lambda: now)
    meter.spend(9)
    with pytest.raises(TooCostly):
        meter.spend(2)
    meter = Meter(10, 1.0, clock=lambda: now)
    now = 1.5
    with pytest.raises(TooCostly):
        meter.spend(1)


UNFIT: list[tuple[Any, str]] = [
    ([], "no object"),
    ({"type": "string"}, "type: object"),
    ({**properties(), "description": "x" * 70_000}, "at most 65,536"),
    (properties(v={"items": _nested(70)}), "levels deep"),
    ({"type": "object", "$ref": "#"}, "refers to itself"),
    ({"type": "object", "allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"anyOf": [{"$ref": "#"}]}}}, "to itself"),
    (properties(v={"$ref": "#/properties/v"}), "refers to itself"),
    (properties(v={"type": 5}), r"$.properties.v.type must be one of"),
    (properties(v={"enum": "a"}), "enum must be a list"),
    ({"type": "object", "required": True}, "$.required must be a list of names"),
    (properties(v={"minimum": "1"}), "minimum must be a number"),
    (properties(v={"multipleOf": 0}), "multipleOf must be more than 0"),
    (properties(v=5), "must be an object or a boolean"),
]


@pytest.mark.parametrize(("schema", "why"), UNFIT, ids=[why for _, why in UNFIT])
def test_a_schema_that_nobody_could_use_is_told_with_its_reason(schema: Any, why: str) -> None:
    assert why in unfitness(schema)


def test_a_recursive_schema_that_ends_with_its_value_is_fit() -> None:
    tree = {"type": "object", "properties": {"child": {"$ref": "#"}, "rest": {"items": {"$ref": "#"}}}}
    assert unfitness(tree) == ""


def test_patterns_that_are_not_checked_are_named() -> None:
    schema = properties(a={"pattern": "^(?=x)"}, b={"pattern": "^x$"}, c={"patternProperties": {"(?!y)": {}}})
    assert list(unchecked_patterns(schema)) == ["(?!y)", "^(?=x)"]
