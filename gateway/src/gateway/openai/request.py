"""An OpenAI chat request → the Completion proto."""

from dataclasses import dataclass
from typing import Final

from penstock.llm.v1 import llm_pb2 as pb

from gateway.json import compact
from gateway.openai.field import Fields, JsonObject
from gateway.openai.message import messages_to_proto
from gateway.openai.tool import add_tools

_EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_POLICIES: Final = ("order", "weight", "cost", "latency", "hedge")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """What was asked, how to send the answer, and what of the request goes no further."""

    completion: pb.CompletionRequest
    stream: bool
    include_usage: bool
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
    include_usage = bool(fields.rest()) and _add_knobs(completion, fields, dropped)
    return ChatRequest(completion=completion, stream=stream, include_usage=include_usage, dropped=tuple(dropped))


def _add_knobs(completion: pb.CompletionRequest, fields: Fields, dropped: list[str]) -> bool:
    """Take everything that most requests do without; return whether the stream should end with the usage."""
    include_usage = bool(fields.inner("stream_options").flag("include_usage"))
    completion.sampling.CopyFrom(_sampling(fields))
    completion.end_user = fields.text("user")
    add_tools(completion, fields, dropped)
    _add_response_format(completion, fields.inner("response_format"))
    completion.reasoning.effort = fields.choice("reasoning_effort", _EFFORTS)
    add_own(completion, fields.inner("x_penstock"))
    rest = fields.rest()
    if rest:
        completion.extra_json = compact(rest, "body")
    return include_usage


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


def _add_response_format(completion: pb.CompletionRequest, fields: Fields) -> None:
    kind = fields.choice("type", ("text", "json_object", "json_schema"))
    form = completion.response_format
    match kind:
        case "json_object":
            form.kind = pb.ResponseFormat.KIND_JSON_OBJECT
        case "json_schema":
            schema = fields.inner("json_schema")
            form.kind = pb.ResponseFormat.KIND_JSON_SCHEMA
            form.name = schema.text("name", "answer")
            form.description = schema.text("description")
            form.strict = bool(schema.flag("strict"))
            form.schema_json = compact(schema.inner("schema").rest(), "response_format.json_schema.schema")
        case _:
            pass


def add_own(completion: pb.CompletionRequest, fields: Fields) -> None:
    """Take Penstock's own knobs: ``x_penstock: {policy, exclude_providers, labels, cache: {…}}``."""
    completion.policy = fields.choice("policy", _POLICIES)
    completion.exclude_providers.extend(fields.texts("exclude_providers"))
    for name, value in fields.inner("labels").rest().items():
        completion.labels[name] = str(value)
    cache = fields.inner("cache")
    policy = completion.cache
    policy.bypass = bool(cache.flag("bypass"))
    policy.semantic = bool(cache.flag("semantic"))
    policy.threshold = cache.number("threshold", least=0, most=1) or 0.0
    # Only an answer that would come out the same anyway is taken from the exact cache unasked.
    sampling = completion.sampling
    fixed = sampling.HasField("temperature") and sampling.temperature == 0
    exact = cache.flag("exact")
    policy.exact = (fixed if exact is None else exact) and not policy.bypass
