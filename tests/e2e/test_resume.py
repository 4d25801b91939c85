"""A stream can be left, read again and stopped."""

import json

import httpx
from httpx_sse import aconnect_sse

from tests.e2e.chat import ask


async def test_a_finished_stream_is_read_again_from_any_sequence(http: httpx.AsyncClient) -> None:
    events = await ask(http, "What was the mean current of WLD001?")
    url = f"/api/v1/streams/{events[0]['stream_id']}/events"
    async with aconnect_sse(http, "GET", url, headers={"Last-Event-ID": "2"}) as source:
        again = [json.loads(event.data) async for event in source.aiter_sse() if event.data]
    assert again == events[2:]


async def test_a_reader_that_has_everything_is_answered_204(http: httpx.AsyncClient) -> None:
    events = await ask(http, "What was the mean current of WLD001?")
    response = await http.get(f"/api/v1/streams/{events[0]['stream_id']}/events", params={"after": len(events)})
    assert response.status_code == 204


async def test_stopping_a_finished_stream_says_that_it_had_ended(http: httpx.AsyncClient) -> None:
    events = await ask(http, "Hi there!")
    response = await http.post(f"/api/v1/streams/{events[0]['stream_id']}/stop")
    assert response.status_code == 200
    assert response.json()["stopped"] is False


async def test_the_conversation_keeps_question_tool_and_answer(http: httpx.AsyncClient) -> None:
    events = await ask(http, "What was the mean current of WLD001?")
    conversations = (await http.get("/api/v1/conversations")).raise_for_status().json()
    newest = conversations["conversations"][0]
    assert newest["title"].startswith("What was the mean current")
    stored = (await http.get(f"/api/v1/conversations/{newest['id']}/messages")).raise_for_status().json()
    assert stored["messages"][0]["role"] == "user"
    assert stored["messages"][-1]["content"] == events[-1]["content"]
