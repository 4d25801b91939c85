"""An OpenAI chat request → the Completion proto."""

from dataclasses import dataclass
from typing import Final

from penstock.llm.v1 import llm_pb2 as pb

from gateway.dialects.openai.message import messages_to_proto
from gateway.dialects.openai.tool import add_functions, add_tools
from gateway.http.json import compact
from gateway.http.names import END_USER
from gateway.model_call.fields import Fields, JsonObject
from gateway.model_call.options import add_options
from gateway.model_call.response_format import FORMATS, add_response_format

_EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """What was asked, how to send the answer, and what of the request goes no further.

    `older_calls`: the caller speaks of functions, as before there were tools.
    """

    completion: pb.CompletionRequest
    stream: bool
    include_usage: bool
    older_calls: bool = False
    dropped: tuple[str, ...] = ()


def chat_request_from_json(body: JsonObject) -> ChatRequest:
    """Return the request in `body`; raise InvalidArgument whose first violation is OpenAI's ``param``.

    Fields without a place of their own go on as they are: the provider takes or drops them, and says which.
    """
    fields = Fields(body)
    stream = bool(fields.flag("stream"))
    completion = pb.CompletionRequest(
        model=fields.text("model"),
        messages=messages_to_proto(fields.items("messages")),
        surface="chat.completions",
        reasoning=pb.Reasoning(include=True),
    )
    dropped: list[str] = []
    include_usage = bool(fields.inner("stream_options").flag("include_usage"))
    older_calls = bool(fields.rest()) and _add_knobs(completion, fields, dropped)
    return ChatRequest(
        completion=completion,
        stream=stream,
        include_usage=include_usage,
        older_calls=older_calls,
        dropped=tuple(dropped),
    )


def _add_knobs(completion: pb.CompletionRequest, fields: Fields, dropped: list[str]) -> bool:
    """Take everything that most requests do without; return whether the caller speaks of functions."""
    completion.sampling.CopyFrom(_sampling(fields))
    completion.end_user = fields.text("user", most=END_USER)
    add_tools(completion, fields, dropped)
    older_calls = add_functions(completion, fields, dropped)
    form = fields.inner("response_format")
    kind = form.choice("type", FORMATS)
    add_response_format(completion, kind, form.inner("json_schema") if kind == "json_schema" else form)
    completion.reasoning.effort = fields.choice("reasoning_effort", _EFFORTS)
    add_options(completion, fields.inner("x_penstock"))
    rest = fields.rest()
    if rest:
        completion.extra_json = compact(rest, "body")
    return older_calls


def _sampling(fields: Fields) -> pb.Sampling:
    legacy = fields.integer("max_tokens", least=1)
    longest = fields.integer("max_completion_tokens", least=1)
    return pb.Sampling(
        temperature=fields.number("temperature", least=0, most=2),
        top_p=fields.number("top_p", least=0, most=1),
        top_k=fields.integer("top_k"),
        max_output_tokens=legacy if longest is None else longest,
        stop=fields.texts("stop"),
        seed=fields.integer("seed", least=-(2**63), most=2**63 - 1),
        frequency_penalty=fields.number("frequency_penalty", least=-2, most=2),
        presence_penalty=fields.number("presence_penalty", least=-2, most=2),
        n=fields.integer("n", least=1, most=128),
        logprobs=fields.flag("logprobs"),
        top_logprobs=fields.integer("top_logprobs", least=0, most=20),
        parallel_tool_calls=fields.flag("parallel_tool_calls"),
    )
