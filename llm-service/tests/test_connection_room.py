"""The connections to a vendor, which tenants share."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import web

from llm_service.domain.model.failure import FAILURE_RULES, FailureKind, ProviderError
from llm_service.providers.connection_room import AllInUse, ConnectionRoom
from llm_service.providers.http_client import HttpClient
from llm_service.providers.proxied_client import ProxiedClient
from llm_service.providers.upstream import Upstream
from penstock_kit.context import CallContext, Caller, use_context
from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import HANG_SECONDS


def of(tenant_id: str) -> Any:
    """Return the context of a call of the tenant."""
    return use_context(CallContext(request_id="r", caller=Caller(user_id="u", tenant_id=tenant_id)))


async def enter(room: ConnectionRoom, tenant_id: str) -> str:
    with of(tenant_id):
        return await room.enter()


async def test_one_tenant_leaves_a_tenth_of_the_connections_to_the_others() -> None:
    room = ConnectionRoom(20, 0.01)
    for _ in range(18):
        await enter(room, "a")
    with pytest.raises(AllInUse, match="one tenant has 18 at most"):
        await enter(room, "a")
    assert [await enter(room, "b") for _ in range(2)] == ["b", "b"]
    with pytest.raises(AllInUse):
        await enter(room, "c")


async def test_of_those_that_wait_for_a_connection_tenants_take_turns() -> None:
    room, order = ConnectionRoom(1, HANG_SECONDS), list[str]()

    async def ask(tenant_id: str) -> None:
        room.leave(await enter(room, tenant_id))
        order.append(tenant_id)

    held = await enter(room, "a")
    asking = [asyncio.create_task(ask(each)) for each in ("a", "a", "a", "b")]
    await asyncio.sleep(0)
    room.leave(held)
    await asyncio.gather(*asking)
    assert order.index("b") <= 1


@pytest.mark.parametrize(("size", "beside"), [(1024, False), (12_000_000, True)], ids=str)
async def test_a_large_question_is_written_beside_the_event_loop(size: int, beside: bool) -> None:
    """Others wait for no picture of 12 MB; a small question is not handed over, which would take longer."""
    vendor = Upstream("v", headers={}, connect_timeout=HANG_SECONDS)
    threads = list[threading.Thread]()

    class Noted(dict[str, str]):
        """Headers that note where they are asked for."""

        def items(self) -> Any:
            threads.append(threading.current_thread())
            return super().items()

    with pytest.raises(ProviderError) as refused:
        async with vendor.post("http://127.0.0.1:1/v1", {}, "m", headers=Noted(a="b"), size=size):
            pass
    assert refused.value.failure is FailureKind.CONNECT
    assert [thread is not threading.main_thread() for thread in threads] == [beside]
    await vendor.close()


@pytest.fixture(params=["direct", "proxied"])
async def upstream(request: pytest.FixtureRequest) -> Any:
    """A vendor with ten connections, nine of one tenant; it answers when `go_on` is set."""
    go_on, came = asyncio.Event(), asyncio.Semaphore(0)

    async def answer(_: web.Request) -> web.Response:
        came.release()
        await go_on.wait()
        return web.Response(body=b"{}")

    app = web.Application()
    app.router.add_post("/v1", answer)
    runner, port = web.AppRunner(app), free_port()
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    proxy = f"http://127.0.0.1:{port}" if request.param == "proxied" else ""
    vendor = Upstream("v", headers={}, connect_timeout=HANG_SECONDS, proxy=proxy)
    client: HttpClient | ProxiedClient = vars(vendor)["_client"]
    assert isinstance(client, ProxiedClient if proxy else HttpClient)
    client.room = ConnectionRoom(10, 0.2)

    async def ask(tenant_id: str) -> bytes:
        with of(tenant_id):
            async with vendor.post(f"http://127.0.0.1:{port}/v1", {}, "m") as response:
                return await response.read_some()

    yield ask, go_on, came
    await vendor.close()
    await runner.cleanup()


async def test_slow_calls_of_one_tenant_are_refused_to_it_alone_and_not_blamed_on_the_vendor(
    upstream: tuple[Callable[[str], Awaitable[bytes]], asyncio.Event, asyncio.Semaphore],
) -> None:
    ask, go_on, came = upstream
    async with AsyncExitStack() as stack:
        slow = [asyncio.ensure_future(ask("a")) for _ in range(9)]
        stack.callback(go_on.set)
        async with asyncio.timeout(HANG_SECONDS):
            for _ in slow:
                await came.acquire()
        with pytest.raises(ProviderError) as refused:
            await ask("a")
        assert refused.value.failure is FailureKind.CROWDED
        assert not FAILURE_RULES[FailureKind.CROWDED].counts_against_provider
        other = asyncio.ensure_future(ask("b"))
        go_on.set()
        assert await asyncio.wait_for(other, HANG_SECONDS) == b"{}"
        assert await asyncio.gather(*slow) == [b"{}"] * 9
    assert await asyncio.gather(*(ask("a") for _ in range(9))) == [b"{}"] * 9
