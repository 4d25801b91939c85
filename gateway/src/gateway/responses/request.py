"""A Responses request → the Completion proto, and what of it the answer repeats."""

from dataclasses import dataclass
from typing import Any, Final

from penstock.common.v1.common_pb2 import ToolDefinition
from penstock.llm.v1 import llm_pb2 as pb

from gateway.json import compact
from gateway.openai.field import Fields, JsonObject, wrong
from gateway.openai.request import add_own
from gateway.responses.message import messages_to_proto
from penstock_kit.errors import FieldViolation, InvalidArgument

_MODES: Final = {
    "none": pb.ToolChoice.MODE_NONE,
    "auto": pb.ToolChoice.MODE_AUTO,
    "required": pb.ToolChoice.MODE_REQUIRED,
}
_EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh")
_LOGPROBS: Final = "message.output_text.logprobs"
# What would need something kept between requests; nothing is.
_STORED: Final = {
    "previous_response_id": "responses are not stored here; send the whole conversation as input",
    "conversation": "OpenAI's conversations are not kept here; send the whole conversation as input",
    "prompt": "prompts are not stored here; send the text as instructions",
}
# Asks how to keep or to show, which changes no answer.
_WITHOUT_EFFECT: Final = ("store", "truncation", "stream_options")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseRequest:
    """What was asked, how to send the answer, and the fields that every response object repeats."""

    completion: pb.Completion
    stream: bool
    echo: JsonObject


def response_request_from_json(body: JsonObject) -> ResponseRequest:
    """Return the request in `body`; raise InvalidArgument whose first violation is OpenAI's ``param``."""
    fields = Fields(body)
    _refuse_stored(fields)
    echo = _echo(body)
    stream = bool(fields.flag("stream"))
    completion = pb.Completion(
        model=fields.text("model"),
        messages=messages_to_proto(fields.text("instructions"), fields.take("input")),
        sampling=_sampling(fields),
        reasoning=_reasoning(fields.inner("reasoning")),
        end_user=fields.text("safety_identifier") or fields.text("user"),
        surface="responses",
    )
    _add_tools(completion, fields)
    _add_text(completion, fields.inner("text"))
    add_own(completion, fields.inner("x_penstock"))
    for name in (*_WITHOUT_EFFECT, "metadata", "user"):
        fields.take(name)
    rest = fields.rest()
    if rest:
        completion.extra_json = compact(rest, "body")
    return ResponseRequest(completion=completion, stream=stream, echo=echo)


def _refuse_stored(fields: Fields) -> None:
    for name, description in _STORED.items():
        if fields.take(name):
            violation = FieldViolation(field=name, description=description)
            reason = "PREVIOUS_RESPONSE_NOT_FOUND" if name == "previous_response_id" else "REQUEST_INVALID"
            raise InvalidArgument(f"{name}: {description}", reason=reason, violations=[violation])
    if fields.flag("background"):
        wrong("background", "responses are not kept here, so they cannot run in the background; use stream")


def _echo(body: JsonObject) -> JsonObject:
    """Return what a response object repeats of its request. Nothing is stored, whatever ``store`` asked."""
    text: Any = body.get("text")
    reasoning: Any = body.get("reasoning")
    return {
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "metadata": body.get("metadata") or {},
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None, **(reasoning if isinstance(reasoning, dict) else {})},
        "store": False,
        "temperature": body.get("temperature"),
        "text": {"format": {"type": "text"}, **(text if isinstance(text, dict) else {})},
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": body.get("tools") or [],
        "top_p": body.get("top_p"),
        "truncation": body.get("truncation") or "disabled",
        "user": body.get("user"),
    }


def _sampling(fields: Fields) -> pb.Sampling:
    logprobs = True if _LOGPROBS in fields.texts("include") else None
    return pb.Sampling(
        temperature=fields.number("temperature", least=0, most=2),
        top_p=fields.number("top_p", least=0, most=1),
        max_output_tokens=fields.integer("max_output_tokens", least=1),
        parallel_tool_calls=fields.flag("parallel_tool_calls"),
        logprobs=logprobs,
        top_logprobs=fields.integer("top_logprobs", least=0, most=20),
    )


def _reasoning(fields: Fields) -> pb.Reasoning:
    return pb.Reasoning(effort=fields.choice("effort", _EFFORTS), include=True)


def _add_tools(completion: pb.Completion, fields: Fields) -> None:
    for index, item in enumerate(fields.items("tools")):
        completion.tools.append(_tool(Fields(item, f"tools[{index}]")))
    choice = fields.take("tool_choice")
    if choice is None:
        return
    if isinstance(choice, str):
        if choice not in _MODES:
            wrong("tool_choice", f"must be none, auto, required or a function, not {choice!r}")
        completion.tool_choice.mode = _MODES[choice]
        return
    _choose(completion, Fields(choice, "tool_choice"))


def _choose(completion: pb.Completion, choice: Fields) -> None:
    kind = choice.text("type")
    if kind == "function":
        completion.tool_choice.CopyFrom(pb.ToolChoice(mode=pb.ToolChoice.MODE_NAMED, name=_name(choice)))
    elif kind == "allowed_tools":
        mode = choice.choice("mode", ("auto", "required"), "auto")
        path = choice.at("tools")
        allowed = {_name(Fields(item, f"{path}[{index}]")) for index, item in enumerate(choice.items("tools"))}
        kept = [tool for tool in completion.tools if tool.name in allowed]
        del completion.tools[:]
        completion.tools.extend(kept)
        completion.tool_choice.mode = _MODES[mode]
    else:
        wrong(choice.at("type"), f"must be function or allowed_tools, not {kind!r}")


def _tool(fields: Fields) -> ToolDefinition:
    kind = fields.text("type", "function")
    if kind != "function":
        wrong(fields.at("type"), f"must be 'function', not {kind!r}: tools that the vendor runs are not offered here")
    parameters = fields.inner("parameters").rest()
    return ToolDefinition(
        name=_name(fields),
        description=fields.text("description"),
        parameters_json=compact(parameters, fields.at("parameters")) if parameters else "",
        strict=bool(fields.flag("strict")),
    )


def _name(fields: Fields) -> str:
    name = fields.text("name")
    if not name:
        wrong(fields.at("name"), "is required")
    return name


def _add_text(completion: pb.Completion, fields: Fields) -> None:
    form = fields.inner("format")
    target = completion.response_format
    match form.choice("type", ("text", "json_object", "json_schema")):
        case "json_object":
            target.kind = pb.ResponseFormat.KIND_JSON_OBJECT
        case "json_schema":
            target.kind = pb.ResponseFormat.KIND_JSON_SCHEMA
            target.name = form.text("name", "answer")
            target.description = form.text("description")
            target.strict = bool(form.flag("strict"))
            target.schema_json = compact(form.inner("schema").rest(), form.at("schema"))
        case _:
            pass
