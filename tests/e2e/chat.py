"""Ask through the HTTP API and collect what streams back."""

import json
from typing import Any

import httpx
from httpx_sse import aconnect_sse

Event = dict[str, Any]


async def ask(http: httpx.AsyncClient, question: str, *, path: str = "stream") -> list[Event]:
    """Put one question in a new conversation; return the stream's events."""
    conversation = (await http.post("/api/v1/conversations", json={})).raise_for_status().json()
    url = f"/api/v1/conversations/{conversation['id']}/{path}"
    async with aconnect_sse(http, "POST", url, json={"content": question, "role": "user"}) as source:
        source.response.raise_for_status()
        return [json.loads(event.data) async for event in source.aiter_sse() if event.data]


def kinds(events: list[Event]) -> list[str]:
    """The events' types in order, runs of the same type once."""
    found: list[str] = []
    for event in events:
        if not found or found[-1] != event["type"]:
            found.append(event["type"])
    return found


def text(events: list[Event]) -> str:
    """The answer: all message chunks joined."""
    return "".join(event["content"] for event in events if event["type"] == "message_chunk")
