"""The connections that a vendor's own SDK uses, for vectors, counts and lists, which tenants share as well."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from llm_service.domain.model.failure import FAILURE_RULES, FailureKind, ProviderError
from llm_service.domain.model.profile import ProviderProfile
from llm_service.domain.model.provider import EmbeddingRequest
from llm_service.providers.anthropic import AnthropicProvider
from llm_service.providers.connection_room import ConnectionRoom
from llm_service.providers.gemini import GeminiProvider
from llm_service.providers.openai import OpenAiProvider
from llm_service.testing import question
from penstock_kit.context import CallContext, Caller, use_context
from penstock_testkit.clock import ManualClock
from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import HANG_SECONDS

TEXT = EmbeddingRequest(model="m", inputs=("a",))
VECTOR = {"object": "embedding", "index": 0, "embedding": "AACAPwAAAAA="}
CALLS: dict[str, tuple[Any, Callable[[Any], Awaitable[Any]], dict[str, Any]]] = {
    "openai vectors": (
        OpenAiProvider,
        lambda provider: provider.embed(TEXT),
        {"object": "list", "data": [VECTOR], "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}},
    ),
    "openai models": (OpenAiProvider, lambda provider: provider.list_models(), {"object": "list", "data": []}),
    "anthropic tokens": (
        AnthropicProvider, lambda provider: provider.count_tokens(question("claude-fake")), {"input_tokens": 3},
    ),
    "gemini vectors": (GeminiProvider, lambda provider: provider.embed(TEXT), {"embeddings": [{"values": [1.0, 0.0]}]}),
    "gemini models": (GeminiProvider, lambda provider: provider.list_models(), {"models": []}),
}  # fmt: skip


@pytest.fixture(params=CALLS, ids=str)
async def vendor(
    request: pytest.FixtureRequest, clock: ManualClock, new_id: Callable[[str], str]
) -> AsyncIterator[Any]:
    """A vendor whose SDK has ten connections, nine of one tenant; it answers when `go_on` is set."""
    make, call, answer = CALLS[request.param]
    go_on, came = asyncio.Event(), asyncio.Semaphore(0)

    async def answered(_: web.Request) -> web.Response:
        came.release()
        await go_on.wait()
        return web.json_response(answer)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answered)
    runner, port = web.AppRunner(app), free_port()
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    row = ProviderProfile(name="v", dialect="v", models=("m",), base_url=f"http://127.0.0.1:{port}", keys=("k",))
    provider = make(row, clock=clock, new_id=new_id, connect_timeout=4)
    provider._upstream.sdk_room = ConnectionRoom(10, 0.2)

    async def ask(tenant_id: str) -> object:
        with use_context(CallContext(request_id="r", caller=Caller(user_id="u", tenant_id=tenant_id))):
            return await call(provider)

    yield ask, go_on, came
    go_on.set()
    await provider.close()
    await runner.cleanup()


async def test_slow_calls_through_an_sdk_are_refused_to_their_tenant_alone_and_not_blamed_on_the_vendor(
    vendor: tuple[Callable[[str], Awaitable[object]], asyncio.Event, asyncio.Semaphore],
) -> None:
    ask, go_on, came = vendor
    slow = [asyncio.ensure_future(ask("a")) for _ in range(9)]
    async with asyncio.timeout(HANG_SECONDS):
        for _ in slow:
            await came.acquire()
    with pytest.raises(ProviderError) as refused:
        await asyncio.wait_for(ask("a"), HANG_SECONDS)
    assert refused.value.failure is FailureKind.CROWDED
    assert not FAILURE_RULES[FailureKind.CROWDED].counts_against_provider
    other = asyncio.ensure_future(ask("b"))
    await asyncio.wait_for(came.acquire(), HANG_SECONDS)
    go_on.set()
    answer = await asyncio.wait_for(other, HANG_SECONDS)
    assert await asyncio.gather(*slow) == [answer] * 9
    assert await asyncio.gather(*(ask("a") for _ in range(9))) == [answer] * 9, "what was used was given back"
