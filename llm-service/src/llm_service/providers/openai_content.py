"""Content that comes as an array of parts instead of a text (Mistral and others)."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from llm_service.domain.model.event import Event, TextDelta, ThinkingDelta
from llm_service.providers.picture import picture_of_url

Json = Mapping[str, Any]


def content_events(parts: Any, index: int, logprobs: str) -> Iterator[Event]:
    """Yield the texts, the reasoning and the pictures in `parts`; other kinds have no place in an answer.

    Raises TypeError for what is no array of parts.
    """
    if not isinstance(parts, list):
        raise TypeError("content is neither a text nor an array")
    for part in cast("list[Any]", parts):
        if isinstance(part, str):
            yield TextDelta(text=part, index=index)
            continue
        if thinking := part.get("thinking"):
            yield ThinkingDelta(text=thought_of(thinking), index=index)
        elif text := part.get("text"):
            yield TextDelta(text=str(text), index=index, logprobs_json=logprobs)
            logprobs = ""
        elif picture := picture_of_url(part.get("image_url"), index):
            yield picture


def sources_of(told: Any) -> dict[str, str]:
    """Return the titles by URL of what an answer as a whole rests on: URLs, or objects with one (Perplexity, xAI)."""
    listed: list[Any] = cast("list[Any]", told) if isinstance(told, list) else []
    pages: list[Json] = [{"url": each} if isinstance(each, str) else each for each in listed]
    return {str(page["url"]): str(page.get("title") or "") for page in pages if page.get("url")}


def thought_of(thinking: Any) -> str:
    """Return the text of reasoning, which is a text or an array of parts with texts."""
    if isinstance(thinking, str):
        return thinking
    parts: list[Any] = cast("list[Any]", thinking) if isinstance(thinking, list) else [thinking]
    return "".join(part if isinstance(part, str) else str(part.get("text") or "") for part in parts)
