"""Tools and the choice among them in OpenAI's chat-completions dialect."""

from collections.abc import Mapping
from typing import Any, assert_never

import orjson

from llm_service.domain.model.profile import Quirks
from llm_service.domain.model.request import CompletionRequest, ToolDefinition, ToolMode
from llm_service.providers.dropped import foreign_tool_fields
from penstock_kit.errors import InvalidArgument

Json = dict[str, Any]


def put_tools(body: Json, request: CompletionRequest, quirks: Quirks, dropped: list[str]) -> None:
    """Put the tools and the choice into `body`; what the vendor does not take is mapped, or dropped and named.

    Raises InvalidArgument for parameters that are not JSON.
    """
    dropped += foreign_tool_fields(request)
    tools = [tool for tool in request.tools if "type" not in tool.extra]
    mode = request.tool_choice.mode
    if not tools:
        return
    if mode is ToolMode.NONE and mode not in quirks.tool_choices:
        return  # without tools there is nothing to call, which is what was asked for
    body["tools"] = [_tool(tool) for tool in tools]
    name = request.tool_choice.name
    if mode is ToolMode.REQUIRED and mode not in quirks.tool_choices and len(tools) == 1:
        mode, name = ToolMode.NAMED, tools[0].name
    if mode not in quirks.tool_choices or (mode is ToolMode.NAMED and not any(tool.name == name for tool in tools)):
        dropped.append("tool_choice")
    elif choice := _tool_choice(mode, name):
        body["tool_choice"] = choice


def _tool(tool: ToolDefinition) -> Json:
    function: Json = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters:
        function["parameters"] = decoded_schema(tool.parameters, f"parameters of tool {tool.name}")
    if tool.strict:
        function["strict"] = True
    return {"type": "function", "function": function}


def _tool_choice(mode: ToolMode, name: str) -> str | Json | None:
    match mode:
        case ToolMode.DEFAULT:
            return None
        case ToolMode.AUTO | ToolMode.NONE | ToolMode.REQUIRED:
            return mode.value
        case ToolMode.NAMED:
            return {"type": "function", "function": {"name": name}}
        case _:
            assert_never(mode)


def decoded_schema(text: str, what: str) -> Mapping[str, Any]:
    """Return a JSON schema; raises InvalidArgument saying that `what` is not JSON."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidArgument(f"the {what} is not JSON: {error}", reason="JSON_SCHEMA_INVALID") from None
