"""A question in OpenAI's chat-completions dialect, with the deviations of those who speak it too."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeGuard, assert_never, cast

import orjson

from llm_service.domain.model.message import FilePart, ImagePart, Message, Part, Role, TextPart, ThinkingPart
from llm_service.domain.model.profile import Quirks, ThinkingBack, ThinkingKnob
from llm_service.domain.model.request import (
    AnswerForm,
    Completion,
    ResponseFormat,
    ToolChoice,
    ToolDefinition,
    ToolMode,
)
from penstock_kit.errors import InvalidArgument

Json = dict[str, Any]
# Fields of ours that the caller may not set behind our back through `extra`.
_OURS: Final = frozenset({"model", "messages", "stream", "stream_options", "tools", "tool_choice", "n"})
# Where a question goes and with which key is the operator's: not even a proxy behind us is told otherwise.
# Lower case, without what stands between the words.
_OPERATORS: Final = frozenset(
    {
        *("baseurl", "apibase", "apikey", "apiversion", "endpoint", "host", "customhost", "proxy", "server", "url"),
        *("authorization", "headers", "extrabody", "extraheaders", "extraquery", "customllmprovider"),
    }
)


def body_of(request: Completion, quirks: Quirks) -> tuple[Json, tuple[str, ...]]:
    """Return the request body and the names of the knobs the vendor does not have.

    Raises InvalidArgument for a schema or arguments that are not JSON.
    """
    body: Json = {"model": request.model, "messages": _messages(request.messages, quirks.thinking_back)}
    if request.response_format.form is AnswerForm.JSON_SCHEMA and not quirks.json_schema:
        body["messages"].append(_schema_message(request.response_format))
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        if choice := _tool_choice(request.tool_choice):
            body["tool_choice"] = choice
    dropped: list[str] = []
    for name, value in {
        **_sampling(request, quirks),
        **_answer_form(request, quirks),
        **_thinking(request, quirks),
    }.items():
        _put(body, dropped, name, value, known=name not in quirks.lacks)
    for name, value in request.extra.items():
        _put(body, dropped, name, value, known=_is_passed(name, value, quirks))
    if request.end_user and (quirks.passes is None or "user" in quirks.passes):
        body.setdefault("user", request.end_user)
    if request.streaming:
        body["stream"] = True
        if quirks.stream_usage:
            body["stream_options"] = {"include_usage": True}
    return body, tuple(dropped)


def _is_passed(name: str, value: object, quirks: Quirks) -> bool:
    if quirks.passes is not None:
        return name in quirks.passes - _OURS
    return name not in _OURS and not _names_a_place(name, value)


def _names_a_place(name: str, value: object) -> bool:
    """Whether a knob, or one inside it, says where to go or with which key."""
    if name.lower().replace("_", "").replace("-", "") in _OPERATORS:
        return True
    inside = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    return any(_names_a_place(each, below) for each, below in inside.items())


def _put(body: Json, dropped: list[str], name: str, value: object, *, known: bool) -> None:
    if value is None:
        return
    if known:
        body[name] = value
    else:
        dropped.append(name)


def _sampling(request: Completion, quirks: Quirks) -> Json:
    sampling = request.sampling
    return {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        quirks.max_tokens: sampling.max_output_tokens,
        "stop": list(sampling.stop) or None,
        "seed": sampling.seed,
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
        "n": sampling.n,
        "logprobs": sampling.logprobs,
        "top_logprobs": sampling.top_logprobs,
        "parallel_tool_calls": sampling.parallel_tool_calls if request.tools else None,
    }


def _answer_form(request: Completion, quirks: Quirks) -> Json:
    wanted = request.response_format
    match wanted.form:
        case AnswerForm.TEXT:
            return {}
        case AnswerForm.JSON_OBJECT:
            return {"response_format": {"type": "json_object"}}
        case AnswerForm.JSON_SCHEMA if not quirks.json_schema:
            return {"response_format": {"type": "json_object"}}
        case AnswerForm.JSON_SCHEMA:
            schema: Json = {"name": wanted.name or "answer", "schema": _decoded(wanted.schema, "response_format")}
            if wanted.strict:
                schema["strict"] = True
            if wanted.description:
                schema["description"] = wanted.description
            return {"response_format": {"type": "json_schema", "json_schema": schema}}
        case _:
            assert_never(wanted.form)


def _schema_message(wanted: ResponseFormat) -> Json:
    """For those who have a JSON mode without a schema: the schema in words."""
    return {"role": "system", "content": f"Answer with one JSON object that fits this JSON Schema:\n{wanted.schema}"}


def _thinking(request: Completion, quirks: Quirks) -> Json:
    effort, budget = request.reasoning.effort, request.reasoning.max_tokens
    if not effort and not budget:
        return {}
    wanted = effort != "none"
    match quirks.thinking:
        case ThinkingKnob.EFFORT:
            return {"reasoning_effort": effort or None}
        case ThinkingKnob.ENABLE_THINKING:
            return {"enable_thinking": wanted, "thinking_budget": budget or None}
        case ThinkingKnob.THINKING_TYPE:
            return {"thinking": {"type": "enabled" if wanted else "disabled"}}
        case ThinkingKnob.NONE:
            return {"reasoning_effort": effort or None}
        case _:
            assert_never(quirks.thinking)


def _messages(messages: Sequence[Message], back: ThinkingBack) -> list[Json]:
    made = [_message(message) for message in messages]
    if back is not ThinkingBack.NEVER:
        for at in _in_tool_turns(messages):
            thought = "".join(part.text for part in messages[at].parts if _is_plain_thought(part))
            if thought or back is ThinkingBack.REQUIRED:
                made[at]["reasoning_content"] = thought
    return made


def _in_tool_turns(messages: Sequence[Message]) -> Iterator[int]:
    """Yield the places of the assistant's messages in turns in which it called tools; a turn begins with the user."""
    turn: list[int] = []
    called = False
    for at, message in enumerate(messages):
        if message.role is Role.USER:
            yield from turn if called else ()
            turn, called = [], False
        elif message.role is Role.ASSISTANT:
            turn.append(at)
            called = called or bool(message.tool_calls)
    yield from turn if called else ()


def _is_plain_thought(part: Part) -> TypeGuard[ThinkingPart]:
    """Whether `part` is reasoning without a proof: one with a proof is another vendor's."""
    return isinstance(part, ThinkingPart) and not part.signature and not part.redacted


def _message(message: Message) -> Json:
    match message.role:
        case Role.SYSTEM:
            made: Json = {"role": "system", "content": message.text}
        case Role.USER:
            made = {"role": "user", "content": _content(message.parts)}
        case Role.ASSISTANT:
            made = {"role": "assistant", "content": message.text or (None if message.tool_calls else "")}
            if message.tool_calls:
                made["tool_calls"] = [
                    {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                    for call in message.tool_calls
                ]
        case Role.TOOL:
            return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.text}
        case _:
            assert_never(message.role)
    if message.name:
        made["name"] = message.name
    return made


def _content(parts: tuple[Part, ...]) -> str | list[Json]:
    """Plain text as a string, which every server takes; anything else as parts."""
    if all(isinstance(part, TextPart) for part in parts):
        return "".join(part.text for part in parts if isinstance(part, TextPart))
    return [made for part in parts if (made := _part(part))]


def _part(part: Part) -> Json | None:
    match part:
        case TextPart():
            return {"type": "text", "text": part.text}
        case ImagePart():
            image: Json = {"url": part.url or _data_url(part.media_type, part.data)}
            if part.detail:
                image["detail"] = part.detail
            return {"type": "image_url", "image_url": image}
        case FilePart():
            file = {"filename": part.filename, "file_data": _data_url(part.media_type, part.data)}
            return {"type": "file", "file": file}
        case ThinkingPart():
            return None
        case _:
            assert_never(part)


def _data_url(media_type: str, data: bytes) -> str:
    return f"data:{media_type or 'application/octet-stream'};base64,{base64.b64encode(data).decode()}"


def _tool(tool: ToolDefinition) -> Json:
    function: Json = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.parameters:
        function["parameters"] = _decoded(tool.parameters, f"parameters of tool {tool.name}")
    if tool.strict:
        function["strict"] = True
    return {"type": "function", "function": function}


def _tool_choice(choice: ToolChoice) -> str | Json | None:
    match choice.mode:
        case ToolMode.DEFAULT:
            return None
        case ToolMode.AUTO | ToolMode.NONE | ToolMode.REQUIRED:
            return choice.mode.value
        case ToolMode.NAMED:
            return {"type": "function", "function": {"name": choice.name}}
        case _:
            assert_never(choice.mode)


def _decoded(text: str, what: str) -> Mapping[str, Any]:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidArgument(f"the {what} is not JSON: {error}", reason="INVALID_JSON_SCHEMA") from None
