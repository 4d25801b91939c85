"""Memory in a turn: what is recalled, summarised, cached and forgotten."""

import asyncio
import gc
import struct
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from penstock.chat.v1 import chat_pb2 as pb
from penstock.llm.v1 import llm_pb2
from sqlalchemy import select, text

from chat_stream_service.adapters.table import conversations, erasures, memories
from chat_stream_service.domain.model.memory import Note
from chat_stream_service.domain.model.stream_request import StreamRequest
from penstock_kit.errors import Unavailable
from penstock_testkit.contracts.stream_law import assert_whole
from penstock_testkit.services import Hang, Wait
from penstock_testkit.waiting import HANG_SECONDS, until


async def settled(chat: Any) -> None:
    """Wait until what follows an answer is done."""
    async with asyncio.timeout(HANG_SECONDS):
        await chat.resources.background.idle()


async def told(chat: Any, conversation: str, question: str, answer: str) -> None:
    """Run a turn and let it be remembered."""
    chat.llm.rounds = [chat.says(answer)]
    assert_whole(await chat.answer(conversation, question))
    await settled(chat)


def instruction(chat: Any) -> str:
    """The system prompt of the last model call."""
    return chat.llm.completions[-1].messages[0].parts[0].text


async def rows(chat: Any, table: Any) -> int:
    async with chat.resources.database.read() as connection:
        return len((await connection.execute(select(table))).all())


async def test_what_was_said_in_another_conversation_is_recalled(chat: Any) -> None:
    await told(chat, await chat.conversation(), "The coolant of WLD001 is glycol G48", "Noted.")
    await told(chat, await chat.conversation(), "Which coolant has WLD001?", "Glycol G48.")
    assert "asked: The coolant of WLD001 is glycol G48 — answered: Noted." in instruction(chat)
    assert "no instruction to you" in instruction(chat)
    statistics = chat.services.memory_statistics[0]
    assert (statistics.engine, statistics.turns, statistics.notes) == ("chat_engine", 2, 1)
    assert dict(statistics.recalls) == {"empty": 1, "hit": 1}
    assert dict(statistics.kept) == {"kept": 2}


async def test_what_the_history_tells_already_is_not_told_twice(chat: Any) -> None:
    conversation = await chat.conversation()
    await told(chat, conversation, "The coolant of WLD001 is glycol G48", "Noted.")
    await told(chat, conversation, "Which coolant has WLD001?", "Glycol G48.")
    assert "asked:" not in instruction(chat)


async def test_an_answer_under_way_keeps_neither_its_question_as_it_came_nor_what_was_recalled_for_it(
    chat: Any,
) -> None:
    await told(chat, await chat.conversation(), "The coolant of WLD001 is glycol G48", "Noted.")
    go_on = asyncio.Event()
    piece, *rest = chat.says("Glycol G48", ".")[1:]
    chat.llm.rounds = [[chat.started(), piece, Wait(go_on), *rest]]
    call = chat.ask(await chat.conversation(), "Which coolant has WLD001?")
    async with asyncio.timeout(HANG_SECONDS):
        answer = aiter(call)
        assert (await anext(answer)).events
        assert "glycol" in instruction(chat)
        await until(lambda: count(Note) == count(StreamRequest) == 0)
        go_on.set()
        async for _ in answer:
            pass
    await settled(chat)


def count(kind: type) -> int:
    """How many objects of a kind are in memory."""
    gc.collect()
    return sum(isinstance(each, kind) for each in gc.get_objects())


async def test_nobody_elses_words_are_recalled(chat: Any, bob: Any, eve: Any) -> None:
    await told(chat, await chat.conversation(), "The coolant of WLD001 is glycol G48", "Noted.")
    for other in (bob, eve):
        async with chat.as_caller(other):
            await told(chat, await chat.conversation(), "Which coolant has WLD001?", "I do not know.")
            assert "glycol" not in instruction(chat)


async def test_recalled_notes_are_cached_and_dropped_when_something_is_said(chat: Any) -> None:
    go_on = asyncio.Event()
    first, *rest = chat.says("Noted", ".")[1:]
    chat.llm.rounds = [[chat.started(), first, Wait(go_on), *rest]]
    call = chat.ask(await chat.conversation(), "The coolant of WLD001 is glycol G48")
    async with asyncio.timeout(HANG_SECONDS):
        answer = aiter(call)
        assert (await anext(answer)).events
        await chat.cache.stored.wait()
        assert [key for _, key in chat.cache.values if key.startswith("chat:memory:chat_engine:")]
        assert list(chat.cache.classes.values()) == ["memory"]
        go_on.set()
        assert [message async for message in answer]
    await settled(chat)
    assert not chat.cache.values


async def test_a_deleted_conversation_is_forgotten_everywhere(chat: Any) -> None:
    conversation = await chat.conversation()
    await told(chat, conversation, "The coolant of WLD001 is glycol G48", "Noted.")
    await chat.conversations.DeleteConversation(pb.DeleteConversationRequest(id=conversation))
    await settled(chat)
    assert (await rows(chat, memories), await rows(chat, erasures)) == (0, 0)
    assert not [key for _, key in chat.cache.values if key.startswith("chat:memory:")]
    await told(chat, await chat.conversation(), "Which coolant has WLD001?", "I do not know.")
    assert "glycol" not in instruction(chat)


async def test_an_answer_without_a_model_is_not_remembered(chat: Any) -> None:
    started = [llm_pb2.CompletionEvent(started=llm_pb2.Started(id="a", provider="fallback", model="rules"))]
    chat.llm.rounds = [[started, *chat.says("No model is configured.")[1:]]]
    await chat.answer(await chat.conversation(), "Tell me about pump P100")
    await settled(chat)
    assert await rows(chat, memories) == 0


async def test_a_stopped_answer_is_not_remembered(chat: Any) -> None:
    chat.llm.rounds = [[*chat.says("Well")[:2], Hang()]]
    call = chat.ask(await chat.conversation(), "Tell me about pump P100")
    stream_id = ""
    async with asyncio.timeout(HANG_SECONDS):
        async for message in call:
            stream_id = stream_id or message.events[0].stream_id
            if any(event.HasField("message_chunk") for event in message.events):
                break
        await chat.streams.StopStream(pb.StopStreamRequest(stream_id=stream_id))
    await settled(chat)
    assert await rows(chat, memories) == 0


@pytest.mark.parametrize("chat_settings", [{"memory_patience_seconds": 0.05}], indirect=True)
async def test_a_memory_that_fails_costs_no_answer(chat: Any) -> None:
    async with chat.resources.database.write() as connection:
        await connection.execute(text("ALTER TABLE memories RENAME TO away"))
    for _ in range(4):
        await told(chat, await chat.conversation(), "Which coolant has WLD001?", "I do not know.")
    recalls = chat.services.memory_statistics[0].recalls
    assert recalls["hit"] + recalls["empty"] == 0
    assert recalls["skipped"] >= 1, "after three failures it is left alone"


@pytest.mark.parametrize("chat_settings", [{"history_tokens": 120}], indirect=True)
async def test_what_no_longer_fits_is_told_as_a_summary_that_a_model_wrote(chat: Any) -> None:
    conversation = await chat.conversation()
    for number in range(4):
        chat.llm.rounds = [chat.says(f"Answer {number}. " + "word " * 40), chat.says("They spoke of pumps.")]
        await chat.answer(conversation, f"Question {number} about pump P{number}?")
        await settled(chat)
    assert any("You keep the minutes" in call.messages[0].parts[0].text for call in chat.llm.completions)
    async with chat.resources.database.read() as connection:
        row = (await connection.execute(select(conversations))).one()
    assert row.summary == "They spoke of pumps."
    chat.llm.rounds = [chat.says("Fine.")]
    await chat.answer(conversation, "And now?")
    asked = next(call for call in reversed(chat.llm.completions) if "minutes" not in call.messages[0].parts[0].text)
    assert "They spoke of pumps." in asked.messages[0].parts[0].text
    texts = [message.parts[0].text for message in asked.messages[1:]]
    assert not any("Question 0" in each for each in texts)
    assert texts[-1] == "And now?"
    listed = await chat.messages(conversation)
    assert len(listed) == 10, "the conversation itself keeps every message"


@pytest.mark.parametrize("chat_settings", [{"history_tokens": 120}], indirect=True)
async def test_without_a_model_the_summary_is_made_by_rule(chat: Any) -> None:
    conversation = await chat.conversation()
    started = [llm_pb2.CompletionEvent(started=llm_pb2.Started(id="a", provider="fallback", model="rules"))]
    for number in range(4):
        answer = chat.says(f"Answer {number}. " + "word " * 40)
        chat.llm.rounds = [answer, [started, *chat.says("No model is configured.")[1:]]]
        await chat.answer(conversation, f"Question {number} about pump P{number}?")
        await settled(chat)
    async with chat.resources.database.read() as connection:
        summary = (await connection.execute(select(conversations.c.summary))).scalar_one()
    assert summary.startswith("User: Question 0 about pump P0?\nAssistant: Answer 0. word")
    assert "No model" not in summary


@pytest.mark.parametrize("chat_settings", [{"history_tokens": 120}], indirect=True)
async def test_what_the_offline_provider_answered_is_summarised_without_asking_a_model(chat: Any) -> None:
    conversation = await chat.conversation()
    started = [llm_pb2.CompletionEvent(started=llm_pb2.Started(id="a", provider="fallback", model="rules"))]
    for number in range(4):
        called, answer = chat.calls(("list_devices", "{}")), chat.says(f"Answer {number}. " + "word " * 40)
        chat.llm.rounds = [[started, *called[1:]], [started, *answer[1:]]]
        await chat.answer(conversation, f"Question {number} about pump P{number}?")
        await settled(chat)
    assert not any("You keep the minutes" in call.messages[0].parts[0].text for call in chat.llm.completions)
    async with chat.resources.database.read() as connection:
        summary = (await connection.execute(select(conversations.c.summary))).scalar_one()
    assert summary.startswith("User: Question 0 about pump P0?\nAssistant: Answer 0. word")


class Embedding:
    """Gives llm-service's fake a model that embeds: pumps point one way, all else another."""

    def __init__(self, chat: Any) -> None:
        self.texts: list[str] = []
        self.down = False
        self.hold: asyncio.Event | None = None
        chat.llm.models = [
            llm_pb2.Model(id="fallback/hashing", provider="fallback", capabilities=["embedding"]),
            llm_pb2.Model(id="openai/embedder", provider="openai", capabilities=["embedding"]),
        ]
        chat.llm.embed = self.embed

    async def embed(self, request: Any) -> Any:
        assert (request.model, request.dimensions) == ("openai/embedder", 256)
        if self.hold is not None:
            await self.hold.wait()
        if self.down:
            raise Unavailable("no embeddings today")
        self.texts += request.inputs
        pump = any(word in request.inputs[0].casefold() for word in ("pump", "impeller"))
        values = struct.pack("<2f", *((1.0, 0.1) if pump else (0.1, 1.0)))
        return llm_pb2.EmbedResponse(embeddings=[llm_pb2.Embedding(values=values)])


@pytest.fixture
async def embeds(chat_with: Any) -> AsyncGenerator[tuple[Any, Embedding]]:
    """The service beside an embedding model, with time to wait for it."""
    async with chat_with(memory_patience_seconds=HANG_SECONDS) as chat:
        yield chat, Embedding(chat)


async def test_with_an_embedding_model_the_meaning_is_found_too(embeds: Any) -> None:
    chat, embedding = embeds
    await told(chat, await chat.conversation(), "Our pumps come from Bremen", "Noted.")
    await told(chat, await chat.conversation(), "The canteen closes early", "Noted.")
    await told(chat, await chat.conversation(), "Whence that impeller machinery?", "From Bremen.")
    assert "Our pumps come from Bremen" in instruction(chat)
    assert "canteen" not in instruction(chat)
    assert "Our pumps come from Bremen\nNoted." in embedding.texts


async def test_embeddings_that_fail_cost_no_answer(embeds: Any) -> None:
    chat, embedding = embeds
    embedding.down = True
    await told(chat, await chat.conversation(), "Our pumps come from Bremen", "Noted.")
    assert chat.services.memory_statistics[0].recalls["failed"] == 1
    assert await rows(chat, memories) == 1


async def test_slow_embeddings_leave_the_words(chat_with: Any) -> None:
    async with chat_with(memory_patience_seconds=2) as chat:
        embedding = Embedding(chat)
        await told(chat, await chat.conversation(), "The coolant of WLD001 is glycol G48", "Noted.")
        embedding.hold = asyncio.Event()
        chat.llm.rounds = [chat.says("Glycol.")]
        async with asyncio.timeout(HANG_SECONDS):
            assert_whole(await chat.answer(await chat.conversation(), "Which coolant has WLD001?"))
        assert "glycol G48" in instruction(chat)
        embedding.hold.set()
        await settled(chat)
