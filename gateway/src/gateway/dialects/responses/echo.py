"""What a response object has besides its output: every field of the published schema, set or not."""

from dataclasses import dataclass
from typing import Any, Final, cast

from penstock.llm.v1 import llm_pb2 as pb

from gateway.dialects.responses.tool import ResponseTools
from gateway.model_call.fields import JsonObject

# Of things that are not done here, so that nothing can be said of them.
_UNSET: Final[JsonObject] = dict.fromkeys(
    (
        *("access_programs", "conversation", "image", "input_transformations", "moderation", "previous_response_id"),
        *("prompt", "prompt_cache_diagnostics", "prompt_cache_options", "tool_usage"),
    )
)
_REPEATED: Final = (
    *("instructions", "max_output_tokens", "max_tool_calls", "prompt_cache_key", "prompt_cache_retention"),
    *("safety_identifier", "user"),
)
_REASONING: Final[JsonObject] = dict.fromkeys(("context", "effort", "generate_summary", "mode", "summary"))
_TEXT: Final[JsonObject] = {"format": {"type": "text"}, "verbosity": "medium"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseEcho:
    """What every response object repeats of its request, and the tools as the caller knows them."""

    echo: JsonObject
    tools: ResponseTools


def echo_from_json(body: JsonObject) -> JsonObject:
    """Return what a response object repeats of its request. Nothing is stored, whatever ``store`` asked."""
    return {
        **_UNSET,
        **{name: body.get(name) for name in _REPEATED},
        "frequency_penalty": 0.0,
        "metadata": body.get("metadata") or {},
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "presence_penalty": 0.0,
        "reasoning": _REASONING | _object(body.get("reasoning")),
        "service_tier": _tier(body.get("service_tier")),
        "store": False,
        "temperature": _number(body.get("temperature")),
        "text": _TEXT | _object(body.get("text")),
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": body.get("tools") or [],
        "top_logprobs": body.get("top_logprobs") or 0,
        "top_p": _number(body.get("top_p")),
        "truncation": "disabled",
    }


def response_head(started: pb.Started, status: str, output: list[JsonObject], form: ResponseEcho) -> JsonObject:
    """Return a response object with everything but how it ended."""
    return {
        "id": response_id(started),
        "object": "response",
        "created_at": started.create_time.seconds,
        "completed_at": None,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": started.model,
        "output": output,
        "usage": None,
        **form.echo,
    }


def response_id(started: pb.Started) -> str:
    """Return our id of the answer in OpenAI's style."""
    return started.id if started.id.startswith("resp_") else f"resp_{started.id}"


def _object(value: Any) -> JsonObject:
    if not isinstance(value, dict):
        return {}
    return {name: entry for name, entry in cast("JsonObject", value).items() if entry is not None}


def _number(value: Any) -> Any:
    return 1.0 if value is None else value


def _tier(value: Any) -> str:
    return value if isinstance(value, str) and value != "auto" else "default"
