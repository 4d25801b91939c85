"""An Anthropic request → the Completion proto."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from penstock.common.v1.common_pb2 import ToolDefinition
from penstock.llm.v1 import llm_pb2 as pb

from gateway.dialects.anthropic.content import cache_ttl
from gateway.dialects.anthropic.message import messages_to_proto
from gateway.http.json import compact
from gateway.http.names import END_USER
from gateway.model_call.fields import Fields, JsonObject, reject_field
from gateway.model_call.options import add_options

_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")
_MODES: Final = {
    "auto": pb.ToolChoice.MODE_AUTO,
    "any": pb.ToolChoice.MODE_REQUIRED,
    "none": pb.ToolChoice.MODE_NONE,
    "tool": pb.ToolChoice.MODE_NAMED,
}
_THINKING: Final = ("enabled", "adaptive", "disabled", "between_tools")
_LEAST_THINKING: Final = 1024
# Tools of Anthropic's own form that the caller runs; any other form is of tools that Anthropic runs.
_RUN_BY_CALLER: Final = ("bash_", "text_editor_", "computer_", "memory_")


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRequest:
    """What was asked, how to send the answer, and what of the request goes no further."""

    completion: pb.CompletionRequest
    stream: bool
    dropped: tuple[str, ...] = ()


def message_request_from_json(body: JsonObject, *, counting: bool = False, betas: Sequence[str] = ()) -> MessageRequest:
    """Return the request in `body`; raise InvalidArgument naming the field that is wrong.

    `counting`: for count_tokens, which needs no ``max_tokens``. `betas` are what the caller's ``anthropic-beta`` asks
    for: they go on with the fields that they enable. Fields without a place of their own go on as
    they are: the provider takes or drops them, and says which.
    """
    fields, dropped = Fields(body), list[str]()
    stream = bool(fields.flag("stream"))
    completion = pb.CompletionRequest(
        model=fields.text("model"),
        messages=messages_to_proto(fields.take("system"), fields.items("messages"), dropped),
        sampling=_sampling(fields, counting=counting),
        end_user=fields.inner("metadata").text("user_id", most=END_USER),
        surface="messages",
        betas=betas,
    )
    _add_tools(completion, fields, dropped)
    _add_thinking(completion, fields.inner("thinking"), dropped)
    _add_output(completion, fields)
    add_options(completion, fields.inner("x_penstock"))
    rest = fields.rest()
    if rest:
        completion.extra_json = compact(rest, "body")
    return MessageRequest(completion=completion, stream=stream, dropped=tuple(dropped))


def _sampling(fields: Fields, *, counting: bool) -> pb.Sampling:
    longest = fields.integer("max_tokens", least=1)
    if longest is None and not counting:
        reject_field("max_tokens", "is required: the most tokens the answer may have")
    return pb.Sampling(
        temperature=fields.number("temperature", least=0, most=1),
        top_p=fields.number("top_p", least=0, most=1),
        top_k=fields.integer("top_k", least=0),
        max_output_tokens=longest,
        stop=fields.texts("stop_sequences"),
    )


def _add_tools(completion: pb.CompletionRequest, fields: Fields, dropped: list[str]) -> None:
    for index, item in enumerate(fields.items("tools")):
        if tool := _tool(Fields(item, f"tools[{index}]"), dropped):
            completion.tools.append(tool)
    choice = fields.inner("tool_choice")
    kind = choice.text("type")
    if not kind:
        return
    if kind not in _MODES:
        reject_field(choice.at("type"), f"must be one of {', '.join(_MODES)}, not {kind!r}")
    name = choice.required("name") if kind == "tool" else ""
    if name and dropped and all(tool.name != name for tool in completion.tools):
        dropped.append("tool_choice")  # of a tool that was dropped
    else:
        completion.tool_choice.CopyFrom(pb.ToolChoice(mode=_MODES[kind], name=name))
    if choice.flag("disable_parallel_tool_use"):
        completion.sampling.parallel_tool_calls = False


def _tool(fields: Fields, dropped: list[str]) -> ToolDefinition | None:
    """Return a tool that the caller runs; one that Anthropic runs is not offered here and named in `dropped`."""
    kind = fields.text("type", "custom")
    own_form = kind.startswith(_RUN_BY_CALLER)
    if kind != "custom" and not own_form:
        dropped.append(f"tools.{kind}")
        return None
    schema = fields.inner("input_schema").rest()
    tool = ToolDefinition(
        name=fields.required("name"),
        description=fields.text("description"),
        parameters_json=compact(schema, fields.at("input_schema")) if schema else "",
        strict=bool(fields.flag("strict")),
        cache_ttl=cache_ttl(fields),
    )
    extra = {"type": kind, **fields.rest()} if own_form else fields.rest()
    if extra:
        tool.extra_json = compact(extra, fields.path)
    return tool


def _add_thinking(completion: pb.CompletionRequest, fields: Fields, dropped: list[str]) -> None:
    kind = fields.choice("type", _THINKING)
    if kind == "enabled":
        completion.reasoning.max_tokens = fields.integer("budget_tokens", least=_LEAST_THINKING) or 0
    elif kind == "disabled":
        completion.reasoning.effort = "none"
    shown = fields.text("display") != "omitted"
    completion.reasoning.include = kind not in {"", "disabled"} and shown
    dropped += [f"thinking.{name}" for name in fields.rest()]


def _add_output(completion: pb.CompletionRequest, fields: Fields) -> None:
    """Take the wanted form of the answer, from ``output_config`` or the older ``output_format``."""
    older = fields.inner("output_format")
    config = fields.inner("output_config")
    effort = config.choice("effort", _EFFORTS)
    if effort and completion.reasoning.effort != "none":
        completion.reasoning.effort = effort
    form = config.inner("format")
    if not form.rest():
        form = older
    if form.choice("type", ("json_schema",)):
        target = completion.response_format
        target.kind = pb.ResponseFormat.KIND_JSON_SCHEMA
        target.name = "answer"
        target.strict = True
        target.schema_json = compact(form.inner("schema").rest(), form.at("schema"))
