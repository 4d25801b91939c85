"""What an asker is told of an answer: its whole text, that it is empty or withheld, that a personality is gone."""

from typing import Any

import pytest
from penstock.chat.v1 import chat_pb2 as pb
from penstock.llm.v1 import llm_pb2

from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.engine import Turn
from chat_stream_service.domain.model.message import PromptMessage, Role
from chat_stream_service.domain.model.timeline import Timeline
from chat_stream_service.domain.turn.prompt import prompt_messages
from penstock_kit.errors import NotFound
from penstock_testkit.clock import ManualClock
from penstock_testkit.contracts.stream_law import assert_whole


async def test_text_before_a_tool_call_is_kept_as_it_was_streamed(chat: Any) -> None:
    chat.llm.rounds = [chat.calls(("list_devices", "{}"), text="let me look "), chat.says("\n\ndone")]
    conversation = await chat.conversation()
    events = await chat.answer(conversation)
    assert_whole(events)
    streamed = events[-1].complete_state.content
    assert streamed == "let me look \n\n\n\ndone"
    kept = [message.content for message in await chat.messages(conversation) if message.role == "assistant"]
    assert kept == ["let me look ", "\n\ndone"]
    assert "\n\n".join(kept) == streamed


@pytest.mark.parametrize(
    ("finish", "code", "reason", "retryable"),
    [
        ("stop", 502, "ANSWER_EMPTY", True),
        ("length", 502, "ANSWER_EMPTY", True),
        ("content_filter", 422, "ANSWER_FILTERED", False),
    ],
)
async def test_an_answer_without_a_word_says_why(
    chat: Any, finish: str, code: int, reason: str, retryable: bool
) -> None:
    chat.llm.rounds = [chat.says(finish=finish)]
    events = await chat.answer(await chat.conversation())
    assert_whole(events)
    error = events[-1].error
    assert (error.code, error.reason, error.retryable) == (code, reason, retryable)


async def test_an_answer_that_stays_empty_after_its_tools_says_so_and_keeps_what_was_said(chat: Any) -> None:
    chat.llm.rounds = [chat.calls(("list_devices", "{}"), text="let me look"), chat.says(" \n")]
    events = await chat.answer(await chat.conversation())
    assert events[-1].error.reason == "ANSWER_EMPTY"
    assert events[-1].error.partial_content.startswith("let me look")


async def test_an_answer_that_a_filter_cut_short_says_so(chat: Any) -> None:
    chat.llm.rounds = [chat.says("half an ans", finish="content_filter")]
    state = (await chat.answer(await chat.conversation()))[-1].complete_state
    assert (state.content, state.finish_reason) == ("half an ans", "content_filter")
    assert "content filter" in state.notices[0]


async def test_a_conversation_goes_on_when_its_personality_is_deleted_and_says_so(chat: Any) -> None:
    personality = await chat.personality(name="Pirate", prompt="Arr.", temperature=0.5)
    conversation = await chat.conversation(personality_id=personality)
    chat.llm.rounds = [chat.says("Arr!"), chat.says("Hello.")]
    assert list((await chat.answer(conversation))[-1].complete_state.notices) == []
    await chat.engines.DeletePersonality(pb.DeletePersonalityRequest(id=personality))
    state = (await chat.answer(conversation))[-1].complete_state
    assert state.content == "Hello."
    assert "personality of this conversation was deleted" in state.notices[0]
    asked = chat.llm.completions[1]
    assert not asked.messages[0].parts[0].text.startswith("Arr.")
    assert not asked.sampling.HasField("temperature")
    again = await chat.read((await chat.messages(conversation))[-1].stream_id)
    assert list(again[-1].complete_state.notices) == list(state.notices)


async def test_a_personality_that_a_question_names_must_be_there(chat: Any) -> None:
    with pytest.raises(NotFound) as caught:
        await chat.answer(await chat.conversation(), personality_id="pers_none")
    assert caught.value.reason == "PERSONALITY_NOT_FOUND"


async def test_a_question_says_how_the_caches_may_be_used(chat: Any) -> None:
    conversation = await chat.conversation()
    await chat.answer(conversation)
    await chat.answer(conversation, cache=pb.ResponseCachePolicy(exact=True, semantic=True, threshold=0.5))
    await chat.answer(conversation, cache=pb.ResponseCachePolicy(bypass=True))
    unsaid, allowed, bypassed = (asked.cache for asked in chat.llm.completions)
    assert unsaid == llm_pb2.CachePolicy()
    assert (allowed.exact, allowed.semantic, allowed.threshold) == (True, True, 0.5)
    assert (bypassed.bypass, bypassed.exact) == (True, False)


def system_prompt(clock: ManualClock, *, tools: bool) -> str:
    owner = Owner(tenant_id="t", user_id="u")
    turn = Turn(
        stream_id="s",
        conversation_id="c",
        tenant_id=owner.tenant_id,
        user_id=owner.user_id,
        history=(),
        question=PromptMessage(role=Role.USER, content="?"),
        timeline=Timeline(clock),
    )
    return prompt_messages(turn, now=clock.now(), history_tokens=100, tools=tools)[0].content


@pytest.mark.parametrize("tools", [False, True])
def test_the_system_prompt_is_the_same_all_day_and_its_beginning_for_ever(tools: bool) -> None:
    clock = ManualClock()
    before = system_prompt(clock, tools=tools)
    clock.advance(61)
    assert system_prompt(clock, tools=tools) == before
    clock.advance(86_400)
    after = system_prompt(clock, tools=tools)
    assert after != before
    assert after.rpartition("\n")[0] == before.rpartition("\n")[0]
