"""A turn as a gRPC client sees it."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from penstock.chat.v1 import chat_pb2 as pb
from penstock.feature.v1 import feature_pb2
from penstock.llm.v1 import llm_pb2

from penstock_kit.errors import BadUpstream, InvalidArgument, NotFound
from penstock_testkit.contracts.stream_law import assert_gapless, assert_whole
from penstock_testkit.services import Fail, Hang, Wait
from penstock_testkit.waiting import HANG_SECONDS

STATISTICS = feature_pb2.ComputeStatisticsResponse(
    device_code="WLD001",
    row_count=3,
    statistics=[feature_pb2.FieldStatistics(field="current", count=3, mean=120.25, min=100, max=140)],
)


def kinds(events: list[pb.ChatEvent]) -> list[str]:
    return [event.WhichOneof("event") or "" for event in events]


async def test_a_plain_answer_is_chunks_and_a_final_state(chat: Any) -> None:
    chat.llm.rounds = [chat.says("Hel", "lo ", "there")]
    events = await chat.answer(await chat.conversation(), "Hi")
    assert_whole(events)
    last = events[-1].complete_state
    assert last.status == pb.CompleteState.STATUS_COMPLETED
    assert (last.content, last.finish_reason, last.model) == ("Hello there", "stop", "openai/gpt-5")
    assert (last.usage.input_tokens, last.usage.output_tokens, last.cost.amount) == (10, 4, "0.001")


async def test_a_device_question_runs_the_tool_and_answers_from_its_result(chat: Any) -> None:
    chat.feature.statistics = STATISTICS
    arguments = '{"device_code": "WLD001", "fields": ["current"], "start_time": "2026-01-01", "end_time": "2026-01-02"}'
    chat.llm.rounds = [chat.calls(("device_statistics", arguments)), chat.says("It was 120.25 A.")]
    conversation = await chat.conversation()
    events = await chat.answer(conversation, "What was the mean current of WLD001?")
    assert_whole(events)
    assert kinds(events) == ["tool_call", "tool_result", "message_chunk", "complete_state"]
    assert json.loads(events[0].tool_call.arguments_json)["device_code"] == "WLD001"
    result = json.loads(events[1].tool_result.content)
    assert result["statistics"][0]["mean"] == 120.25
    assert result["start_time"] == "2026-01-01T00:00:00Z"
    assert (events[-1].complete_state.usage.input_tokens, events[-1].complete_state.cost.amount) == (20, "0.002")
    asked = chat.feature.asked[0]
    assert (asked.device_code, list(asked.fields)) == ("WLD001", ["current"])
    told = chat.llm.completions[1].messages
    assert [message.role for message in told[-2:]] == [llm_pb2.ROLE_ASSISTANT, llm_pb2.ROLE_TOOL]
    assert told[-1].tool_call_id == told[-2].tool_calls[0].id == events[0].tool_call.tool_call_id


async def test_several_calls_of_one_round_run_at_once_and_are_told_in_their_order(chat: Any) -> None:
    chat.feature.hold = asyncio.Event()
    chat.feature.statistics = STATISTICS
    chat.llm.rounds = [
        chat.calls(("device_statistics", '{"device_code": "A"}'), ("list_devices", "{}")),
        chat.says("Done."),
    ]
    call = chat.ask(await chat.conversation())
    events: list[pb.ChatEvent] = []
    async with asyncio.timeout(HANG_SECONDS):
        async for message in call:
            events.extend(message.events)
            if "tool_result" in kinds(events):
                chat.feature.hold.set()
    results = [event.tool_result.name for event in events if event.WhichOneof("event") == "tool_result"]
    assert results == ["list_devices", "device_statistics"], "the quick one does not wait for the slow one"
    told = [message.name for message in chat.llm.completions[1].messages if message.role == llm_pb2.ROLE_TOOL]
    assert told == ["device_statistics", "list_devices"]


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("no_such_tool", "{}", "there is no tool 'no_such_tool'"),
        ("device_statistics", "{}", "'device_code' is a required property"),
        ("device_statistics", '{"device_code": 5}', "5 is not of type 'string'"),
        ("device_statistics", '{"device_code": "A", "colour": 1}', "'colour' was unexpected"),
        ("device_statistics", '{"device_code": ', "are not JSON"),
        ("device_statistics", '{"device_code": "A", "start_time": "noon"}', "no ISO 8601 time"),
        ("device_statistics", '{"device_code": "NOPE"}', "there is no device 'NOPE'"),
        ("device_query", '{"device_code": "A", "interval": "5 moons"}', "write 30s, 1m, 1h or 1d"),
    ],
)
async def test_a_call_that_cannot_be_run_is_answered_with_an_error_the_model_can_read(
    chat: Any, name: str, arguments: str, expected: str
) -> None:
    chat.llm.rounds = [chat.calls((name, arguments)), chat.says("Sorry.")]
    events = await chat.answer(await chat.conversation())
    assert_whole(events)
    result = events[1].tool_result
    assert result.is_error
    assert expected in result.content
    assert isinstance(json.loads(events[0].tool_call.arguments_json), dict)
    assert chat.llm.completions[1].messages[-1].is_error
    assert events[-1].complete_state.content == "Sorry."


async def test_after_the_last_round_the_model_must_answer_without_tools(chat: Any) -> None:
    chat.llm.rounds = [chat.calls(("list_devices", "{}"))]
    events = await chat.answer(await chat.conversation())
    assert_whole(events)
    assert kinds(events).count("tool_call") == chat.settings.max_rounds
    choices = [completion.tool_choice.mode for completion in chat.llm.completions]
    assert choices == [llm_pb2.ToolChoice.MODE_UNSPECIFIED] * chat.settings.max_rounds + [llm_pb2.ToolChoice.MODE_NONE]
    ids = [event.tool_call.tool_call_id for event in events if event.WhichOneof("event") == "tool_call"]
    assert len(set(ids)) == len(ids), "an id is used once in a turn even when the provider repeats itself"


async def test_a_long_result_stays_json_and_within_bounds(chat: Any) -> None:
    chat.feature.devices = [feature_pb2.Device(device_code=f"D{n:05}", fields=["a", "b"]) for n in range(1000)]
    chat.llm.rounds = [chat.calls(("list_devices", "{}")), chat.says("Many.")]
    events = await chat.answer(await chat.conversation())
    content = events[1].tool_result.content
    assert len(content) <= chat.settings.max_result_characters
    shown = json.loads(content)
    assert shown["truncated"] is True
    assert shown["devices"][0]["device_code"] == "D00000"


async def test_use_tools_false_offers_none(chat: Any) -> None:
    await chat.answer(await chat.conversation(), use_tools=False)
    assert not chat.llm.completions[0].tools


async def test_the_history_of_a_conversation_is_told_to_the_model(chat: Any) -> None:
    conversation = await chat.conversation()
    chat.llm.rounds = [chat.calls(("list_devices", "{}"), text="Let me see."), chat.says("Two."), chat.says("Yes.")]
    first = await chat.answer(conversation, "How many devices?")
    assert first[-1].complete_state.content == "Let me see.\n\nTwo."
    await chat.answer(conversation, "Sure?")
    told = chat.llm.completions[2].messages
    assert [message.role for message in told[1:]] == [
        llm_pb2.ROLE_USER,
        llm_pb2.ROLE_ASSISTANT,
        llm_pb2.ROLE_TOOL,
        llm_pb2.ROLE_ASSISTANT,
        llm_pb2.ROLE_USER,
    ]
    assert [message.parts[0].text for message in told[-2:]] == ["Two.", "Sure?"]


async def test_the_turn_is_stored_message_by_message(chat: Any) -> None:
    conversation = await chat.conversation()
    chat.llm.rounds = [chat.calls(("list_devices", "{}"), text="Let me see."), chat.says("Two.")]
    events = await chat.answer(conversation, "How many devices do we have?")
    stored = await chat.messages(conversation)
    assert [(message.role, message.content) for message in stored if message.role != "tool"] == [
        ("user", "How many devices do we have?"),
        ("assistant", "Let me see."),
        ("assistant", "Two."),
    ]
    assert stored[1].tool_calls[0].name == "list_devices"
    assert stored[2].tool_call_id == stored[1].tool_calls[0].id
    assert stored[3].id == events[-1].complete_state.message_id
    found = (await chat.conversations.GetConversation(pb.GetConversationRequest(id=conversation))).conversation
    assert (found.title, found.message_count, found.active_stream_id) == ("How many devices do we have?", 4, "")


async def test_a_failure_before_any_word_is_an_error_event(chat: Any) -> None:
    chat.llm.rounds = [[Fail(BadUpstream("openai answered 500", reason="PROVIDER_FAILED"))]]
    conversation = await chat.conversation()
    events = await chat.answer(conversation)
    assert_whole(events)
    assert (events[0].error.code, events[0].error.reason) == (502, "PROVIDER_FAILED")
    assert (await chat.messages(conversation))[-1].status == "error"


async def test_a_failure_in_the_middle_keeps_what_was_said(chat: Any) -> None:
    script = [*chat.says("The answer")[:2], Fail(BadUpstream("openai hung up", reason="PROVIDER_INTERRUPTED"))]
    chat.llm.rounds = [script]
    conversation = await chat.conversation()
    events = await chat.answer(conversation)
    assert_whole(events)
    assert events[-1].error.partial_content == "The answer"
    assert (await chat.messages(conversation))[-1].content == "The answer"


async def test_an_answer_without_a_finish_is_no_silent_end(chat: Any) -> None:
    chat.llm.rounds = [chat.says("half")[:-1]]
    events = await chat.answer(await chat.conversation())
    assert_whole(events)
    assert events[-1].error.reason == "PROVIDER_INTERRUPTED"


@pytest.mark.parametrize(
    ("finish", "status"),
    [("length", pb.CompleteState.STATUS_LENGTH), ("budget_exceeded", pb.CompleteState.STATUS_BUDGET_EXCEEDED)],
)
async def test_an_answer_cut_by_a_limit_says_so(chat: Any, finish: str, status: int) -> None:
    chat.llm.rounds = [chat.says("too lo", finish=finish)]
    events = await chat.answer(await chat.conversation())
    assert (events[-1].complete_state.status, events[-1].complete_state.finish_reason) == (status, finish)


async def test_thinking_passes_through_and_is_kept_apart(chat: Any) -> None:
    thought = [llm_pb2.CompletionEvent(thinking=llm_pb2.ThinkingDelta(text="Hmm. "))]
    script = chat.says("Yes.")
    chat.llm.rounds = [[script[0], thought, *script[1:]]]
    events = await chat.answer(await chat.conversation())
    assert_whole(events)
    assert kinds(events) == ["thinking", "message_chunk", "complete_state"]
    assert events[-1].complete_state.thinking == "Hmm. "


async def test_what_arrives_together_is_one_chunk_of_at_most_fifty_tokens(chat: Any) -> None:
    words = [f"word{n} " for n in range(200)]
    batch = [llm_pb2.CompletionEvent(text=llm_pb2.TextDelta(text=word)) for word in words]
    script = chat.says()
    chat.llm.rounds = [[script[0], batch, script[-1]]]
    events = await chat.answer(await chat.conversation())
    assert_whole(events)
    chunks = [event.message_chunk.content for event in events[:-1]]
    assert "".join(chunks) == "".join(words)
    assert 1 < len(chunks) < 40
    assert all(len(chunk) <= 50 * 4 for chunk in chunks)


async def test_chunks_are_not_held_back_for_later_ones(chat: Any) -> None:
    gate = asyncio.Event()
    script = chat.says("first", "second")
    chat.llm.rounds = [[*script[:2], Wait(gate), *script[2:]]]
    events: list[pb.ChatEvent] = []
    async with asyncio.timeout(HANG_SECONDS):
        async for message in chat.ask(await chat.conversation()):
            events.extend(message.events)
            if kinds(events) == ["message_chunk"]:
                assert events[0].message_chunk.content == "first"
                gate.set()
    assert_whole(events)


async def test_debug_tells_where_the_time_went(chat: Any) -> None:
    chat.llm.rounds = [chat.calls(("list_devices", "{}")), chat.says("Two.")]
    events = await chat.answer(await chat.conversation(), debug=True)
    debug = events[-1].debug
    assert (debug.provider, debug.cache, debug.engine) == ("openai", "miss", "chat_engine")
    assert {"load_history", "llm_first_event", "llm", "tool:list_devices"} <= set(debug.hops)
    assert debug.elapsed.ToTimedelta() >= events[0].debug.elapsed.ToTimedelta()
    plain = await chat.answer(await chat.conversation())
    assert not plain[-1].HasField("debug")


async def test_the_callers_identity_reaches_llm_service_without_the_calls_deadline(chat: Any) -> None:
    await chat.events(
        chat.streams.StreamChat(
            pb.StreamChatRequest(conversation_id=await chat.conversation(), content="Hi"), timeout=50
        )
    )
    assert (chat.llm.callers[0].user_id, chat.llm.callers[0].tenant_id) == ("ann", "acme")
    assert (chat.llm.deadlines[0] or 0) > 60


@pytest.mark.parametrize(
    ("fields", "error", "match"),
    [
        ({"content": "  "}, InvalidArgument, "content is empty"),
        ({"role": "wizard"}, InvalidArgument, "role is 'wizard'"),
        ({"on_disconnect": "explode"}, InvalidArgument, "detach and cancel"),
        ({"engine": "steam"}, NotFound, "there is no engine 'steam'"),
        ({"personality_id": "per_0"}, NotFound, "there is no personality 'per_0'"),
        ({"template_id": "tpl_0"}, NotFound, "there is no template 'tpl_0'"),
        ({"content": "x" * 200_001}, InvalidArgument, "at most 200,000"),
    ],
)
async def test_a_request_that_cannot_be_answered_is_refused_before_a_stream_begins(
    chat: Any, fields: dict[str, Any], error: type[Exception], match: str
) -> None:
    conversation = await chat.conversation()
    with pytest.raises(error, match=match):
        await chat.answer(conversation, **{"content": "Hi", **fields})
    assert chat.services.statistics.total_streams == 0


async def test_the_same_request_id_gets_the_same_stream_live_and_after_the_log_forgot_it(chat: Any) -> None:
    conversation = await chat.conversation()
    chat.llm.rounds = [chat.says("once")]
    first = await chat.answer(conversation, request_id="r-1")
    again = await chat.answer(conversation, request_id="r-1")
    assert again == first
    await chat.services.event_log.drop(conversation)
    stored = await chat.answer(conversation, request_id="r-1")
    assert [event.sequence for event in stored] == [first[-1].sequence]
    assert stored[0].complete_state == first[-1].complete_state
    assert len(chat.llm.completions) == 1


async def test_a_personality_and_a_template_shape_the_question(chat: Any) -> None:
    personality = await chat.engines.CreatePersonality(
        pb.CreatePersonalityRequest(
            personality=pb.Personality(name="Pirate", prompt="Arr.", temperature=0.5, tools=["list_devices"])
        )
    )
    template = await chat.engines.CreateTemplate(
        pb.CreateTemplateRequest(template=pb.Template(name="How", content="How is {{device}}? {{ content }}"))
    )
    await chat.answer(
        await chat.conversation(),
        "Briefly.",
        personality_id=personality.personality.id,
        template_id=template.template.id,
        template_values={"device": "WLD001"},
    )
    asked = chat.llm.completions[0]
    assert asked.messages[0].parts[0].text.startswith("Arr.")
    assert asked.messages[-1].parts[0].text == "How is WLD001? Briefly."
    assert asked.sampling.temperature == 0.5
    assert [tool.name for tool in asked.tools] == ["list_devices"]


async def test_a_template_without_a_value_for_a_place_is_refused(chat: Any) -> None:
    made = await chat.engines.CreateTemplate(
        pb.CreateTemplateRequest(template=pb.Template(name="How", content="How is {{device}}?"))
    )
    with pytest.raises(InvalidArgument, match="lacks device"):
        await chat.answer(await chat.conversation(), template_id=made.template.id)


@pytest.mark.parametrize("chat_settings", [{"turn_seconds": 0.2}], indirect=True)
async def test_an_answer_is_ended_by_the_limit_of_its_time(chat: Any) -> None:
    hang = Hang()
    chat.llm.rounds = [[*chat.says("Well")[:2], hang]]
    async with asyncio.timeout(HANG_SECONDS):
        events = await chat.answer(await chat.conversation())
        await hang.left.wait()
    error = events[-1].error
    assert (error.code, error.reason, error.partial_content) == (504, "TURN_TIMEOUT", "Well")
    assert "longer than the 0.2 s it may take" in error.message


@pytest.mark.parametrize("chat_settings", [{"turn_seconds": 3000.0}], indirect=True)
async def test_a_model_call_may_take_longer_than_its_answer_whose_limit_ends_both(chat: Any) -> None:
    conversation = await chat.conversation()
    async with asyncio.timeout(HANG_SECONDS):
        request = pb.StreamChatRequest(conversation_id=conversation, content="Hello?")
        await chat.events(chat.streams.StreamChat(request, timeout=HANG_SECONDS + 7))
        await chat.answer(conversation)
    assert len(chat.llm.seconds_left) == 2
    assert all(3000 < left <= 3005 for left in chat.llm.seconds_left)


@pytest.mark.parametrize("chat_settings", [{"idle_seconds": 0.2}], indirect=True)
async def test_a_model_call_that_hangs_is_ended_by_the_idle_limit(chat: Any) -> None:
    hang = Hang()
    chat.llm.rounds = [[*chat.says("Well")[:2], hang]]
    events = await chat.answer(await chat.conversation())
    assert_gapless(events)
    assert (events[-1].error.reason, events[-1].error.partial_content) == ("STREAM_IDLE_TIMEOUT", "Well")
    async with asyncio.timeout(HANG_SECONDS):
        await hang.left.wait()


async def test_the_bound_on_tool_calls_is_over_all_rounds_of_an_answer(chat_with: Callable[..., Any]) -> None:
    async with chat_with(max_tool_calls=3) as chat:
        listing = ("list_devices", "{}")
        rounds = [chat.calls(listing), chat.calls(listing), chat.calls(listing, listing)]
        chat.llm.rounds = [*rounds, chat.says("Done.")]
        events = await chat.answer(await chat.conversation())
        results = [event.tool_result for event in events if event.WhichOneof("event") == "tool_result"]
        assert sorted(result.is_error for result in results) == [False, False, False, True]
        (refused,) = (result for result in results if result.is_error)
        assert "an answer may make 3 tool calls in all" in refused.content
