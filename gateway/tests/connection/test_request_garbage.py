"""A request that is over leaves no cycle of objects: a search for those holds up every other request."""

import asyncio
import gc
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gateway.http.disconnect import ActiveResponses, DisconnectGuard
from penstock_testkit.waiting import HANG_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="session")

TIMES = 10
QUESTION = {"model": "fake/m", "messages": [{"role": "user", "content": "hi"}]}


async def kept_by_cycles(ask: Callable[[], Awaitable[Any]]) -> Counter[str]:
    """Return what kinds of objects of the gateway and its server only a search for cycles frees after `ask`."""
    await ask()
    gc.collect()
    gc.disable()
    try:
        for _ in range(TIMES):
            await ask()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        kinds = Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    return Counter({kind: count for kind, count in kinds.items() if kind.startswith(("gateway.", "uvicorn."))})


def asked(gateway: Any, method: str, path: str, body: Any = None) -> Callable[[], Awaitable[Any]]:
    """Return what asks for `path` and reads the whole answer."""

    async def ask() -> None:
        answer = await gateway.client.request(method, path, json=body, headers=gateway.auth())
        assert answer.status_code < 500, answer.text

    return ask


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/chat/completions", QUESTION),
        ("POST", "/v1/chat/completions", QUESTION | {"stream": True}),
        ("POST", "/v1/messages", QUESTION | {"max_tokens": 5}),
        ("POST", "/v1/responses", {"model": "fake/m", "input": "hi"}),
        ("POST", "/v1/chat/completions", {"model": 1}),
        ("POST", "/api/v1/conversations/c/stream", {"content": "hi"}),
        ("GET", "/v1/models", None),
        ("GET", "/api/v1/keys", None),
        ("GET", "/health", None),
    ],
)
async def test_a_request_leaves_no_cycle(gateway: Any, method: str, path: str, body: Any) -> None:
    assert await kept_by_cycles(asked(gateway, method, path, body)) == {}


async def test_a_connection_that_is_closed_leaves_no_cycle(gateway: Any) -> None:
    host, _, port = gateway.url.removeprefix("http://").partition(":")

    async def ask() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        async with asyncio.timeout(HANG_SECONDS):
            assert (await reader.read()).startswith(b"HTTP/1.1 200")
            writer.close()
            await writer.wait_closed()

    assert await kept_by_cycles(ask) == {}


async def test_watching_for_a_client_that_leaves_keeps_no_cycle_when_the_answer_is_complete() -> None:
    async def answer() -> None:
        watched, left = asyncio.Event(), asyncio.Event()

        async def receive() -> Any:
            watched.set()
            try:
                await asyncio.Future()
            finally:
                left.set()

        async with asyncio.timeout(HANG_SECONDS):
            async with DisconnectGuard(receive, ActiveResponses()):
                await watched.wait()
            await left.wait()

    assert await kept_by_cycles(answer) == {}
