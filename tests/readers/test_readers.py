"""Readers in Python: httpx-sse, websockets and a gRPC client leave an answer and read on where they were."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import grpc.aio
import httpx
import pytest
from httpx_sse import aconnect_sse
from penstock.chat.v1 import chat_pb2 as pb
from penstock.chat.v1 import chat_pb2_grpc
from websockets.asyncio.client import connect

from penstock_testkit.system import RunningSystem
from penstock_testkit.waiting import HANG_SECONDS
from tests.readers.reading import LEAVES_AFTER, Event, assert_whole


@pytest.fixture
async def http(system: RunningSystem) -> AsyncGenerator[httpx.AsyncClient]:
    """An HTTP client with the admin's API key."""
    headers = {"Authorization": f"Bearer {system.key}"}
    async with httpx.AsyncClient(base_url=system.url, headers=headers, timeout=HANG_SECONDS) as client:
        yield client


async def conversation(http: httpx.AsyncClient) -> str:
    return (await http.post("/api/v1/conversations", json={})).raise_for_status().json()["id"]


async def sse(http: httpx.AsyncClient, method: str, url: str, **options: Any) -> AsyncGenerator[tuple[str, Event]]:
    """Yield the id and the JSON of each event."""
    async with aconnect_sse(http, method, url, **options) as source:
        source.response.raise_for_status()
        async for event in source.aiter_sse():
            assert event.event == json.loads(event.data)["type"]
            yield event.id, json.loads(event.data)


async def test_httpx_sse_reads_on_after_its_last_event_id(http: httpx.AsyncClient) -> None:
    before: list[Event] = []
    last_id = ""
    url = f"/api/v1/conversations/{await conversation(http)}/stream"
    async with aclosing(sse(http, "POST", url, json={"content": "Hi there!"})) as events:
        async for identity, event in events:
            before.append(event)
            last_id = identity
            if len(before) == LEAVES_AFTER:
                break
    url = f"/api/v1/streams/{before[0]['stream_id']}/events"
    after = [event async for _, event in sse(http, "GET", url, headers={"Last-Event-ID": last_id})]
    assert_whole(before, after)


async def test_websockets_resumes_on_a_new_socket(http: httpx.AsyncClient, system: RunningSystem) -> None:
    url = f"{system.url.replace('http', 'ws', 1)}/api/v1/ws/conversations/{await conversation(http)}"
    headers = {"Authorization": f"Bearer {system.key}"}
    before: list[Event] = []
    async with connect(url, additional_headers=headers) as socket:
        await socket.send(json.dumps({"type": "ask", "content": "Hi there!"}))
        while len(before) < LEAVES_AFTER:
            before.append(json.loads(await socket.recv()))
    after: list[Event] = []
    async with connect(url, additional_headers=headers) as socket:
        place = {"stream_id": before[0]["stream_id"], "after": before[-1]["sequence"]}
        await socket.send(json.dumps({"type": "resume", **place}))
        while not after or after[-1]["type"] != "complete_state":
            after.append(json.loads(await socket.recv()))
    assert_whole(before, after)


async def test_a_grpc_client_reads_on_with_another_call(system: RunningSystem) -> None:
    secret = (system.home / "service.secret").read_text().strip()
    metadata = (
        ("x-penstock-user", "ann"),
        ("x-penstock-tenant", "default"),
        ("x-request-id", "req_reader"),
        ("x-penstock-secret", secret),
    )
    async with grpc.aio.insecure_channel(f"127.0.0.1:{system.ports['CHAT_STREAM_SERVICE_PORT']}") as channel:
        conversations = chat_pb2_grpc.ConversationServiceStub(channel)
        made: Any = await conversations.CreateConversation(pb.CreateConversationRequest(), metadata=metadata)
        streams: Any = chat_pb2_grpc.StreamServiceStub(channel)
        question = pb.StreamChatRequest(conversation_id=made.conversation.id, content="Hi there!")
        before: list[Event] = []
        call = streams.StreamChat(question, metadata=metadata)
        async for message in call:
            before += map(_event, message.events)
            if len(before) >= LEAVES_AFTER:
                break
        call.cancel()
        place = pb.ReadStreamRequest(stream_id=before[0]["stream_id"], after_sequence=before[-1]["sequence"])
        call = streams.ReadStream(place, metadata=metadata)
        after = [_event(event) async for message in call for event in message.events]
    assert_whole(before, after)


def _event(event: pb.ChatEvent) -> Event:
    kind = event.WhichOneof("event") or ""
    made: Event = {"type": kind, "stream_id": event.stream_id, "sequence": event.sequence}
    if kind in {"message_chunk", "complete_state"}:
        made["content"] = getattr(event, kind).content
    if kind == "complete_state":
        completed = event.complete_state.status == pb.CompleteState.STATUS_COMPLETED
        made["status"] = "completed" if completed else str(event.complete_state.status)
    return made
