"""A question in Gemini's generateContent dialect."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, assert_never, cast

import orjson

from llm_service.domain.model.message import with_a_turn
from llm_service.domain.model.profile import GEMINI_TOOL_NAMES
from llm_service.domain.model.request import CompletionRequest, ResponseForm, Sampling, ToolDefinition, ToolMode
from llm_service.providers.dropped import as_called, foreign_tool_fields, unmarked
from llm_service.providers.gemini_message import contents_of, system_of
from llm_service.providers.gemini_model import GeminiTraits, budget_of, level_of, traits_of
from llm_service.providers.tool_names import fit_tool_names
from penstock_kit.errors import InvalidArgument

Json = dict[str, Any]
_MOST_STOPS: Final = 5
# The sampling of models that take no other.
_OWN: Final = {"temperature": 1.0, "top_p": None, "top_k": None, "frequency_penalty": 0.0, "presence_penalty": 0.0}
_SHAPES: Final = {"aspect_ratio": "aspectRatio", "image_size": "imageSize"}
_PASSES: Final = {"safety_settings": "safetySettings", "cached_content": "cachedContent"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GeminiRequest:
    """The request's body, the knobs that were dropped, and what shortened names of tools stand for."""

    body: Json
    dropped: tuple[str, ...]
    names: Mapping[str, str]


def request_of(asked: CompletionRequest) -> GeminiRequest:
    """Return the request. Raises InvalidArgument for a schema that is not JSON."""
    request, names = fit_tool_names(asked, GEMINI_TOOL_NAMES)
    traits = traits_of(request.model)
    messages = with_a_turn(request.messages)
    body: Json = {"contents": contents_of(messages, traits)}
    dropped: list[str] = [*unmarked(request)]
    if traits.system and (system := system_of(messages)):
        body["systemInstruction"] = system
    _put_tools(body, request, traits, dropped)
    config = {
        **_sampling(request, traits, dropped),
        **_thinking(request, traits, dropped),
        **_answer_form(request, body, traits),
    }
    if config:
        body["generationConfig"] = config
    _put_extras(body, request, dropped)
    return GeminiRequest(body=body, dropped=as_called(dropped, request), names=names)


def _put_extras(body: Json, request: CompletionRequest, dropped: list[str]) -> None:
    for name, value in request.extra.items():
        if name == "modalities" and (kinds := _modalities(value)):
            body.setdefault("generationConfig", {})["responseModalities"] = kinds
        elif name == "image_config" and (shape := _picture_shape(value)):
            body.setdefault("generationConfig", {})["imageConfig"] = shape
        elif name in _PASSES:
            body[_PASSES[name]] = value
        else:
            dropped.append(name)
    if request.betas:
        dropped.append("anthropic-beta")


def _modalities(value: object) -> list[str]:
    """What the answer may hold, in Gemini's words; empty when there is anything for which answers have no place."""
    kinds = cast("list[object]", value) if isinstance(value, list) else []
    return [str(kind).upper() for kind in kinds] if set(map(str, kinds)) <= {"text", "image"} else []


def _picture_shape(value: object) -> Json:
    """How the pictures of the answer should be; empty when it says anything that is not known."""
    wanted = cast(Json, value) if isinstance(value, dict) else {}
    return {_SHAPES[name]: each for name, each in wanted.items()} if wanted.keys() <= _SHAPES.keys() else {}


def _put_tools(body: Json, request: CompletionRequest, traits: GeminiTraits, dropped: list[str]) -> None:
    dropped += foreign_tool_fields(request)
    tools = [tool for tool in request.tools if "type" not in tool.extra]
    if not tools:
        return
    if not traits.tools:
        dropped.append("tools")
        return
    body["tools"] = [{"functionDeclarations": [_tool(tool) for tool in tools]}]
    if request.tool_choice.mode is ToolMode.NAMED and all(tool.name != request.tool_choice.name for tool in tools):
        dropped.append("tool_choice")
    elif choice := _tool_choice(request):
        body["toolConfig"] = {"functionCallingConfig": choice}


def _tool(tool: ToolDefinition) -> Json:
    made: Json = {"name": tool.name}
    if tool.description:
        made["description"] = tool.description
    if tool.parameters:
        made["parametersJsonSchema"] = _decoded(tool.parameters, f"parameters of tool {tool.name}")
    return made


def _tool_choice(request: CompletionRequest) -> Json | None:
    match request.tool_choice.mode:
        case ToolMode.DEFAULT:
            return None
        case ToolMode.AUTO | ToolMode.NONE:
            return {"mode": request.tool_choice.mode.value.upper()}
        case ToolMode.REQUIRED:
            return {"mode": "ANY"}
        case ToolMode.NAMED:
            return {"mode": "ANY", "allowedFunctionNames": [request.tool_choice.name]}
        case _:
            assert_never(request.tool_choice.mode)


def _sampling(request: CompletionRequest, traits: GeminiTraits, dropped: list[str]) -> Json:
    sampling = request.sampling if traits.sampling else _without_sampling(request.sampling, dropped)
    if len(sampling.stop) > _MOST_STOPS:
        dropped.append("stop")
    several = (sampling.n or 1) > 1
    if several and request.streaming:
        dropped.append("n")
    if sampling.parallel_tool_calls is False and request.tools:
        dropped.append("parallel_tool_calls")
    knobs = {
        "temperature": sampling.temperature,
        "topP": sampling.top_p,
        "topK": sampling.top_k,
        "maxOutputTokens": sampling.max_output_tokens,
        "stopSequences": list(sampling.stop[:_MOST_STOPS]) or None,
        "seed": sampling.seed,
        "frequencyPenalty": sampling.frequency_penalty,
        "presencePenalty": sampling.presence_penalty,
        "candidateCount": sampling.n if several and not request.streaming else None,
        "responseLogprobs": sampling.logprobs,
        "logprobs": sampling.top_logprobs if sampling.logprobs else None,
    }
    return {name: value for name, value in knobs.items() if value is not None}


def _without_sampling(sampling: Sampling, dropped: list[str]) -> Sampling:
    """For models that take no sampling but their own: what is beyond its defaults is named."""
    dropped += [name for name, own in _OWN.items() if getattr(sampling, name) not in {None, own}]
    return replace(sampling, **dict.fromkeys(_OWN))


def _thinking(request: CompletionRequest, traits: GeminiTraits, dropped: list[str]) -> Json:
    """From Gemini 3 on a level, before it a budget in tokens, nothing for models that don't think."""
    wanted = request.reasoning
    asked = bool(wanted.effort or wanted.max_tokens)
    if not traits.thinks:
        if asked and wanted.effort != "none":
            dropped.append("reasoning_effort")
        return {}
    thinking: Json = {"includeThoughts": True} if wanted.include else {}
    if asked and traits.levels:
        thinking["thinkingLevel"] = level_of(traits, wanted.effort, wanted.max_tokens)
    elif asked:
        thinking["thinkingBudget"] = budget_of(traits, wanted.effort, wanted.max_tokens)
    return {"thinkingConfig": thinking} if thinking else {}


def _answer_form(request: CompletionRequest, body: Json, traits: GeminiTraits) -> Json:
    """Before Gemini 3 a schema does not go with tools: then the schema is asked for in words."""
    wanted, newer = request.response_format, traits.schema_with_tools
    match wanted.form:
        case ResponseForm.TEXT:
            return {}
        case ResponseForm.JSON_OBJECT if newer or not request.tools:
            return {"responseMimeType": "application/json"}
        case ResponseForm.JSON_OBJECT:
            _say(body, "Answer with one JSON object and nothing else.")
            return {}
        case ResponseForm.JSON_SCHEMA if newer or not request.tools:
            schema = _decoded(wanted.schema, "response_format")
            return {"responseMimeType": "application/json", "responseJsonSchema": schema}
        case ResponseForm.JSON_SCHEMA:
            _say(body, f"End with one JSON object, nothing else, that fits this JSON Schema:\n{wanted.schema}")
            return {}
        case _:
            assert_never(wanted.form)


def _say(body: Json, text: str) -> None:
    body.setdefault("systemInstruction", {"parts": []})["parts"].append({"text": text})


def _decoded(text: str, what: str) -> Json:
    try:
        decoded = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidArgument(f"the {what} is not JSON: {error}", reason="JSON_SCHEMA_INVALID") from None
    if not isinstance(decoded, dict):
        raise InvalidArgument(f"the {what} is not a JSON object", reason="JSON_SCHEMA_INVALID")
    return cast(Json, decoded)
