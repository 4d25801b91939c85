"""Tools and the choice among them of an OpenAI chat request → the Completion proto."""

from typing import Any, Final

from penstock.common.v1.common_pb2 import ToolDefinition
from penstock.llm.v1 import llm_pb2 as pb

from gateway.json import compact
from gateway.openai.field import Fields, wrong

MODES: Final = {
    "none": pb.ToolChoice.MODE_NONE,
    "auto": pb.ToolChoice.MODE_AUTO,
    "required": pb.ToolChoice.MODE_REQUIRED,
    "any": pb.ToolChoice.MODE_REQUIRED,
}


def add_tools(completion: pb.CompletionRequest, fields: Fields, dropped: list[str]) -> None:
    """Take ``tools`` and ``tool_choice``; tools that are no functions go no further and are named in `dropped`."""
    for index, item in enumerate(fields.items("tools")):
        if tool := _tool(Fields(item, f"tools[{index}]"), dropped):
            completion.tools.append(tool)
    choice = fields.take("tool_choice")
    if choice is not None:
        _choose(completion, choice, dropped)


def keep_allowed(completion: pb.CompletionRequest, allowed: set[str], mode: str) -> None:
    """Offer only the tools `allowed`; with none of them left there is nothing to call."""
    kept = [tool for tool in completion.tools if tool.name in allowed]
    del completion.tools[:]
    completion.tools.extend(kept)
    completion.tool_choice.mode = MODES[mode] if kept else pb.ToolChoice.MODE_NONE


def choose_named(completion: pb.CompletionRequest, name: str, dropped: list[str]) -> None:
    """Have the tool `name` called, unless it is one that was dropped."""
    if dropped and all(tool.name != name for tool in completion.tools):
        dropped.append("tool_choice")
    else:
        completion.tool_choice.CopyFrom(pb.ToolChoice(mode=pb.ToolChoice.MODE_NAMED, name=name))


def _tool(fields: Fields, dropped: list[str]) -> ToolDefinition | None:
    kind = fields.text("type", "function")
    if kind != "function":
        dropped.append(f"tools.{kind}")
        return None
    function = fields.inner("function")
    name = function.text("name")
    if not name:
        wrong(function.at("name"), "is required")
    parameters = function.take("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        wrong(function.at("parameters"), "must be a JSON Schema object")
    return ToolDefinition(
        name=name,
        description=function.text("description"),
        parameters_json=compact(parameters, function.at("parameters")) if parameters else "",
        strict=bool(function.flag("strict")),
    )


def _choose(completion: pb.CompletionRequest, value: Any, dropped: list[str]) -> None:
    if isinstance(value, str):
        if value not in MODES:
            wrong("tool_choice", f"must be none, auto, required or a named function, not {value!r}")
        completion.tool_choice.mode = MODES[value]
        return
    choice = Fields(value, "tool_choice")
    kind = choice.text("type", "function")
    if kind == "allowed_tools":
        inner = choice.inner("allowed_tools")
        mode, path = inner.choice("mode", ("auto", "required"), "auto"), inner.at("tools")
        entries = (Fields(item, f"{path}[{index}]") for index, item in enumerate(inner.items("tools")))
        keep_allowed(completion, {entry.inner("function").text("name") for entry in entries}, mode)
        return
    name = choice.inner(kind).text("name")
    if not name:
        wrong(f"tool_choice.{kind}.name", "is required")
    choose_named(completion, name, dropped)
