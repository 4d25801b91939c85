"""One and three gateways behind one port, without Redis: what holds at one holds whichever of them answers."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio
from httpx_sse import aconnect_sse

from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Reply, UntilTold
from penstock_testkit.waiting import HANG_SECONDS, until
from tests.e2e.chat import ask

pytestmark = pytest.mark.asyncio(loop_scope="module")
# So many new connections that it would be a wonder if one of three gateways got none.
MANY = 24


@dataclass
class Place:
    """A system with `workers` gateways before a fake vendor, and a client that connects anew for each request."""

    workers: int
    system: RunningSystem
    vendor: OpenAiServer
    http: httpx.AsyncClient

    def client(self, credential: str = "") -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {credential}"} if credential else {}
        limits = httpx.Limits(max_keepalive_connections=0)
        return httpx.AsyncClient(base_url=self.system.url, headers=headers, limits=limits, timeout=HANG_SECONDS)

    async def statuses(self, credential: str, path: str = "/api/v1/conversations") -> list[int]:
        """Return what many connections are answered."""
        async with self.client(credential) as http:
            return [answer.status_code for answer in await asyncio.gather(*(http.get(path) for _ in range(MANY)))]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[1, 3])
async def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        vendor = await stack.enter_async_context(OpenAiServer(default=Reply(chunk_delay=0.05)))
        environment = {
            "OPENAI_API_KEY": "sk-test-0001-abcd",
            "OPENAI_BASE_URL": vendor.base_url,
            "PENSTOCK_WORKERS": str(request.param),
            "WEB_CONCURRENCY": "7",
        }
        home = tmp_path_factory.mktemp("workers") / "home"
        system = await asyncio.to_thread(start_system, home, extra_env=environment)
        stack.push_async_callback(asyncio.to_thread, system.stop)
        made = Place(workers=request.param, system=system, vendor=vendor, http=httpx.AsyncClient(timeout=HANG_SECONDS))
        made.http = await stack.enter_async_context(made.client(system.key))
        yield made


async def test_only_the_setting_decides_how_many_gateways_run(place: Place) -> None:
    def serving() -> set[str]:
        lines = place.system.output().splitlines()
        return {line.split(" ", 1)[0] for line in lines if line.startswith("gateway") and '"serving"' in line}

    await until(lambda: len(serving()) == place.workers)
    assert serving() == (
        {"gateway"} if place.workers == 1 else {f"gateway-{slot + 1}" for slot in range(place.workers)}
    )


async def test_who_signs_in_is_known_to_all(place: Place) -> None:
    login = {"username": "admin", "password": place.system.password}
    for _ in range(3):
        answer = await place.http.post("/api/v2/auth/login", json=login)
        assert set(await place.statuses(answer.json()["data"]["access_token"])) == {200}


async def test_a_revoked_key_is_refused_by_all_at_once(place: Place) -> None:
    for _ in range(5):
        made = (await place.http.post("/api/v1/keys", json={"name": "short"})).raise_for_status().json()
        assert set(await place.statuses(made["key"])) == {200}
        assert (await place.http.delete(f"/api/v1/keys/{made['id']}")).status_code in {200, 204}
        assert set(await place.statuses(made["key"])) == {401}


async def test_a_ticket_is_taken_once_by_all_together(place: Place) -> None:
    events = await ask(place.http, "Hi there!")
    stream = events[0]["stream_id"]
    ticket = (await place.http.post(f"/api/v1/streams/{stream}/ticket")).raise_for_status().json()["ticket"]
    taken = await place.statuses("", f"/api/v1/streams/{stream}/events?ticket={ticket}")
    assert sorted(taken) == [200] + [401] * (MANY - 1)


async def test_one_name_is_guessed_at_five_times_in_all(place: Place) -> None:
    answers: list[int] = []
    async with place.client() as http:
        for _ in range(12):
            wrong = {"username": "mallory", "password": "not the one"}
            answers.append((await http.post("/api/v2/auth/login", json=wrong)).status_code)
    assert answers == [401] * 5 + [429] * 7


async def test_an_idempotency_key_is_one_call_of_the_vendor(place: Place) -> None:
    calls = len(place.vendor.received)
    body = {"model": "openai/m", "messages": [{"role": "user", "content": "ping"}]}
    headers = {"Idempotency-Key": "over all workers"}
    posts = (place.http.post("/v1/chat/completions", json=body, headers=headers) for _ in range(MANY))
    answers = await asyncio.gather(*posts)
    assert ({answer.status_code for answer in answers}, len({answer.text for answer in answers})) == ({200}, 1)
    assert len(place.vendor.received) == calls + 1


async def test_a_rate_holds_for_all_together(place: Place) -> None:
    made = (
        (await place.http.post("/api/v1/keys", json={"name": "slow", "policy": {"requests_per_minute": 6}}))
        .raise_for_status()
        .json()
    )
    body = {"model": "openai/m", "messages": [{"role": "user", "content": "ping"}]}
    async with place.client(made["key"]) as http:
        answers = await asyncio.gather(*(http.post("/v1/chat/completions", json=body) for _ in range(MANY)))
    assert sum(answer.status_code == 200 for answer in answers) == 6
    assert {answer.status_code for answer in answers} == {200, 429}


async def test_a_stream_is_stopped_and_read_again_through_any_of_them(place: Place) -> None:
    place.vendor.script(Reply(chunks=UntilTold(), chunk_delay=0.02))
    conversation = (await place.http.post("/api/v1/conversations", json={})).json()["id"]
    body = {"content": "Talk!", "model": "openai/m", "use_tools": False}
    read: list[dict[str, Any]] = []
    async with aconnect_sse(place.http, "POST", f"/api/v1/conversations/{conversation}/stream", json=body) as source:
        async for event in source.aiter_sse():
            if event.data:
                read.append(json.loads(event.data))
            if len(read) == 5:
                stopped = await place.http.post(f"/api/v1/streams/{read[0]['stream_id']}/stop")
                assert stopped.json()["stopped"] is True
    assert read[-1]["status"] == "stopped"
    for _ in range(6):
        async with aconnect_sse(place.http, "GET", f"/api/v1/streams/{read[0]['stream_id']}/events") as source:
            assert [json.loads(event.data) async for event in source.aiter_sse() if event.data] == read


async def test_metrics_and_dashboard_are_of_all_workers(place: Place) -> None:
    def counted(text: str) -> int:
        line = 'http_requests_total{endpoint="/health",method="GET",status="200"} '
        return sum(int(float(row.removeprefix(line))) for row in text.splitlines() if row.startswith(line))

    await asyncio.gather(*(place.http.get("/health") for _ in range(200)))
    sums: list[int] = []
    async with asyncio.timeout(HANG_SECONDS), place.client() as http:
        while not sums or sums[-1] < 200:
            sums.append(counted((await http.get("/metrics")).text))
            await asyncio.sleep(0.1)
        for _ in range(10):
            sums.append(counted((await http.get("/metrics")).text))
    assert (sums[-1], sums) == (200, sorted(sums)), "the sum is what was sent, and it never falls"
    shown: set[Any] = set()
    async with asyncio.timeout(HANG_SECONDS):
        while not shown or len(shown) > 1:
            frames = [(await place.http.get("/v1/dashboard/realtime")).json() for _ in range(6)]
            shown = {len(frame["recent_requests"]) for frame in frames}
    assert shown == {10}
