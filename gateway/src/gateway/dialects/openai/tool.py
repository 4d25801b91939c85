"""Tools and the choice among them of an OpenAI chat request → the Completion proto."""

from typing import Any, Final

from penstock.common.v1.common_pb2 import ToolDefinition
from penstock.llm.v1 import llm_pb2 as pb

from gateway.http.json import compact
from gateway.model_call.fields import Fields, reject_field
from gateway.model_call.tool_choice import MODES, choose_named, keep_allowed

_OLDER_MODES: Final = frozenset({"none", "auto"})


def add_tools(completion: pb.CompletionRequest, fields: Fields, dropped: list[str]) -> None:
    """Take ``tools`` and ``tool_choice``; tools that are no functions go no further and are named in `dropped`."""
    for index, item in enumerate(fields.items("tools")):
        if tool := _tool(Fields(item, f"tools[{index}]"), dropped):
            completion.tools.append(tool)
    choice = fields.take("tool_choice")
    if choice is not None:
        _choose(completion, choice, dropped)


def add_functions(completion: pb.CompletionRequest, fields: Fields, dropped: list[str]) -> bool:
    """Take the older form of tools, ``functions`` and ``function_call``; return whether the caller speaks it.

    In that form an answer has one call, so the model is asked for one at a time.
    """
    functions = fields.items("functions")
    mode, name = _older_choice(fields.take("function_call"))
    if not functions:
        dropped += ["function_call"] if mode or name else []
        return False
    if completion.tools:
        reject_field("functions", "is the older form of tools; send one of the two")
    completion.tools.extend(_function(Fields(item, f"functions[{at}]")) for at, item in enumerate(functions))
    completion.sampling.parallel_tool_calls = False
    if mode:
        completion.tool_choice.mode = MODES[mode]
    elif name:
        choose_named(completion, name, dropped)
    return True


def _older_choice(choice: Any) -> tuple[str, str]:
    """Return the mode or the name of a function that ``function_call`` says; both empty where it says nothing."""
    if choice is None:
        return "", ""
    if not isinstance(choice, str):
        return "", Fields(choice, "function_call").required("name")
    if choice not in _OLDER_MODES:
        reject_field("function_call", f"must be none, auto or a named function, not {choice!r}")
    return choice, ""


def _tool(fields: Fields, dropped: list[str]) -> ToolDefinition | None:
    kind = fields.text("type", "function")
    if kind != "function":
        dropped.append(f"tools.{kind}")
        return None
    return _function(fields.inner("function"))


def _function(function: Fields) -> ToolDefinition:
    name = function.text("name")
    if not name:
        reject_field(function.at("name"), "is required")
    parameters = function.take("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        reject_field(function.at("parameters"), "must be a JSON Schema object")
    return ToolDefinition(
        name=name,
        description=function.text("description"),
        parameters_json=compact(parameters, function.at("parameters")) if parameters else "",
        strict=bool(function.flag("strict")),
    )


def _choose(completion: pb.CompletionRequest, value: Any, dropped: list[str]) -> None:
    if isinstance(value, str):
        if value not in MODES:
            reject_field("tool_choice", f"must be none, auto, required or a named function, not {value!r}")
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
        reject_field(f"tool_choice.{kind}.name", "is required")
    choose_named(completion, name, dropped)
