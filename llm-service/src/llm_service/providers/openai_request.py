"""A question in OpenAI's chat-completions dialect, with the deviations of those who speak it too."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, assert_never, cast

from llm_service.domain.model.message import Message, Role, text_message
from llm_service.domain.model.model_family import effort_of_budget, nearest_effort
from llm_service.domain.model.profile import Quirks, ThinkingKnob
from llm_service.domain.model.request import CompletionRequest, ResponseForm
from llm_service.providers.dropped import as_called, unmarked
from llm_service.providers.openai_message import messages_of
from llm_service.providers.openai_tool import decoded_schema, put_tools
from llm_service.providers.tool_names import fit_tool_names

Json = dict[str, Any]
# Fields of ours that the caller may not set behind our back through `extra`.
_OURS: Final = frozenset(
    {"model", "messages", "input", "encoding_format", "stream", "stream_options", "tools", "tool_choice", "n"}
)
# Extra knobs that vendors take with embeddings, self-hosted servers aside.
_OF_EMBEDDINGS: Final = frozenset({"user"})
# Knobs of the responses surface that chat completions don't have.
_OF_RESPONSES: Final = frozenset(
    {"include", "max_tool_calls", "client_metadata", "context_management", "stream_options", "truncation", "moderation"}
)
# Knobs that ask for spoken answers, for which answers have no place here.
_OF_SOUND: Final = frozenset({"audio", "modalities"})
# What models that take no sampling take of it, and what says the same as nothing.
_ONE: Final = frozenset({"temperature", "top_p"})
_WITHOUT_EFFECT: Final[Mapping[str, object]] = {
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "logprobs": False,
    "top_logprobs": 0,
    "parallel_tool_calls": True,
    "n": 1,
}
# Where a question goes and with which key is the operator's: not even a proxy behind us is told otherwise.
# Lower case, without what stands between the words.
_OPERATORS: Final = frozenset(
    {
        *("baseurl", "apibase", "apikey", "apiversion", "endpoint", "host", "customhost", "proxy", "server", "url"),
        *("authorization", "headers", "extrabody", "extraheaders", "extraquery", "customllmprovider"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAiRequest:
    """The request's body, the knobs that were dropped, and what shortened names of tools stand for."""

    body: Json
    dropped: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict[str, str])


def request_of(request: CompletionRequest, quirks: Quirks) -> OpenAiRequest:
    """Return the request. Raises InvalidArgument for a schema or arguments that are not JSON."""
    asked, names = fit_tool_names(request, quirks.tool_names)
    family = quirks.families.of(request.model)
    effort = nearest_effort(request.reasoning.effort, family.efforts)
    lacks = quirks.lacks | family.lacking(effort)
    dropped: list[str] = []
    body: Json = {
        "model": request.model,
        "messages": messages_of(_with_schema(asked, quirks), quirks, quirks.media | family.media, dropped),
    }
    put_tools(body, asked, quirks, dropped)
    knobs = {**_sampling(asked, quirks), **_answer_form(asked, quirks), **_thinking(asked, quirks, effort)}
    for name, value in knobs.items():
        _put(body, dropped, name, value, known=name not in lacks)
    _put_extras(body, dropped, asked, quirks, lacks)
    dropped += [*_unfit(asked, quirks), *unmarked(asked)]
    if request.end_user and (quirks.passes is None or "user" in quirks.passes):
        body.setdefault("user", _user(request.end_user, quirks))
    if request.streaming:
        body["stream"] = True
        if quirks.stream_usage:
            body["stream_options"] = {"include_usage": True}
    return OpenAiRequest(body=body, dropped=as_called(dropped, request), names=names)


def _user(name: str, quirks: Quirks) -> str:
    """The caller's name for its user, or its digest when it is too long for the vendor (Claude Code's are)."""
    if quirks.longest_user is None or len(name) <= quirks.longest_user:
        return name
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[: quirks.longest_user]


def _put_extras(
    body: Json, dropped: list[str], request: CompletionRequest, quirks: Quirks, lacks: frozenset[str]
) -> None:
    for name, value in request.extra.items():
        if name in _OF_SOUND:
            value = _without_sound(name, value)  # noqa: PLW2901 - the same knob, as far as an answer can hold it
            if value != request.extra[name]:
                dropped.append(name)
        known = name not in lacks and not _is_foreign(name, request) and _is_passed(name, value, quirks)
        _put(body, dropped, name, value, known=known)
    if "store" in (quirks.passes or ()) and "metadata" in body and body.get("store") is not True:
        # OpenAI takes metadata of completions that it stores.
        del body["metadata"]
        dropped.append("metadata")
    if request.betas:
        dropped.append("anthropic-beta")


def embedding_extras(extra: Mapping[str, object], quirks: Quirks) -> tuple[Json, tuple[str, ...]]:
    """Return what of the extra knobs of an embedding goes on, and the names of what does not."""
    passed = {name: value for name, value in extra.items() if _is_passed(name, value, quirks)}
    if quirks.passes is not None:
        passed = {name: value for name, value in passed.items() if name in _OF_EMBEDDINGS}
    return passed, tuple(name for name in extra if name not in passed)


def _is_foreign(name: str, request: CompletionRequest) -> bool:
    """Whether a knob is one of another dialect: all of Anthropic's, and of responses those that chats don't have."""
    return request.surface == "messages" or (request.surface == "responses" and name in _OF_RESPONSES)


def _unfit(request: CompletionRequest, quirks: Quirks) -> list[str]:
    """Name what is cut to what the vendor takes, and a budget of thinking where there is no knob for one."""
    names: list[str] = []
    if quirks.most_stops is not None and len(request.sampling.stop) > quirks.most_stops:
        names.append("stop")
    if quirks.thinking is ThinkingKnob.NONE and request.reasoning.max_tokens and not request.reasoning.effort:
        names.append("reasoning_effort")
    return names


def _without_sound(name: str, value: object) -> object:
    if name == "audio" or not isinstance(value, list):
        return None if name == "audio" else value
    return [kind for kind in cast("list[object]", value) if kind != "audio"] or None


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
    if known or (name in _ONE and value == 1):
        body[name] = value
    elif not (name in _WITHOUT_EFFECT and value == _WITHOUT_EFFECT[name]):
        dropped.append(name)


def _sampling(request: CompletionRequest, quirks: Quirks) -> Json:
    sampling = request.sampling
    hot = quirks.hottest is not None and (sampling.temperature or 0.0) > quirks.hottest
    return {
        "temperature": quirks.hottest if hot else sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        quirks.max_tokens: sampling.max_output_tokens,
        "stop": list(sampling.stop[: quirks.most_stops]) or None,
        "seed": sampling.seed,
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
        "n": sampling.n,
        "logprobs": sampling.logprobs,
        "top_logprobs": sampling.top_logprobs,
        "parallel_tool_calls": sampling.parallel_tool_calls if request.tools else None,
    }


def _answer_form(request: CompletionRequest, quirks: Quirks) -> Json:
    wanted = request.response_format
    match wanted.form:
        case ResponseForm.TEXT:
            return {}
        case ResponseForm.JSON_OBJECT:
            return {"response_format": {"type": "json_object"}}
        case ResponseForm.JSON_SCHEMA if not quirks.json_schema:
            return {"response_format": {"type": "json_object"}}
        case ResponseForm.JSON_SCHEMA:
            schema: Json = {"name": wanted.name or "answer", "schema": decoded_schema(wanted.schema, "response_format")}
            if wanted.strict:
                schema["strict"] = True
            if wanted.description:
                schema["description"] = wanted.description
            return {"response_format": {"type": "json_schema", "json_schema": schema}}
        case _:
            assert_never(wanted.form)


def _with_schema(request: CompletionRequest, quirks: Quirks) -> Sequence[Message]:
    """The messages; for those who have a JSON mode without a schema with the schema in words."""
    wanted = request.response_format
    if wanted.form is not ResponseForm.JSON_SCHEMA or quirks.json_schema:
        return request.messages
    words = f"Answer with one JSON object that fits this JSON Schema:\n{wanted.schema}"
    return [*request.messages, text_message(Role.SYSTEM, words)]


def _thinking(request: CompletionRequest, quirks: Quirks, effort: str) -> Json:
    budget = request.reasoning.max_tokens
    if not effort and not budget:
        return {}
    wanted = effort != "none"
    match quirks.thinking:
        case ThinkingKnob.EFFORT:
            return {"reasoning_effort": effort or effort_of_budget(budget)}
        case ThinkingKnob.ENABLE_THINKING:
            return {"enable_thinking": wanted, "thinking_budget": budget or None}
        case ThinkingKnob.THINKING_TYPE:
            return {"thinking": {"type": "enabled" if wanted else "disabled"}}
        case ThinkingKnob.NONE:
            # A server of one's own may refuse to be told; only an effort that was asked for by name goes on.
            return {"reasoning_effort": effort or None}
        case _:
            assert_never(quirks.thinking)
