"""A question in Anthropic's Messages dialect."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, assert_never, cast

import orjson

from llm_service.domain.model.message import Role, ThinkingPart, with_a_turn
from llm_service.domain.model.profile import ANTHROPIC_TOOL_NAMES
from llm_service.domain.model.prompt_estimate import estimate_prompt
from llm_service.domain.model.request import CompletionRequest, ResponseForm, ToolDefinition, ToolMode
from llm_service.providers.anthropic_message import Block, cache_mark, system_of, turns_of
from llm_service.providers.anthropic_model import ClaudeTraits, traits_of
from llm_service.providers.anthropic_schema import with_one_type
from llm_service.providers.dropped import as_called, medium_of
from llm_service.providers.tool_names import fit_tool_names
from penstock_kit.errors import InvalidArgument

# The tool that stands for a schema where the model has none of its own.
ANSWER_TOOL: Final = "answer_as_json"
_DEFAULT_ANSWER: Final = 8192
_MAX_MARKS: Final = 4
_WORTH_CACHING: Final = 2048
_LEAST_BUDGET: Final = 1024
_BUDGETS: Final = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 32768}
_EFFORTS: Final = {"minimal": "low"}
_VERSION_WITH_SAMPLING: Final = "2023-06-01"
# Fields of the API as it is; any other is one of a beta and goes on with the header that asks for it, or not at all.
_PASSES: Final = frozenset({"cache_control", "container", "diagnostics", "inference_geo", "service_tier", "speed"})
_TIERS: Final = frozenset({"auto", "standard_only"})
_TOOL_FIELDS: Final = frozenset({"input_examples", "eager_input_streaming"})
_NOTHING: Final = (None, 0, False)
# Kinds of content that messages may have: those of the user, and those of the model.
_OF_USERS: Final = frozenset({"", "image", "file"})
_OF_ANSWERS: Final = frozenset({""})
_LACKS: Final = ("seed", "frequency_penalty", "presence_penalty", "logprobs", "top_logprobs")

Shape = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(slots=True, kw_only=True)
class AnthropicRequest:
    """The request: `body`, `headers` of its own, the knobs `dropped`, and whether a tool's argument is the answer.

    `names` are what shortened names of tools stand for.
    """

    body: Block
    headers: dict[str, str] = field(default_factory=dict[str, str])
    dropped: list[str] = field(default_factory=list[str])
    answers_by_tool: bool = False
    names: Mapping[str, str] = field(default_factory=dict[str, str])


def request_of(asked: CompletionRequest, shape: Shape) -> AnthropicRequest:
    """Return the request; `shape` turns a JSON schema into the subset that Anthropic keeps to.

    Raises InvalidArgument for a schema that is not JSON or a file Anthropic does not take.
    """
    request, names = fit_tool_names(asked, ANTHROPIC_TOOL_NAMES)
    messages = with_a_turn(request.messages)
    made = AnthropicRequest(body={"model": request.model, "messages": turns_of(messages)}, names=names)
    made.body["max_tokens"] = request.sampling.max_output_tokens or _DEFAULT_ANSWER
    traits = traits_of(request.model)
    if system := system_of(messages):
        made.body["system"] = system
    _put_tools(made, request, traits, shape)
    _put_answer_form(made, request, traits, shape)
    _put_thinking(made, request, traits)
    _put_sampling(made, request, traits)
    _put_extras(made, request)
    _put_cache_marks(made.body, request)
    if request.streaming:
        made.body["stream"] = True
    made.dropped = [*as_called((*made.dropped, *_foreign_media(request)), request)]
    return made


def _foreign_media(request: CompletionRequest) -> Iterator[str]:
    for message in request.messages:
        taken = _OF_ANSWERS if message.role is Role.ASSISTANT else _OF_USERS
        yield from (f"messages.{kind}" for part in message.parts if (kind := medium_of(part)) not in taken)


def _put_tools(made: AnthropicRequest, request: CompletionRequest, traits: ClaudeTraits, shape: Shape) -> None:
    if not request.tools:
        return
    strict = shape if traits.native_schema else None
    made.body["tools"] = [_tool(tool, made.dropped, strict) for tool in request.tools]
    match request.tool_choice.mode:
        case ToolMode.DEFAULT:
            choice: Block | None = None
        case ToolMode.AUTO | ToolMode.NONE:
            choice = {"type": request.tool_choice.mode.value}
        case ToolMode.REQUIRED:
            choice = {"type": "any"}
        case ToolMode.NAMED:
            choice = {"type": "tool", "name": request.tool_choice.name}
        case _:
            assert_never(request.tool_choice.mode)
    if request.sampling.parallel_tool_calls is False and request.tool_choice.mode is not ToolMode.NONE:
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    if choice:
        made.body["tool_choice"] = choice


def _tool(tool: ToolDefinition, dropped: list[str], strict: Shape | None) -> Block:
    """The tool; `strict` shapes the parameters that are kept to, None for models that keep to none."""
    mark = {"cache_control": cache_mark(tool.cache_ttl)} if tool.cache_ttl else {}
    if "type" in tool.extra:
        return {"name": tool.name, **tool.extra, **mark}
    dropped += [f"tools.{name}" for name in tool.extra if name not in _TOOL_FIELDS]
    extra = {name: value for name, value in tool.extra.items() if name in _TOOL_FIELDS}
    given: Block = _decoded(tool.parameters, f"parameters of tool {tool.name}") if tool.parameters else {}
    schema: Block = {"type": "object", "properties": {}, **given}
    kept = _kept_to(schema, strict) if tool.strict and strict else None
    made: Block = {"name": tool.name, "input_schema": kept or schema}
    if tool.description:
        made["description"] = tool.description
    if kept:
        made["strict"] = True
    elif tool.strict:
        dropped.append("tools.strict")
    return made | extra | mark


def _kept_to(schema: Block, shape: Shape) -> Block | None:
    """The parameters in the subset that the model can be kept to, None when they can't be put into it."""
    try:
        return _shaped(schema, shape)
    except InvalidArgument:
        return None


def _put_answer_form(made: AnthropicRequest, request: CompletionRequest, traits: ClaudeTraits, shape: Shape) -> None:
    wanted = request.response_format
    match wanted.form:
        case ResponseForm.TEXT:
            return
        case ResponseForm.JSON_OBJECT:
            _say(made.body, "Answer with one JSON object and nothing else.")
        case ResponseForm.JSON_SCHEMA:
            schema = _decoded(wanted.schema, "response_format")
            if traits.native_schema:
                made.body["output_config"] = {"format": {"type": "json_schema", "schema": _shaped(schema, shape)}}
            elif request.tools:
                # A forced answer would keep the model from calling the caller's tools.
                _say(made.body, f"End with one JSON object, nothing else, that fits this JSON Schema:\n{wanted.schema}")
            else:
                tool = {"name": ANSWER_TOOL, "input_schema": schema, "description": wanted.description or "The answer."}
                made.body |= {"tools": [tool], "tool_choice": {"type": "tool", "name": ANSWER_TOOL}}
                made.answers_by_tool = True
        case _:
            assert_never(wanted.form)


def _say(body: Block, text: str) -> None:
    body["system"] = [*body.get("system", ()), {"type": "text", "text": text}]


def _shaped(schema: Block, shape: Shape) -> Block:
    try:
        return shape(with_one_type(schema))
    except (ValueError, TypeError, AttributeError, AssertionError, RecursionError) as error:
        message = f"anthropic can't keep to the schema of response_format: {error}"
        raise InvalidArgument(message, reason="JSON_SCHEMA_INVALID") from error


def _put_thinking(made: AnthropicRequest, request: CompletionRequest, traits: ClaudeTraits) -> None:
    wanted = request.reasoning
    if not (wanted.effort or wanted.max_tokens or (wanted.include and not traits.budgeted_thinking)):
        return
    forced = made.body.get("tool_choice", {}).get("type") in {"any", "tool"}
    if wanted.effort == "none":
        if not traits.budgeted_thinking:
            made.body["thinking"] = {"type": "disabled"}
    elif forced:
        # A call that is forced is made without thinking, or refused.
        made.dropped.append("reasoning_effort")
    elif traits.budgeted_thinking:
        _put_budget(made, request)
    else:
        display = {"display": "summarized"} if wanted.include else {}
        made.body["thinking"] = {"type": "adaptive", **display}
        if effort := _EFFORTS.get(wanted.effort, wanted.effort) or _effort(wanted.max_tokens):
            made.body["output_config"] = {**made.body.get("output_config", {}), "effort": effort}


def _effort(budget: int) -> str:
    """The effort that a budget in tokens comes nearest to, for models that take no budget."""
    if not budget:
        return ""
    return "low" if budget <= _BUDGETS["low"] else "medium" if budget <= _BUDGETS["medium"] else "high"


def _put_budget(made: AnthropicRequest, request: CompletionRequest) -> None:
    """Thinking by a budget can't begin inside a round of tool calls."""
    if _in_unsigned_round(request):
        made.dropped.append("reasoning_effort")
        return
    budget = max(_LEAST_BUDGET, request.reasoning.max_tokens or _BUDGETS.get(request.reasoning.effort, 8192))
    asked = request.sampling.max_output_tokens
    if asked is None:
        made.body["max_tokens"] = budget + _DEFAULT_ANSWER
    elif asked <= _LEAST_BUDGET:
        made.dropped.append("reasoning_effort")
        return
    else:
        budget = min(budget, max(_LEAST_BUDGET, asked * 4 // 5))
    made.body["thinking"] = {"type": "enabled", "budget_tokens": budget}


def _in_unsigned_round(request: CompletionRequest) -> bool:
    last = next((message for message in reversed(request.messages) if message.role is Role.ASSISTANT), None)
    if last is None or not last.tool_calls or request.messages[-1].role is not Role.TOOL:
        return False
    return not any(isinstance(part, ThinkingPart) and (part.signature or part.redacted) for part in last.parts)


def _put_sampling(made: AnthropicRequest, request: CompletionRequest, traits: ClaudeTraits) -> None:
    """Temperature goes to 1 here, to 2 elsewhere. With thinking, or from Claude 4.7 on, there is none.

    The API's newest version has none for any model; where the model has, the last one that did is asked for.
    """
    sampling = request.sampling
    if sampling.stop:
        stops = [text for text in sampling.stop if text.strip()]
        if stops:
            made.body["stop_sequences"] = stops
        if len(stops) < len(sampling.stop):
            # Anthropic refuses those of white space alone.
            made.dropped.append("stop")
    dropped = [name for name in _LACKS if getattr(sampling, name) not in _NOTHING]
    if (sampling.n or 1) > 1:
        dropped.append("n")
    allowed = traits.sampling and "thinking" not in made.body
    knobs = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": sampling.top_k}
    for name, value in knobs.items():
        if value is None:
            continue
        if not allowed or (name == "top_p" and sampling.temperature is not None):
            dropped.append(name)
        else:
            made.body[name] = min(value, 1.0) if name == "temperature" else value
            made.headers["anthropic-version"] = _VERSION_WITH_SAMPLING
    made.dropped += dropped


def _put_extras(made: AnthropicRequest, request: CompletionRequest) -> None:
    for name, value in request.extra.items():
        if _is_taken(name, value, request):
            made.body[name] = value
        else:
            made.dropped.append(name)
    if request.betas:
        made.headers["anthropic-beta"] = ",".join(request.betas)
    if request.end_user:
        made.body["metadata"] = {"user_id": request.end_user}


def _is_taken(name: str, value: object, request: CompletionRequest) -> bool:
    """Whether the API takes the field: as it is, or because of the betas that the caller asked for with it."""
    if name == "service_tier":
        return value in _TIERS
    return name in _PASSES or bool(request.betas and request.surface == "messages")


def _put_cache_marks(body: Block, request: CompletionRequest) -> None:
    """Keep the caller's marks, the last four; without any, mark what the next turn will begin with, if it is long."""
    tools: list[Block] = body.get("tools", [])
    system: list[Block] = body.get("system", [])
    turns: list[Block] = body["messages"]
    blocks = [*tools, *system, *(block for turn in turns for block in turn["content"])]
    marked = [block for block in blocks if "cache_control" in block]
    most = _MAX_MARKS - ("cache_control" in body)
    for surplus in marked[:-most]:
        del surplus["cache_control"]
    if marked or "cache_control" in body or estimate_prompt(request) < _WORTH_CACHING:
        return
    asked: list[list[Block]] = [turn["content"] for turn in turns if turn["role"] == "user"]
    for group in (tools, system, *asked[-1:]):
        if group:
            group[-1]["cache_control"] = cache_mark()


def _decoded(text: str, what: str) -> Block:
    try:
        decoded = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidArgument(f"the {what} is not JSON: {error}", reason="JSON_SCHEMA_INVALID") from None
    if not isinstance(decoded, dict):
        raise InvalidArgument(f"the {what} is not a JSON object", reason="JSON_SCHEMA_INVALID")
    return cast(Block, decoded)
