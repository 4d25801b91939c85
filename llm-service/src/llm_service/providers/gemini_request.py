"""A question in Gemini's generateContent dialect."""

import re
from typing import Any, Final, assert_never, cast

import orjson

from llm_service.domain.model.request import AnswerForm, Completion, ToolDefinition, ToolMode
from llm_service.providers.gemini_message import contents_of, system_of
from penstock_kit.errors import InvalidArgument

Json = dict[str, Any]
_GENERATION: Final = re.compile(r"gemini-(\d+)")
_NEWEST: Final = 99
_BUDGETS: Final = {"none": 0, "minimal": 512, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576, "max": 24576}
_LEVELS: Final = {
    "none": "MINIMAL",
    "minimal": "MINIMAL",
    "low": "LOW",
    "medium": "MEDIUM",
    "high": "HIGH",
    "xhigh": "HIGH",
    "max": "HIGH",
}
_PASSES: Final = {"safety_settings": "safetySettings", "cached_content": "cachedContent"}


def body_of(request: Completion) -> tuple[Json, tuple[str, ...]]:
    """Return the request body and the names of the knobs that Gemini does not have.

    Raises InvalidArgument for a schema that is not JSON.
    """
    newer = _generation(request.model) >= 3
    body: Json = {"contents": contents_of(request.messages, signed_calls=newer)}
    dropped: list[str] = []
    if system := system_of(request.messages):
        body["systemInstruction"] = system
    if request.tools:
        body["tools"] = [{"functionDeclarations": [_tool(tool) for tool in request.tools]}]
        if choice := _tool_choice(request):
            body["toolConfig"] = {"functionCallingConfig": choice}
    config = {**_sampling(request, dropped), **_thinking(request, newer), **_answer_form(request, body, newer)}
    if config:
        body["generationConfig"] = config
    for name, value in request.extra.items():
        if name in _PASSES:
            body[_PASSES[name]] = value
        else:
            dropped.append(name)
    return body, tuple(dropped)


def _generation(model: str) -> int:
    """The number in a model's name; a name without one is taken for the newest."""
    found = _GENERATION.search(model)
    return int(found[1]) if found else _NEWEST


def _tool(tool: ToolDefinition) -> Json:
    made: Json = {"name": tool.name}
    if tool.description:
        made["description"] = tool.description
    if tool.parameters:
        made["parametersJsonSchema"] = _decoded(tool.parameters, f"parameters of tool {tool.name}")
    return made


def _tool_choice(request: Completion) -> Json | None:
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


def _sampling(request: Completion, dropped: list[str]) -> Json:
    sampling = request.sampling
    several = (sampling.n or 1) > 1
    if several and request.streaming:
        dropped.append("n")
    if sampling.parallel_tool_calls is not None and request.tools:
        dropped.append("parallel_tool_calls")
    knobs = {
        "temperature": sampling.temperature,
        "topP": sampling.top_p,
        "topK": sampling.top_k,
        "maxOutputTokens": sampling.max_output_tokens,
        "stopSequences": list(sampling.stop) or None,
        "seed": sampling.seed,
        "frequencyPenalty": sampling.frequency_penalty,
        "presencePenalty": sampling.presence_penalty,
        "candidateCount": sampling.n if several and not request.streaming else None,
        "responseLogprobs": sampling.logprobs,
        "logprobs": sampling.top_logprobs if sampling.logprobs else None,
    }
    return {name: value for name, value in knobs.items() if value is not None}


def _thinking(request: Completion, newer: bool) -> Json:
    """From Gemini 3 on a level, before it a budget in tokens."""
    wanted = request.reasoning
    thinking: Json = {"includeThoughts": True} if wanted.include else {}
    if newer and (wanted.effort or wanted.max_tokens):
        thinking["thinkingLevel"] = _LEVELS.get(wanted.effort) or _level(wanted.max_tokens)
    elif wanted.effort or wanted.max_tokens:
        thinking["thinkingBudget"] = wanted.max_tokens or _BUDGETS.get(wanted.effort, -1)
    return {"thinkingConfig": thinking} if thinking else {}


def _level(budget: int) -> str:
    return "LOW" if budget <= _BUDGETS["low"] else "MEDIUM" if budget <= _BUDGETS["medium"] else "HIGH"


def _answer_form(request: Completion, body: Json, newer: bool) -> Json:
    """Before Gemini 3 a schema does not go with tools: then the schema is asked for in words."""
    wanted = request.response_format
    match wanted.form:
        case AnswerForm.TEXT:
            return {}
        case AnswerForm.JSON_OBJECT if newer or not request.tools:
            return {"responseMimeType": "application/json"}
        case AnswerForm.JSON_OBJECT:
            _say(body, "Answer with one JSON object and nothing else.")
            return {}
        case AnswerForm.JSON_SCHEMA if newer or not request.tools:
            schema = _decoded(wanted.schema, "response_format")
            return {"responseMimeType": "application/json", "responseJsonSchema": schema}
        case AnswerForm.JSON_SCHEMA:
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
        raise InvalidArgument(f"the {what} is not JSON: {error}", reason="INVALID_JSON_SCHEMA") from None
    if not isinstance(decoded, dict):
        raise InvalidArgument(f"the {what} is not a JSON object", reason="INVALID_JSON_SCHEMA")
    return cast(Json, decoded)
