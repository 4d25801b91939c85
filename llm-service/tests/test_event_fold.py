"""Reasoning keeps its blocks and their proofs; what needs no proof has no parts."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime

from llm_service.domain.model.completion import fold
from llm_service.domain.model.event import (
    Event,
    Finished,
    FinishReason,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
)
from llm_service.domain.model.event_fold import PartFold
from llm_service.domain.model.message import CallPart, Message, Role, TextPart, ThinkingPart, ToolCall, text_message
from llm_service.domain.model.profile import Quirks, ThinkingBack
from llm_service.providers.anthropic_message import turns_of
from llm_service.providers.openai_request import request_of
from llm_service.testing import question

CALL = ToolCall(id="c", name="look", arguments="{}")


def test_every_block_keeps_its_own_proof_and_place() -> None:
    fold = PartFold("before")
    for event in (
        ThinkingDelta(text="on"),
        ThinkingDelta(text="e"),
        ThinkingDelta(signature="s1"),
        ThinkingDelta(redacted="r"),
        ThinkingDelta(text="two", signature="s2"),
    ):
        fold.think(event)
    fold.say("te")
    fold.say("xt")
    fold.think(ThinkingDelta(signature="s3"))
    assert fold.parts() == (
        TextPart(text="before"),
        ThinkingPart(text="one", signature="s1"),
        ThinkingPart(redacted="r"),
        ThinkingPart(text="two", signature="s2"),
        TextPart(text="text"),
        ThinkingPart(signature="s3"),
    )


async def test_calls_keep_their_place_between_the_blocks_of_reasoning() -> None:
    async def answer() -> AsyncGenerator[list[Event]]:
        yield [Started(id="a", provider="p", model="m", create_time=datetime(2026, 1, 1, tzinfo=UTC))]
        yield [TextDelta(text="so "), ToolCallDelta(call_index=0, id="t0", name="look", arguments="{}")]
        yield [ThinkingDelta(text="A"), ThinkingDelta(signature="a")]
        yield [ToolCallDelta(call_index=1, id="t1", name="look"), ToolCallDelta(call_index=1, arguments="{}")]
        yield [ThinkingDelta(text="B", signature="b"), ToolCallDelta(call_index=2, id="t2", name="look")]
        yield [Finished(reason=FinishReason.TOOL_CALLS)]

    folded = await fold(answer())
    assert folded.first.parts == (
        TextPart(text="so "),
        CallPart(index=0),
        ThinkingPart(text="A", signature="a"),
        CallPart(index=1),
        ThinkingPart(text="B", signature="b"),
        CallPart(index=2),
    )


def test_reasoning_without_a_proof_needs_no_parts() -> None:
    fold = PartFold()
    fold.think(ThinkingDelta(text="hm"))
    fold.say("text")
    assert fold.parts() == ()


def test_anthropic_gets_its_own_answer_back_in_its_order_and_others_reasoning_first() -> None:
    signed, later = ThinkingPart(text="a", signature="s1"), ThinkingPart(text="b", signature="s2")
    said = TextPart(text="text")
    own = Message(role=Role.ASSISTANT, parts=(signed, said, later), tool_calls=(CALL,))
    [turn] = turns_of([own])
    assert [block["type"] for block in turn["content"]] == ["thinking", "text", "thinking", "tool_use"]
    [turn] = turns_of([replace(own, parts=(said, signed))])
    assert [block["type"] for block in turn["content"]] == ["thinking", "text", "tool_use"]


def sent(back: ThinkingBack, *parts: ThinkingPart) -> dict[str, object]:
    said = Message(role=Role.ASSISTANT, parts=parts, tool_calls=(CALL,))
    answer = Message(role=Role.TOOL, parts=(TextPart(text="x"),), tool_call_id="c")
    asked = replace(question(), messages=(text_message(Role.USER, "hi"), said, answer))
    body = request_of(asked, Quirks(thinking_back=back)).body
    return body["messages"][1]


def test_a_vendor_that_requires_the_field_gets_it_though_the_reasoning_was_anothers() -> None:
    anothers = ThinkingPart(text="secret", signature="s")
    assert sent(ThinkingBack.REQUIRED, anothers)["reasoning_content"] == ""
    assert sent(ThinkingBack.REQUIRED, ThinkingPart(text="mine"))["reasoning_content"] == "mine"
    assert "reasoning_content" not in sent(ThinkingBack.TOOL_TURNS, anothers)
    assert sent(ThinkingBack.TOOL_TURNS, ThinkingPart(text="mine"))["reasoning_content"] == "mine"
    assert "reasoning_content" not in sent(ThinkingBack.NEVER, ThinkingPart(text="mine"))
