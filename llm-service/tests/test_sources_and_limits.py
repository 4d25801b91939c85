"""What servers of OpenAI's kind say in places of their own: counts, sources, transcripts, prompts that are too long."""

from dataclasses import replace
from typing import Any

import pytest

from llm_service.domain.model.event import Annotation, Finished, TextDelta, UsageReport
from llm_service.domain.model.message import Message, Role, text_message
from llm_service.domain.model.request import CompletionRequest
from llm_service.providers.anthropic_request import request_of as anthropic_request
from llm_service.providers.gemini_request import request_of as gemini_request
from llm_service.providers.openai_chunk import ChunkReader
from llm_service.providers.status import VendorError, error_from_vendor
from llm_service.testing import question


def read(*chunks: dict[str, Any]) -> list[Any]:
    """The events of the chunks, and those of the end."""
    reader = ChunkReader(lambda prefix: f"{prefix}_1")
    return [*(event for chunk in chunks for event in reader.events(chunk)), *reader.end()]


def choice(reason: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": reason, **more}]}


def test_counts_beside_a_choice_are_counts_of_the_answer() -> None:
    finished = read(choice(), choice("stop", usage={"prompt_tokens": 7, "completion_tokens": 3}))[-1]
    assert isinstance(finished, Finished)
    assert finished.usage
    assert (finished.usage.input, finished.usage.output) == (7, 3)


def test_what_is_spoken_is_told_in_words() -> None:
    message = {"content": None, "audio": {"id": "a", "data": "AAAA", "transcript": "hello"}}
    events = read({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["hello"]


@pytest.mark.parametrize(
    ("sources", "annotations"),
    [
        ({"citations": ["https://a.example"]}, [Annotation(url="https://a.example")]),
        (
            {"citations": ["https://a.example"], "search_results": [{"url": "https://a.example", "title": "A"}]},
            [Annotation(url="https://a.example", title="A")],
        ),
        ({"citations": None, "search_results": []}, []),
    ],
)
def test_sources_of_the_answer_as_a_whole_are_cited_once(
    sources: dict[str, Any], annotations: list[Annotation]
) -> None:
    events = read(choice() | sources, choice("stop") | sources)
    assert [event for event in events if isinstance(event, Annotation)] == annotations
    assert not any(isinstance(event, UsageReport) for event in events)


def test_a_source_that_is_cited_in_its_place_is_not_cited_again() -> None:
    cited = {"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A"}}
    message = {"content": "a", "annotations": [cited]}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "citations": ["https://a.example"]}
    assert len([event for event in read(body) if isinstance(event, Annotation)]) == 1


@pytest.mark.parametrize(
    "said",
    [
        "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4000 in the messages)",
        "the request exceeds the available context size, try increasing it",
        "input length (9000 tokens) exceeds the model's maximum context length (8192 tokens)",
        "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]",
        "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
        "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
        "prompt is too long: 210000 tokens > 200000 maximum",
    ],
)
def test_a_prompt_that_is_too_long_is_known_by_the_words_of_servers_without_a_code(said: str) -> None:
    for status in (400, 413, 422):
        told = VendorError(status=status, message=said, code="400", kind="BadRequestError")
        assert error_from_vendor(told, provider="p", model="m").reason == "CONTEXT_LIMIT_EXCEEDED"
    assert error_from_vendor(VendorError(status=500, message=said), provider="p", model="m").reason != (
        "CONTEXT_LIMIT_EXCEEDED"
    )


@pytest.mark.parametrize("said", ["max_tokens must be at least 1", "the context of the tool call is missing"])
def test_other_words_are_no_prompt_that_is_too_long(said: str) -> None:
    error = error_from_vendor(VendorError(status=400, message=said), provider="p", model="m")
    assert error.reason != "CONTEXT_LIMIT_EXCEEDED"


def instructions(*texts: str) -> CompletionRequest:
    messages: tuple[Message, ...] = tuple(text_message(Role.SYSTEM, text) for text in texts)
    return replace(question(model="m"), messages=messages)


def test_instructions_alone_are_asked_as_the_users_of_vendors_that_answer_nobody_else() -> None:
    claude = anthropic_request(instructions("Be brief.", "Greet."), lambda schema: schema).body
    assert [block["text"] for block in claude["system"]] == ["Be brief."]
    assert claude["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Greet."}]}]
    google = gemini_request(instructions("Greet.")).body
    assert "systemInstruction" not in google
    assert google["contents"] == [{"role": "user", "parts": [{"text": "Greet."}]}]
