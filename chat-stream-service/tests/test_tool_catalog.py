"""Names of tools, when several have the same."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from chat_stream_service.adapters.json_schema import JsonSchemaChecker
from chat_stream_service.domain.model.event import ToolCall
from chat_stream_service.domain.model.tool import Arguments, Tool, ToolContext
from chat_stream_service.domain.tools.tool_box import ToolBox, ToolLimits
from chat_stream_service.domain.tools.tool_catalog import ToolCatalog
from penstock_testkit.waiting import HANG_SECONDS


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
    catalog = ToolCatalog([NamedTool("a")], lambda: sources)
    assert list(catalog.tools()) == ["a", "s__a", "b", "t__b", "t__s__a", "x_y"]
    third = Source("s", "a")
    crowd = ToolCatalog([NamedTool("a"), NamedTool("s__a")], lambda: [third])
    assert list(crowd.tools()) == ["a", "s__a", "s__a_2"]


def test_a_name_once_given_belongs_to_its_tool_even_while_that_is_away() -> None:
    first, second = Source("one", "search"), Source("two")
    catalog = ToolCatalog([], lambda: [first, second])
    assert list(catalog.tools()) == ["search"]
    first.found, second.found = [], [NamedTool("search")]
    assert list(catalog.tools()) == ["two__search"]
    first.found = [NamedTool("search")]
    assert list(catalog.tools()) == ["search", "two__search"]


def test_a_long_or_odd_name_becomes_one_that_models_take() -> None:
    source = Source("s", "é" * 5, "n" * 100, "n" * 99)
    catalog = ToolCatalog([], lambda: [source])
    assert all(len(name) <= 64 and name.isascii() for name in catalog.tools())
    assert len(catalog.tools()) == 3


def test_a_spec_is_made_anew_only_when_the_tool_is_another() -> None:
    source = Source("s", "a")
    catalog = ToolCatalog([], lambda: [source])
    before = catalog.tools()["a"]
    assert catalog.tools()["a"] is before
    source.found = [NamedTool("a")]
    after = catalog.tools()["a"]
    assert after is not before
    assert json.loads(after.spec.schema_json) == {"type": "object"}


def box(*names: str, limits: ToolLimits) -> ToolBox:
    return ToolBox([NamedTool(name) for name in names], checker=JsonSchemaChecker(), limits=limits)


def test_a_model_is_told_of_no_more_tools_than_vendors_take_and_the_rest_is_warned_of(
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = [f"t{number:03}" for number in range(140)]
    tools = box(*names, limits=ToolLimits())
    assert [spec.name for spec in tools.specs()] == names[:128]
    assert len(tools.specs()) == 128
    warned = [line for line in capsys.readouterr().out.splitlines() if "too many tools" in line]
    assert len(warned) == 1
    assert "t128, t129" in warned[0]


def test_the_tools_a_personality_names_are_offered_wherever_they_stand() -> None:
    tools = box("a", "b", "c", limits=ToolLimits(max_offered=2))
    assert [spec.name for spec in tools.specs(["b", "c"])] == ["b", "c"]


async def test_a_tool_that_a_personality_does_not_name_is_not_called_either() -> None:
    tools = box("a", "b", limits=ToolLimits())
    context = tools.context(tenant_id="t", user_id="u", conversation_id="c", stream_id="s")
    call = ToolCall(tool_call_id="1", name="b", arguments_json="{}")
    refused = await tools.call(call, "{}", context, names=["a", "gone"])
    assert (refused.is_error, refused.content) == (True, "there is no tool 'b'; the tools are a")
    for names in ([], ["a", "b"]):
        assert (await tools.call(call, "{}", context, names=names)).content == "b"


async def test_arguments_too_long_or_nested_too_deeply_are_refused_unread() -> None:
    tools = box("a", limits=ToolLimits())
    context = tools.context(tenant_id="t", user_id="u", conversation_id="c", stream_id="s")
    call = ToolCall(tool_call_id="1", name="a", arguments_json="{}")
    long = await tools.call(call, '{"v": "' + "x" * 300_000 + '"}', context)
    deep = await tools.call(call, '{"v": ' + "[" * 100_000 + "]" * 100_000 + "}", context)
    assert (long.is_error, long.content) == (True, "arguments of a have 300,009 characters; at most 262,144 are read")
    assert (deep.is_error, deep.content) == (True, "arguments of a are nested too deeply")


async def test_a_tool_that_hangs_comes_back_as_an_error_after_its_time() -> None:
    class Hanging(NamedTool):
        async def call(self, arguments: Arguments, context: ToolContext) -> str:
            await asyncio.Event().wait()
            return ""

    tools = ToolBox([Hanging("slow")], checker=JsonSchemaChecker(), limits=ToolLimits(timeout=0.05))
    context = tools.context(tenant_id="t", user_id="u", conversation_id="c", stream_id="s")
    async with asyncio.timeout(HANG_SECONDS):
        result = await tools.call(ToolCall(tool_call_id="1", name="slow", arguments_json="{}"), "{}", context)
    text = "slow took longer than 0.05 s; ask for less, such as a shorter range"
    assert (result.is_error, result.content) == (True, text)


async def test_a_tool_that_breaks_is_an_error_without_its_inside_which_only_the_log_has() -> None:
    class Broken(NamedTool):
        async def call(self, arguments: Arguments, context: ToolContext) -> str:
            raise ValueError("a secret path")

    tools = ToolBox([Broken("look")], checker=JsonSchemaChecker(), limits=ToolLimits())
    context = tools.context(tenant_id="t", user_id="u", conversation_id="c", stream_id="s")
    with capture_logs() as logs:
        result = await tools.call(ToolCall(tool_call_id="1", name="look", arguments_json="{}"), "{}", context)
    assert (result.is_error, result.content) == (True, "look failed inside; try another way")
    assert logs == [{"event": "tool failed", "log_level": "error", "tool": "look", "exc_info": True}]


async def test_arguments_are_read_up_to_a_quarter_of_a_million_characters() -> None:
    tools = box("a", limits=ToolLimits())
    context = tools.context(tenant_id="t", user_id="u", conversation_id="c", stream_id="s")

    async def called(length: int) -> bool:
        arguments = json.dumps({"v": "x" * (length - len('{"v": ""}'))})
        assert len(arguments) == length
        result = await tools.call(ToolCall(tool_call_id="1", name="a", arguments_json=arguments), arguments, context)
        return result.is_error

    assert [await called(262_144), await called(262_145)] == [False, True]
