"""Requests from protobuf."""

import json
from collections.abc import Callable
from math import isfinite
from typing import Any, Final, cast

from penstock.common.v1 import common_pb2
from penstock.llm.v1 import llm_pb2

from llm_service.domain.model.message import (
    CallPart,
    FilePart,
    ImagePart,
    Message,
    Part,
    Role,
    TextPart,
    ThinkingPart,
    ToolCall,
)
from llm_service.domain.model.provider import EmbeddingRequest
from llm_service.domain.model.request import (
    CachePolicy,
    CompletionRequest,
    Reasoning,
    ResponseForm,
    ResponseFormat,
    Sampling,
    ToolChoice,
    ToolDefinition,
    ToolMode,
)
from penstock_kit.errors import FieldViolation, InvalidArgument

_ROLES: Final = {
    llm_pb2.ROLE_SYSTEM: Role.SYSTEM,
    llm_pb2.ROLE_USER: Role.USER,
    llm_pb2.ROLE_ASSISTANT: Role.ASSISTANT,
    llm_pb2.ROLE_TOOL: Role.TOOL,
}
_MODES: Final = {
    llm_pb2.ToolChoice.MODE_UNSPECIFIED: ToolMode.DEFAULT,
    llm_pb2.ToolChoice.MODE_AUTO: ToolMode.AUTO,
    llm_pb2.ToolChoice.MODE_NONE: ToolMode.NONE,
    llm_pb2.ToolChoice.MODE_REQUIRED: ToolMode.REQUIRED,
    llm_pb2.ToolChoice.MODE_NAMED: ToolMode.NAMED,
}
_FORMS: Final = {
    llm_pb2.ResponseFormat.KIND_UNSPECIFIED: ResponseForm.TEXT,
    llm_pb2.ResponseFormat.KIND_TEXT: ResponseForm.TEXT,
    llm_pb2.ResponseFormat.KIND_JSON_OBJECT: ResponseForm.JSON_OBJECT,
    llm_pb2.ResponseFormat.KIND_JSON_SCHEMA: ResponseForm.JSON_SCHEMA,
}
_SAMPLING: Final = (
    "temperature",
    "top_p",
    "top_k",
    "max_output_tokens",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "n",
    "logprobs",
    "top_logprobs",
    "parallel_tool_calls",
)
# What of them is a number of something, which no vendor takes below zero.
# Choices of one answer: the offline provider makes each of them.
_MOST_CHOICES: Final = 128
_COUNTS: Final = frozenset({"max_output_tokens", "n", "top_logprobs"})
_MAX_INPUTS: Final = 2048
# No model has longer vectors; and what an answer of vectors may hold, which is a message of 16 MB.
_MAX_DIMENSIONS: Final = 8192
_MAX_NUMBERS: Final = 4 * 1024 * 1024
# What most requests leave out is not built anew for each.
_NO_CHOICE: Final = ToolChoice()
_TEXT: Final = ResponseFormat()
_NO_SAMPLING: Final = Sampling()
_NO_REASONING: Final = Reasoning()
_NO_CACHE: Final = CachePolicy()


def completion_request_from_proto(
    proto: llm_pb2.CompletionRequest, *, streaming: bool, check_url: Callable[[str], None]
) -> CompletionRequest:
    """Return the question. Raises InvalidArgument naming the field that is wrong, or what `check_url` raises."""
    if not proto.messages:
        raise _wrong("messages", "there is no message; at least one is needed")
    return CompletionRequest(
        model=proto.model,
        streaming=streaming,
        messages=tuple([_message(message, at, check_url) for at, message in enumerate(proto.messages)]),
        tools=tuple(_tool(tool, at) for at, tool in enumerate(proto.tools)) if proto.tools else (),
        tool_choice=_tool_choice(proto) if proto.HasField("tool_choice") else _NO_CHOICE,
        response_format=_response_format(proto.response_format) if proto.HasField("response_format") else _TEXT,
        sampling=_sampling(proto.sampling) if proto.HasField("sampling") else _NO_SAMPLING,
        reasoning=_reasoning(proto.reasoning) if proto.HasField("reasoning") else _NO_REASONING,
        cache=_cache(proto.cache) if proto.HasField("cache") else _NO_CACHE,
        extra=_extra(proto.extra_json),
        policy=proto.policy,
        exclude_providers=tuple(proto.exclude_providers) if proto.exclude_providers else (),
        end_user=proto.end_user,
        idempotency_key=proto.idempotency_key,
        surface=proto.surface,
        labels=dict(proto.labels) if proto.labels else {},
        betas=tuple(proto.betas) if proto.betas else (),
        size=proto.ByteSize(),
    )


def embedding_request_from_proto(proto: llm_pb2.EmbedRequest) -> EmbeddingRequest:
    """Return the question for vectors. Raises InvalidArgument naming the field that is wrong."""
    count = len(proto.inputs) or len(proto.token_inputs)
    if not count:
        raise _wrong("inputs", "there is no input; send texts or token ids")
    if proto.inputs and proto.token_inputs:
        raise _wrong("token_inputs", "texts and token ids can't be mixed")
    if count > _MAX_INPUTS:
        raise _wrong("inputs", f"{count} inputs are too many; at most {_MAX_INPUTS}")
    if not 0 <= proto.dimensions <= _MAX_DIMENSIONS:
        raise _wrong(
            "dimensions", f"{proto.dimensions} is out of range; from 1 to {_MAX_DIMENSIONS}, 0 for the model's"
        )
    if count * proto.dimensions > _MAX_NUMBERS:
        raise _wrong("dimensions", f"{count} inputs of {proto.dimensions} make more than {_MAX_NUMBERS} numbers")
    return EmbeddingRequest(
        model=proto.model,
        inputs=tuple(proto.inputs),
        token_inputs=tuple(tuple(item.tokens) for item in proto.token_inputs),
        dimensions=proto.dimensions,
        end_user=proto.end_user,
        idempotency_key=proto.idempotency_key,
        extra=_extra(proto.extra_json),
    )


def _message(proto: llm_pb2.Message, at: int, check_url: Callable[[str], None]) -> Message:
    role = _ROLES.get(proto.role)
    if role is None:
        raise _wrong(f"messages[{at}].role", "the role is missing; it is one of system, user, assistant, tool")
    return Message(
        role=role,
        parts=tuple([part for item in proto.parts if (part := _part(item, check_url))]),
        tool_calls=tuple(map(_tool_call, proto.tool_calls)) if proto.tool_calls else (),
        tool_call_id=proto.tool_call_id,
        name=proto.name,
        is_error=proto.is_error,
    )


def _part(proto: llm_pb2.Part, check_url: Callable[[str], None]) -> Part | None:
    match proto.WhichOneof("part"):
        case "text":
            return TextPart(text=proto.text, cache_ttl=proto.cache_ttl)
        case "image":
            image = proto.image
            if image.url:
                check_url(image.url)
            return ImagePart(
                url=image.url,
                data=image.data,
                media_type=image.media_type,
                detail=image.detail,
                cache_ttl=proto.cache_ttl,
            )
        case "thinking":
            thinking = proto.thinking
            return ThinkingPart(text=thinking.text, signature=thinking.signature, redacted=thinking.redacted)
        case "file":
            file = proto.file
            if file.url:
                check_url(file.url)
            return FilePart(
                filename=file.filename,
                data=file.data,
                media_type=file.media_type,
                cache_ttl=proto.cache_ttl,
                url=file.url,
            )
        case "tool_call":
            if proto.tool_call < 0:
                raise _wrong("tool_call", f"{proto.tool_call} is no index of a call; they begin with 0")
            return CallPart(index=proto.tool_call)
        case _:
            return None


def _tool_call(proto: common_pb2.ToolCall) -> ToolCall:
    return ToolCall(id=proto.id, name=proto.name, arguments=proto.arguments_json)


def _tool(proto: common_pb2.ToolDefinition, at: int) -> ToolDefinition:
    if not proto.name:
        raise _wrong(f"tools[{at}].name", "the tool has no name")
    if proto.parameters_json:
        _json_object(proto.parameters_json, f"tools[{at}].parameters_json")
    return ToolDefinition(
        name=proto.name,
        description=proto.description,
        parameters=proto.parameters_json,
        strict=proto.strict,
        cache_ttl=proto.cache_ttl,
        extra=_json_object(proto.extra_json, f"tools[{at}].extra_json") if proto.extra_json else {},
    )


def _tool_choice(proto: llm_pb2.CompletionRequest) -> ToolChoice:
    mode = _MODES.get(proto.tool_choice.mode)
    if mode is None:
        raise _wrong("tool_choice.mode", f"{proto.tool_choice.mode} is none; it is one of auto, none, required, named")
    choice = ToolChoice(mode=mode, name=proto.tool_choice.name)
    names = {tool.name for tool in proto.tools}
    if choice.mode is ToolMode.NAMED and choice.name not in names:
        raise _wrong("tool_choice.name", f"there is no tool {choice.name!r}; there are: {', '.join(sorted(names))}")
    return choice


def _response_format(proto: llm_pb2.ResponseFormat) -> ResponseFormat:
    form = _FORMS.get(proto.kind)
    if form is None:
        raise _wrong("response_format.kind", f"{proto.kind} is none; it is one of text, json_object, json_schema")
    if form is ResponseForm.JSON_SCHEMA:
        _json_object(proto.schema_json, "response_format.schema_json")
    return ResponseFormat(
        form=form, name=proto.name, schema=proto.schema_json, strict=proto.strict, description=proto.description
    )


def _sampling(proto: llm_pb2.Sampling) -> Sampling:
    given: dict[str, Any] = {name: getattr(proto, name) for name in _SAMPLING if proto.HasField(cast(Any, name))}
    for name, value in given.items():
        if not isfinite(value):
            raise _wrong(f"sampling.{name}", f"{value:g} is no finite number")
        if name in _COUNTS and value < 0:
            raise _wrong(f"sampling.{name}", f"{value} is below 0")
        if name == "n" and value > _MOST_CHOICES:
            raise _wrong("sampling.n", f"{value} is above {_MOST_CHOICES}")
    # An empty one ends nothing; clients with a form for it send it all the same, and vendors refuse it.
    return Sampling(stop=tuple(filter(None, proto.stop)), **given)


def _reasoning(proto: llm_pb2.Reasoning) -> Reasoning:
    if proto.max_tokens < 0:
        raise _wrong("reasoning.max_tokens", f"{proto.max_tokens} is below 0; 0 is by effort")
    return Reasoning(effort=proto.effort, max_tokens=proto.max_tokens, include=proto.include)


def _cache(proto: llm_pb2.CachePolicy) -> CachePolicy:
    if not 0 <= proto.threshold <= 1:
        raise _wrong("cache.threshold", f"{proto.threshold:g} is out of range; from 0 to 1, 0 for the operator's")
    return CachePolicy(
        bypass=proto.bypass, exact=proto.exact, own=proto.own, semantic=proto.semantic, threshold=proto.threshold
    )


def _extra(text: str) -> dict[str, object]:
    return _json_object(text, "extra_json") if text else {}


def _json_object(text: str, field: str) -> dict[str, object]:
    try:
        decoded = json.loads(text)
    except ValueError as error:
        raise _wrong(field, f"it is not JSON: {error}") from None
    except RecursionError:
        raise _wrong(field, "it is nested too deeply") from None
    if not isinstance(decoded, dict):
        raise _wrong(field, "it is not a JSON object")
    return cast(dict[str, object], decoded)


def _wrong(field: str, description: str) -> InvalidArgument:
    violation = FieldViolation(field=field, description=description)
    return InvalidArgument(f"{field}: {description}", reason="REQUEST_INVALID", violations=[violation])
