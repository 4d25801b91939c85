"""How a socket ends: its client leaves in the middle of an answer, or somebody else ends it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import WebSocketDisconnect

from gateway.auth.session_monitor import MonitoredSession
from gateway.chat.websocket import ConversationWebSocket
from gateway.chat.websocket_admission import serve_while_admitted
from penstock_kit.context import Caller
from penstock_testkit.services.chat import turn
from penstock_testkit.waiting import HANG_SECONDS


@dataclass
class LeavingClient:
    """A client that is gone when the first event is sent, which is noticed there before it is when reading."""

    sent: list[str] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def send_text(self, text: str) -> None:
        self.sent.append(text)
        self.left.set()
        raise WebSocketDisconnect(1006)

    async def receive(self) -> dict[str, Any]:
        await self.left.wait()
        await asyncio.sleep(0)
        return {"type": "websocket.disconnect", "code": 1006}


class Answers:
    """An answer of three events to whoever asks; `closed` once it is not read any more."""

    timeouts = SimpleNamespace(stream=60.0)
    streams = SimpleNamespace(ReadStream=lambda _: None)
    last = SimpleNamespace(stream_id="str_1")

    def __init__(self) -> None:
        self.closed = asyncio.Event()

    def open(self, start: Callable[[], Any]) -> "Answers":
        return self

    async def batches(self) -> AsyncGenerator[Any]:
        try:
            for step in turn("Hel", "lo"):
                yield step
        finally:
            self.closed.set()


async def test_a_client_that_leaves_while_an_event_is_sent_ends_its_socket_without_an_error() -> None:
    client: Any = LeavingClient()
    answers: Any = Answers()
    async with asyncio.timeout(HANG_SECONDS):
        await ConversationWebSocket(client, "conv_1", answers).serve(stream_id="str_1")
    assert len(client.sent) == 1
    assert answers.closed.is_set()


class Monitor:
    """Ends nothing by itself; `end` does as the real one when credentials end."""

    def __init__(self) -> None:
        self.watched = MonitoredSession(caller=Caller(user_id="ann"), scope="chat", on_end=lambda: None)

    @contextmanager
    def watch(self, caller: Caller, scope: str, on_end: Callable[[], object]) -> Generator[MonitoredSession]:
        self.watched.on_end = on_end
        yield self.watched

    def end(self) -> None:
        self.watched.ended = True
        self.watched.on_end()


@pytest.mark.parametrize("by_monitor", [True, False], ids=["credentials end", "cancelled from outside"])
async def test_only_an_end_of_its_credentials_is_an_end_of_a_sockets_own(by_monitor: bool) -> None:
    serving, monitor = asyncio.Event(), Monitor()
    socket: Any = SimpleNamespace(application_state=None)
    watching: Any = monitor

    async def serve() -> None:
        serving.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(
        serve_while_admitted(socket, caller=Caller(user_id="ann"), scope="chat", monitor=watching, serve=serve)
    )
    await serving.wait()
    if by_monitor:
        monitor.end()
    else:
        task.cancel()
    async with asyncio.timeout(HANG_SECONDS):
        await asyncio.wait([task])
    assert task.cancelled() is not by_monitor
