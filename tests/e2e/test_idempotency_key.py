"""Everything that costs money honours Idempotency-Key: 50 at once over HTTP are one vendor's call and one body."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Reply
from penstock_testkit.waiting import HANG_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="module")
QUESTION = [{"role": "user", "content": "ping"}]
SURFACES: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"model": "openai/m", "messages": QUESTION}),
    "chat, streamed": ("/v1/chat/completions", {"model": "openai/m", "messages": QUESTION, "stream": True}),
    "responses": ("/v1/responses", {"model": "openai/m", "input": "ping"}),
    "responses, streamed": ("/v1/responses", {"model": "openai/m", "input": "ping", "stream": True}),
    "messages": ("/v1/messages", {"model": "openai/m", "max_tokens": 9, "messages": QUESTION}),
    "messages, streamed": (
        "/v1/messages",
        {"model": "openai/m", "max_tokens": 9, "messages": QUESTION, "stream": True},
    ),
    "embeddings": ("/v1/embeddings", {"model": "openai/text-embedding-3-small", "input": ["a", "b"]}),
    "parse": ("/api/v1/llm/parse", {"model": "openai/m", "prompt": "How is pump-7?"}),
}


@dataclass
class Place:
    """A system before a fake vendor, and a client of it."""

    system: RunningSystem
    vendor: OpenAiServer
    http: httpx.AsyncClient

    async def fifty(self, path: str, body: dict[str, Any], key: str) -> list[httpx.Response]:
        """Send the same request 50 times at once."""
        headers = {"Idempotency-Key": key}
        return await asyncio.gather(*(self.http.post(path, json=body, headers=headers) for _ in range(50)))

    async def rows(self) -> int:
        """How many rows the ledger has."""
        return len((await self.http.get("/api/v1/costs/ledger?page_size=1000")).json()["entries"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        vendor = await stack.enter_async_context(OpenAiServer(default=Reply(chunk_delay=0.05)))
        environment = {"OPENAI_API_KEY": "sk-test-0001-abcd", "OPENAI_BASE_URL": vendor.base_url}
        home = tmp_path_factory.mktemp("idempotency") / "home"
        system = await asyncio.to_thread(start_system, home, extra_env=environment, demo=False)
        stack.push_async_callback(asyncio.to_thread, system.stop)
        http = httpx.AsyncClient(
            base_url=system.url,
            headers={"Authorization": f"Bearer {system.key}"},
            timeout=HANG_SECONDS,
            limits=httpx.Limits(max_connections=60),
        )
        yield Place(system=system, vendor=vendor, http=await stack.enter_async_context(http))


@pytest.mark.parametrize("surface", SURFACES)
async def test_fifty_at_once_are_one_call_one_row_and_one_body(place: Place, surface: str) -> None:
    path, body = SURFACES[surface]
    calls, rows = len(place.vendor.received), await place.rows()
    answers = await place.fifty(path, body, f"key of {surface}")
    assert {answer.status_code for answer in answers} == {200}, answers[0].text
    assert len({answer.text for answer in answers}) == 1
    assert len(place.vendor.received) == calls + 1
    assert await place.rows() == rows + 1
    again = await place.http.post(path, json=body, headers={"Idempotency-Key": f"key of {surface}"})
    assert again.text == answers[0].text
    assert len(place.vendor.received) == calls + 1


async def test_fifty_questions_of_a_conversation_with_one_key_are_one_turn(place: Place) -> None:
    conversation = (await place.http.post("/api/v1/conversations", json={})).json()["id"]
    calls = len(place.vendor.received)
    body = {"content": "ping", "role": "user", "model": "openai/m", "use_tools": False}
    answers = await place.fifty(f"/api/v1/conversations/{conversation}/stream", body, "one turn")
    assert {answer.status_code for answer in answers} == {200}
    # The memory embeds beside it.
    paths = [received.path for received in place.vendor.received[calls:]]
    assert paths.count("/v1/chat/completions") == 1
    assert all('"content":"pong"' in answer.text for answer in answers)
    kept = (await place.http.get(f"/api/v1/conversations/{conversation}")).json()
    assert [message["role"] for message in kept["messages"]] == ["user", "assistant"]


async def test_a_key_with_another_question_is_refused(place: Place) -> None:
    path, body = SURFACES["chat"]
    headers = {"Idempotency-Key": "reused"}
    await place.http.post(path, json=body, headers=headers)
    other = body | {"messages": [{"role": "user", "content": "something else"}]}
    refused = await place.http.post(path, json=other, headers=headers)
    assert refused.status_code == 422
    assert refused.json()["error"]["code"] == "idempotency_key_conflict"
