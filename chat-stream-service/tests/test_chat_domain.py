"""The pure parts: chunking, titles, prompts, transcripts, costs."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chat_stream_service.domain.model.chunking import split_chunks
from chat_stream_service.domain.model.conversation import title_from
from chat_stream_service.domain.model.engine import ModelSelected, RoundFinished
from chat_stream_service.domain.model.event import MessageChunk, Status, Thinking, ToolCall, ToolResult
from chat_stream_service.domain.model.event_log import StreamHeader
from chat_stream_service.domain.model.message import (
    Message,
    PromptMessage,
    Role,
    message_tokens,
    prompt_of,
    stored_tokens,
)
from chat_stream_service.domain.model.picture import PICTURE_TOKENS, Picture
from chat_stream_service.domain.model.usage import NO_COST, UNKNOWN_COST, Cost, Usage
from chat_stream_service.domain.stream.run import StopCause, StreamRun
from chat_stream_service.domain.stream.transcript import Transcript
from chat_stream_service.domain.tools.tool_box import bounded
from chat_stream_service.domain.turn.prompt import recent
from penstock_kit.token_estimate import estimate_tokens
from penstock_testkit.clock import ManualClock

HEADER = StreamHeader(
    stream_id="strm_1",
    conversation_id="conv_1",
    tenant_id="t",
    user_id="u",
    create_time=datetime(2026, 1, 1, tzinfo=UTC),
)


@given(st.text(), st.integers(1, 60))
def test_pieces_join_to_the_text_and_none_is_too_long(text: str, most: int) -> None:
    pieces = list(split_chunks(text, most))
    assert "".join(pieces) == text
    assert all(pieces)
    assert all(estimate_tokens(piece) <= most for piece in pieces)


def test_pieces_end_at_white_space_where_there_is_some() -> None:
    assert list(split_chunks("alpha beta gamma delta", 3)) == ["alpha beta ", "gamma delta"]


def test_pieces_of_chinese_are_shorter() -> None:
    assert [len(piece) for piece in split_chunks("电" * 180, 50)] == [70, 70, 40]


def test_a_title_is_the_first_line_cut_at_a_word() -> None:
    assert title_from("\n  What was   the mean?\nPlease") == "What was the mean?"
    long = title_from("What was the mean pressure of valve one on the ninth of March, and why?")
    assert long == "What was the mean pressure of valve one on the ninth of…"
    assert len(title_from("电" * 200)) == 60


def said(role: Role, content: str) -> PromptMessage:
    return PromptMessage(role=role, content=content)


def test_history_keeps_the_newest_whole_exchanges() -> None:
    history = [
        said(Role.USER, "a" * 400),
        said(Role.ASSISTANT, "b" * 400),
        said(Role.USER, "c"),
        said(Role.ASSISTANT, ""),
        said(Role.TOOL, "d"),
        said(Role.ASSISTANT, "e"),
    ]
    assert [message.content for message in recent(history, 100)] == ["c", "", "d", "e"]
    assert recent(history, 3) == ()
    assert recent(history, 10_000) == tuple(history)


def test_a_result_is_never_kept_without_its_call() -> None:
    history = [said(Role.USER, "q" * 4000), said(Role.ASSISTANT, ""), said(Role.TOOL, "r"), said(Role.ASSISTANT, "s")]
    assert recent(history, 50) == ()


def transcript() -> Transcript:
    numbers = itertools.count(1)
    return Transcript(HEADER, clock=ManualClock(), new_id=lambda prefix: f"{prefix}_{next(numbers)}")


def test_a_transcript_is_one_message_per_model_call_and_tool() -> None:
    made = transcript()
    calls = [ToolCall(tool_call_id=name, name="t", arguments_json="{}") for name in ("c1", "c2")]
    for event in (
        ModelSelected(model="openai/gpt-5"),
        MessageChunk(content="\nLet me look "),
        *calls,
        RoundFinished(finish_reason="tool_calls", usage=Usage(input_tokens=1)),
        ToolResult(tool_call_id="c2", name="t", content="two"),
        ToolResult(tool_call_id="c1", name="t", content="one"),
        ModelSelected(model="openai/gpt-5"),
        MessageChunk(content="\n\nDo"),
        MessageChunk(content="ne"),
        RoundFinished(finish_reason="stop", usage=Usage(input_tokens=2)),
    ):
        made.add(event)
    messages = made.finish(Status.COMPLETED)
    assert [(message.role.value, message.content) for message in messages] == [
        ("assistant", "\nLet me look "),
        ("tool", "one"),
        ("tool", "two"),
        ("assistant", "Done"),
    ]
    assert made.usage == Usage(input_tokens=3)


def test_a_call_that_was_cut_off_is_estimated_and_its_cost_unknown() -> None:
    made = transcript()
    made.add(ModelSelected(model="openai/gpt-5"))
    made.add(MessageChunk(content="four four four four"))
    assert made.usage == Usage(output_tokens=5, estimated=True)
    assert made.cost == UNKNOWN_COST
    (message,) = made.finish(Status.STOPPED)
    assert (message.status, message.usage.output_tokens) == ("stopped", 5)


def test_what_was_thought_counts_in_the_estimate_and_a_call_that_ended_is_as_its_model_says() -> None:
    made = transcript()
    for event in (
        MessageChunk(content="Let me look"),
        ToolCall(tool_call_id="c1", name="t", arguments_json="{}"),
        RoundFinished(finish_reason="tool_calls", usage=Usage(input_tokens=9, output_tokens=7)),
        ToolResult(tool_call_id="c1", name="t", content="one"),
        Thinking(content="abcd" * 3),
        MessageChunk(content="abcd" * 2),
    ):
        made.add(event)
    assert made.usage == Usage(input_tokens=9, output_tokens=7 + 3 + 2, estimated=True)
    first, _, last = made.finish(Status.STOPPED)
    assert first.usage == Usage(input_tokens=9, output_tokens=7)
    assert last.usage == Usage(output_tokens=5, estimated=True)


def test_a_message_costs_its_text_its_calls_its_pictures_and_four_tokens_beside_them() -> None:
    calls = tuple(ToolCall(tool_call_id=name, name="t", arguments_json="abcd" * 3) for name in ("c1", "c2"))
    assert message_tokens(PromptMessage(role=Role.USER, content="")) == 4
    asked = PromptMessage(role=Role.ASSISTANT, content="abcd" * 5, tool_calls=calls)
    assert message_tokens(asked) == 4 + 5 + 2 * 3
    picture = Picture(id="pic_1", media_type="image/png", size_bytes=3, data=b"abc")
    shown = PromptMessage(role=Role.USER, content="abcd", pictures=(picture, picture))
    assert message_tokens(shown) == 4 + 1 + 2 * PICTURE_TOKENS


def test_a_stored_message_costs_all_its_pictures_and_the_words_that_name_them() -> None:
    picture = Picture(id="pic_1", media_type="image/png", size_bytes=3)
    stored = Message(
        id="msg_1",
        conversation_id="conv_1",
        role=Role.USER,
        content="Look",
        create_time=HEADER.create_time,
        pictures=(picture, picture),
    )
    words = "Look\n[2 pictures of then, not shown again]"
    assert prompt_of(stored).content == words
    assert stored_tokens(stored) == 4 + estimate_tokens(words) + 2 * PICTURE_TOKENS
    assert prompt_of(stored, {"pic_1": picture}).content == "Look"
    assert stored_tokens(replace(stored, pictures=())) == 4 + 1


def test_a_turn_that_failed_before_its_first_word_leaves_an_empty_message() -> None:
    (message,) = transcript().finish(Status.ERROR)
    assert (message.content, message.status) == ("", "error")


def test_an_unknown_part_makes_a_sum_unknown_and_a_free_one_changes_nothing() -> None:
    paid = Cost(amount=Decimal("0.1"), source="operator")
    assert NO_COST + paid + NO_COST == paid
    assert paid + UNKNOWN_COST == UNKNOWN_COST
    assert (paid + paid).amount == Decimal("0.2")
    assert paid + Cost(amount=Decimal(1), currency="EUR", source="operator") == UNKNOWN_COST


def test_what_is_cut_says_so_and_stays_within_the_limit() -> None:
    cut = bounded("x" * 1000, 300)
    assert len(cut) == 300
    assert "truncated: 300 of 1,000 characters" in cut
    assert bounded("short", 300) == "short"


def test_an_answer_is_stopped_once_and_its_first_cause_is_kept() -> None:
    none: Any = None
    run = StreamRun(
        header=none, turn=none, recording=none, engine=none, event_log=none, transcript=none, limits=none, clock=none,
        statistics=none, debug=False, reservation=none,
    )  # fmt: skip
    assert [run.stop(cause) for cause in (StopCause.USER, StopCause.SHUTDOWN, StopCause.USER)] == [True, False, False]
