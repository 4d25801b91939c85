"""Names of tools, when several have the same."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from chat_stream_service.adapters.json_schema import JsonSchemaChecker
from chat_stream_service.domain.model.tool import Arguments, Tool, ToolContext
from chat_stream_service.domain.tools.tool_catalog import ToolCatalog


class NamedTool:
    def __init__(self, name: str) -> None:
        self.name = name
        self.description = f"Does {name}."
        self.schema: Mapping[str, Any] = {"type": "object"}

    async def call(self, arguments: Arguments, context: ToolContext) -> str:
        return self.name


class Source:
    def __init__(self, name: str, *tools: str) -> None:
        self.name = name
        self.found: list[Tool] = [NamedTool(tool) for tool in tools]

    def tools(self) -> Sequence[Tool]:
        return self.found


def test_a_taken_name_is_told_apart_by_its_source_and_a_third_by_a_number() -> None:
    sources = [Source("s", "a", "b"), Source("t", "b", "s__a", "x.y")]
    catalog = ToolCatalog([NamedTool("a")], sources)
    assert list(catalog.tools()) == ["a", "s__a", "b", "t__b", "t__s__a", "x_y"]
    crowd = ToolCatalog([NamedTool("a"), NamedTool("s__a")], [Source("s", "a")])
    assert list(crowd.tools()) == ["a", "s__a", "s__a_2"]


def test_a_name_once_given_belongs_to_its_tool_even_while_that_is_away() -> None:
    first, second = Source("one", "search"), Source("two")
    catalog = ToolCatalog([], [first, second])
    assert list(catalog.tools()) == ["search"]
    first.found, second.found = [], [NamedTool("search")]
    assert list(catalog.tools()) == ["two__search"]
    first.found = [NamedTool("search")]
    assert list(catalog.tools()) == ["search", "two__search"]


def test_a_long_or_odd_name_becomes_one_that_models_take() -> None:
    catalog = ToolCatalog([], [Source("s", "é" * 5, "n" * 100, "n" * 99)])
    assert all(len(name) <= 64 and name.isascii() for name in catalog.tools())
    assert len(catalog.tools()) == 3


def test_a_spec_is_made_anew_only_when_the_tool_is_another() -> None:
    source = Source("s", "a")
    catalog = ToolCatalog([], [source])
    before = catalog.tools()["a"]
    assert catalog.tools()["a"] is before
    source.found = [NamedTool("a")]
    after = catalog.tools()["a"]
    assert after is not before
    assert json.loads(after.spec.schema_json) == {"type": "object"}


def test_a_schema_that_refers_elsewhere_is_not_followed() -> None:
    checker = JsonSchemaChecker()
    problems = checker.problems({"$ref": "http://169.254.169.254/schema.json"}, {})
    assert len(problems) == 1
    assert "can't be read" in problems[0]
