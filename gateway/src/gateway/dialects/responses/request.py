"""A Responses request → the Completion proto, and what of it the answer repeats."""

from dataclasses import dataclass
from typing import Any, Final

from penstock.llm.v1 import llm_pb2 as pb

from gateway.dialects.responses.echo import ResponseEcho, echo_from_json
from gateway.dialects.responses.message import messages_to_proto
from gateway.dialects.responses.tool import ResponseTools
from gateway.http.json import compact
from gateway.http.names import END_USER
from gateway.model_call.fields import Fields, JsonObject, reject_field
from gateway.model_call.options import add_options
from gateway.model_call.response_format import FORMATS, add_response_format
from gateway.model_call.tool_choice import MODES, choose_named, keep_allowed
from penstock_kit.errors import FieldViolation, InvalidArgument

_EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_LOGPROBS: Final = "message.output_text.logprobs"
# What would need something kept between requests; nothing is.
_STORED: Final = {
    "previous_response_id": "responses are not stored here; send the whole conversation as input",
    "conversation": "OpenAI's conversations are not kept here; send the whole conversation as input",
    "prompt": "prompts are not stored here; send the text as instructions",
}
# How to show reasoning: all that vendors show is shown.
_SHOWN: Final = frozenset({"summary", "generate_summary"})
_INCLUDED: Final = frozenset({_LOGPROBS, "reasoning.encrypted_content"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseRequest:
    """What was asked, how to send the answer, in which form it is, and what of the request goes no further."""

    completion: pb.CompletionRequest
    stream: bool
    form: ResponseEcho
    dropped: tuple[str, ...] = ()


def response_request_from_json(body: JsonObject) -> ResponseRequest:
    """Return the request in `body`; raise InvalidArgument whose first violation is OpenAI's ``param``."""
    fields, tools, dropped = Fields(body), ResponseTools(), list[str]()
    _refuse_stored(fields)
    echo = echo_from_json(body)
    stream = bool(fields.flag("stream"))
    tools.add(fields.items("tools"), "tools")
    completion = pb.CompletionRequest(
        model=fields.text("model"),
        messages=messages_to_proto(fields.text("instructions"), fields.take("input"), tools),
        tools=tools.definitions,
        sampling=_sampling(fields, dropped),
        reasoning=_reasoning(fields.inner("reasoning"), dropped),
        end_user=fields.text("safety_identifier", most=END_USER) or fields.text("user", most=END_USER),
        surface="responses",
    )
    _add_choice(completion, fields.take("tool_choice"), tools)
    extra = _add_text(completion, fields.inner("text"), dropped)
    add_options(completion, fields.inner("x_penstock"))
    _drop_kept(fields, dropped)
    extra |= fields.rest()
    if extra:
        completion.extra_json = compact(extra, "body")
    form = ResponseEcho(echo=echo, tools=tools)
    return ResponseRequest(completion=completion, stream=stream, form=form, dropped=(*tools.dropped, *dropped))


def _drop_kept(fields: Fields, dropped: list[str]) -> None:
    """Take what asks how to keep or to show, and changes no answer; what is not done is named."""
    if fields.flag("store"):
        dropped.append("store")
    if fields.text("truncation") == "auto":
        dropped.append("truncation")
    if fields.inner("stream_options").flag("include_obfuscation"):
        dropped.append("stream_options")
    for name in ("metadata", "user"):
        fields.take(name)


def _refuse_stored(fields: Fields) -> None:
    for name, description in _STORED.items():
        if fields.take(name):
            violation = FieldViolation(field=name, description=description)
            reason = "PREVIOUS_RESPONSE_NOT_FOUND" if name == "previous_response_id" else "REQUEST_INVALID"
            raise InvalidArgument(f"{name}: {description}", reason=reason, violations=[violation])
    if fields.flag("background"):
        reject_field("background", "responses are not kept here, so they cannot run in the background; use stream")


def _sampling(fields: Fields, dropped: list[str]) -> pb.Sampling:
    included = fields.texts("include")
    if not _INCLUDED.issuperset(included):
        dropped.append("include")
    logprobs = True if _LOGPROBS in included else None
    return pb.Sampling(
        temperature=fields.number("temperature", least=0, most=2),
        top_p=fields.number("top_p", least=0, most=1),
        max_output_tokens=fields.integer("max_output_tokens", least=1),
        parallel_tool_calls=fields.flag("parallel_tool_calls"),
        logprobs=logprobs,
        top_logprobs=fields.integer("top_logprobs", least=0, most=20),
    )


def _reasoning(fields: Fields, dropped: list[str]) -> pb.Reasoning:
    effort = fields.choice("effort", _EFFORTS)
    dropped += [f"reasoning.{name}" for name in fields.rest() if name not in _SHOWN]
    return pb.Reasoning(effort=effort, include=True)


def _add_choice(completion: pb.CompletionRequest, choice: Any, tools: ResponseTools) -> None:
    if choice is None:
        return
    if isinstance(choice, str):
        if choice not in MODES:
            reject_field("tool_choice", f"must be none, auto, required or a tool, not {choice!r}")
        completion.tool_choice.mode = MODES[choice]
        return
    fields = Fields(choice, "tool_choice")
    kind = fields.text("type")
    if kind == "allowed_tools":
        mode, path = fields.choice("mode", ("auto", "required"), "auto"), fields.at("tools")
        entries = [Fields(item, f"{path}[{index}]") for index, item in enumerate(fields.items("tools"))]
        keep_allowed(completion, {name for entry in entries for name in tools.names(entry)}, mode)
    elif kind in {"function", "custom"}:
        if not fields.rest().get("name"):
            reject_field("tool_choice.name", "is required")
        offered = [tool.name for tool in completion.tools]
        named = tools.names(fields)
        choose_named(completion, next((name for name in offered if name in named), min(named)), tools.dropped)
    else:
        tools.dropped.append("tool_choice")  # a tool that the vendor runs


def _add_text(completion: pb.CompletionRequest, fields: Fields, dropped: list[str]) -> JsonObject:
    """Take the form of the text; return the knobs that chats have of their own."""
    form = fields.inner("format")
    add_response_format(completion, form.choice("type", FORMATS), form)
    verbosity = fields.text("verbosity")
    dropped += [f"text.{name}" for name in fields.rest()]
    return {"verbosity": verbosity} if verbosity else {}
