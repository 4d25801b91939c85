"""The engine mem0_proxy: real mem0 with a local vector store, against a local server of OpenAI's format."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from penstock.chat.v1 import chat_pb2 as pb

from chat_stream_service.adapters.sql_conversation_store import SqlConversationStore
from chat_stream_service.composition.mem0 import build_mem0
from penstock_testkit.contracts.stream_law import assert_whole
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Reply
from penstock_testkit.waiting import HANG_SECONDS, assert_within

FACTS = json.dumps({"memory": [{"id": "0", "text": "WLD001 is cooled with glycol G48", "attributed_to": "user"}]})
# Loading mem0 takes a machine under load some seconds.


@pytest.fixture
async def vendor() -> AsyncGenerator[OpenAiServer]:
    async with OpenAiServer(default=Reply(chunks=(FACTS,))) as server:
        yield server


@pytest.fixture
async def chat0(chat_with: Any, vendor: OpenAiServer) -> AsyncGenerator[Any]:
    """The service with mem0 configured, its patience that of a slow test machine."""
    changes = {"mem0_llm_base_url": vendor.base_url, "mem0_embedder_dimensions": 4, "mem0_patience_seconds": 5.0}
    async with chat_with(**changes) as chat:
        yield chat


async def settled(chat: Any) -> None:
    async with asyncio.timeout(HANG_SECONDS):
        await chat.resources.background.idle()


async def told(chat: Any, question: str, answer: str, conversation: str = "") -> str:
    """Run a turn with mem0_proxy and return what the model was told before the question."""
    chat.llm.rounds = [chat.says(answer)]
    events = await chat.answer(conversation or await chat.conversation(), question, engine="mem0_proxy")
    assert_whole(events)
    await settled(chat)
    return chat.llm.completions[-1].messages[0].parts[0].text


async def test_what_mem0_drew_out_is_recalled_for_its_user_alone_until_it_is_deleted(
    chat0: Any, vendor: OpenAiServer, eve: Any
) -> None:
    conversation = await chat0.conversation()
    await told(chat0, "We cool WLD001 with glycol G48", "Noted.", conversation)
    extraction = next(received for received in vendor.received if received.path == "/v1/chat/completions")
    assert "We cool WLD001 with glycol G48" in extraction.body["messages"][-1]["content"]
    assert "WLD001 is cooled with glycol G48" in await told(chat0, "Which coolant has WLD001?", "Glycol.")
    async with chat0.as_caller(eve):
        assert "glycol" not in await told(chat0, "Which coolant has WLD001?", "I do not know.")
    statistics = chat0.services.memory_statistics[1]
    assert (statistics.engine, statistics.recalls["hit"], statistics.kept["kept"]) == ("mem0_proxy", 1, 3)
    assert sys.modules["mem0.memory.telemetry"].MEM0_TELEMETRY is False
    vendor.default = Reply(chunks=('{"memory": []}',))
    for listed in (await chat0.conversations.ListConversations(pb.ListConversationsRequest())).conversations:
        await chat0.conversations.DeleteConversation(pb.DeleteConversationRequest(id=listed.id))
    await settled(chat0)
    assert "glycol" not in await told(chat0, "Which coolant has WLD001?", "I do not know.")


async def test_a_mem0_that_fails_costs_no_answer_and_is_said_to_be_unhealthy(chat_with: Any) -> None:
    async with chat_with(mem0_llm_base_url="http://127.0.0.1:1/v1", mem0_embedder_dimensions=4) as chat:
        for _ in range(5):
            await told(chat, "Which coolant has WLD001?", "I do not know.")
        statistics = chat.services.memory_statistics[1]
        assert statistics.kept["failed"] == 5
        assert statistics.recalls["skipped"] >= 1, "after three failures it is left alone"
        engines = (await chat.engines.ListEngines(pb.ListEnginesRequest())).engines
        mem0 = next(engine for engine in engines if engine.name == "mem0_proxy")
        assert not mem0.healthy
        assert "mem0 failed: " in mem0.detail


async def test_a_mem0_that_hangs_costs_no_more_than_its_patience(chat_with: Any) -> None:
    gone = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with chat_with(mem0_llm_base_url=url, mem0_embedder_dimensions=4) as chat:
        chat.llm.rounds = [chat.says("I do not know.")]
        conversation = await chat.conversation()
        await told(chat, "Is WLD001 cooled?", "I do not know.", conversation)
        began = time.monotonic()
        for _ in range(4):
            assert_whole(await chat.answer(conversation, "Which coolant has WLD001?", engine="mem0_proxy"))
        assert_within(time.monotonic() - began, 10)
        recalls = chat.services.memory_statistics[1].recalls
        assert recalls["slow"] >= 1
        gone.set()
        await settled(chat)
    server.close()


async def test_without_an_endpoint_or_the_extra_the_engine_says_what_is_missing_and_answers(chat: Any) -> None:
    engines = (await chat.engines.ListEngines(pb.ListEnginesRequest())).engines
    assert [(engine.name, engine.current) for engine in engines] == [("chat_engine", True), ("mem0_proxy", False)]
    assert not engines[1].healthy
    assert "MEM0_LLM_BASE_URL is not set" in engines[1].detail
    await told(chat, "Which coolant has WLD001?", "I do not know.")
    store = SqlConversationStore(chat.resources.database)
    absent = build_mem0(chat.settings, store, installed=False)
    assert "pip install 'penstock-chat-stream-service[mem0]'" in (await absent.health()).detail


async def test_a_switch_to_mem0_counts_for_new_turns(chat0: Any) -> None:
    await chat0.engines.SetCurrentEngine(pb.SetCurrentEngineRequest(name="mem0_proxy"))
    chat0.llm.rounds = [chat0.says("Hello.")]
    events = await chat0.answer(await chat0.conversation(), "Hello?", debug=True)
    assert events[-1].debug.engine == "mem0_proxy"
    assert "memory" in events[-1].debug.hops


async def test_a_fact_said_in_two_conversations_is_kept_once(chat0: Any) -> None:
    for _ in range(2):
        await told(chat0, "We cool WLD001 with glycol G48", "Noted.")
    asked = await told(chat0, "Which coolant has WLD001?", "Glycol.")
    assert asked.count("WLD001 is cooled with glycol G48") == 1


@pytest.mark.parametrize(
    "answer", ["Sure! I remember nothing {{{", "null", "[1, 2]", '{"memory": "x"}', '{"facts": []}', ""]
)
async def test_an_extraction_that_failed_is_told_and_made_again(chat0: Any, vendor: OpenAiServer, answer: str) -> None:
    vendor.default = Reply(chunks=(answer,))
    await told(chat0, "We cool WLD001 with glycol G48", "Noted.")
    engines = (await chat0.engines.ListEngines(pb.ListEnginesRequest())).engines
    mem0 = next(engine for engine in engines if engine.name == "mem0_proxy")
    assert not mem0.healthy
    assert "1 exchanges wait to be remembered" in mem0.detail
    vendor.default = Reply(chunks=(FACTS,))
    for task in chat0.services.periodic_tasks:
        await task()
    await settled(chat0)
    assert "WLD001 is cooled with glycol G48" in await told(chat0, "Which coolant has WLD001?", "Glycol.")
    engines = (await chat0.engines.ListEngines(pb.ListEnginesRequest())).engines
    assert next(engine for engine in engines if engine.name == "mem0_proxy").healthy
