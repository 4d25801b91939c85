"""Names of what a provider does not take, in the words of the caller that sent it."""

from collections.abc import Iterable, Mapping
from typing import Final

from llm_service.domain.model.message import FilePart, ImagePart, Part
from llm_service.domain.model.request import CompletionRequest

# What knobs are called in the dialects that have other names for them than OpenAI's chats.
_CALLED: Final[Mapping[str, Mapping[str, str]]] = {
    "messages": {
        "reasoning_effort": "thinking",
        "stop": "stop_sequences",
        "response_format": "output_config.format",
        "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
    },
    "responses": {
        "reasoning_effort": "reasoning.effort",
        "response_format": "text.format",
        "verbosity": "text.verbosity",
    },
}
_MARKED_SURFACES: Final = frozenset({"messages", "chat.completions"})


def unmarked(request: CompletionRequest) -> Iterable[str]:
    """Yield `cache_control` when the caller set marks and the provider has none."""
    if request.surface in _MARKED_SURFACES and (
        any(tool.cache_ttl for tool in request.tools)
        or any(part.cache_ttl for message in request.messages for part in message.parts)
    ):
        yield "cache_control"


def foreign_tool_fields(request: CompletionRequest) -> Iterable[str]:
    """Yield the fields of the caller's tools that only its own dialect has, and the tools of its vendor's own form."""
    for tool in request.tools:
        if kind := tool.extra.get("type"):
            yield f"tools.{kind}"
        else:
            yield from (f"tools.{name}" for name in tool.extra)


def medium_of(part: Part) -> str:
    """Return the kind of content that `part` is, empty for text and what belongs to the model."""
    match part:
        case ImagePart():
            return "image"
        case FilePart():
            kind = part.media_type.partition("/")[0]
            return kind if kind in {"audio", "video", "image"} else "file"
        case _:
            return ""


def left_out(request: CompletionRequest) -> Iterable[str]:
    """Yield what a provider that reads text alone leaves out of the messages, such as `messages.image`."""
    return (f"messages.{kind}" for message in request.messages for part in message.parts if (kind := medium_of(part)))


def as_called(names: Iterable[str], request: CompletionRequest) -> tuple[str, ...]:
    """Return the knobs `names`, each once, as the dialect of `request` calls them."""
    called = _CALLED.get(request.surface, {})
    return tuple(dict.fromkeys(called.get(name, name) for name in names))
