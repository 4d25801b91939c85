"""The dashboard's figures over HTTP and over its WebSocket, and who sees which."""

import asyncio
import json
import re

import pytest
from penstock.llm.v1 import cost_pb2
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gateway.monitoring.broadcast import FrameBroadcast
from gateway.monitoring.dashboard import Dashboard, View
from gateway.monitoring.history_store import HistoryStore
from gateway.monitoring.sampler import Sampler
from gateway.monitoring.traffic import Traffic
from penstock_kit.context import ADMIN_SCOPE
from penstock_kit.errors import ResourceExhausted
from penstock_testkit.clock import ManualClock
from penstock_testkit.services import Wait
from penstock_testkit.services.chat import turn
from penstock_testkit.waiting import HANG_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="session")

REALTIME, HISTORY = "/v1/dashboard/realtime", "/v1/dashboard/history"


async def make(gateway, path, key="", status=201, **body):
    answer = await gateway.client.post(path, headers=gateway.auth(key), json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def tenant_admin(gateway, name):
    """Return an access token of another tenant's administrator."""
    body = {"username": f"{name}-admin", "password": "a long enough password", "scopes": ["admin"], "tenant_id": name}
    await make(gateway, "/api/v1/users", **body)
    login = {"username": f"{name}-admin", "password": "a long enough password"}
    return (await make(gateway, "/api/v2/auth/login", status=200, **login))["data"]["access_token"]


async def get(gateway, path, key=""):
    answer = await gateway.client.get(path, headers=gateway.auth(key))
    assert answer.status_code == 200, answer.text
    return answer.json()


def socket(gateway, query="", **headers):
    return connect(f"{gateway.url.replace('http', 'ws')}/ws/dashboard{query}", additional_headers=headers)


async def frame_where(websocket, fits):
    async with asyncio.timeout(HANG_SECONDS):
        while not fits(frame := json.loads(await websocket.recv())):
            pass
    return frame


async def test_the_figures_of_now_have_the_fields_that_pages_read(start_gateway):
    gateway = await start_gateway()
    await gateway.client.get("/api/v1/keys", headers=gateway.auth())
    async with socket(gateway, **gateway.auth()) as websocket:
        frame = await frame_where(websocket, lambda seen: seen["statistics"]["total_time"]["avg"])
    assert re.fullmatch(r"\d{4}-.*Z", frame["timestamp"])
    statistics = frame["statistics"]
    assert statistics["summary"]["total_requests"] >= 1
    assert re.fullmatch(r"\d+\.\d{3}s", statistics["total_time"]["avg"])
    assert re.fullmatch(r"\d+\.\d{3}s", statistics["total_time"]["p95"])
    assert statistics["cache"] == {"hit_rate": None}
    assert 0 < frame["system"]["memory_usage"] <= 100
    assert 0 <= frame["system"]["cpu_usage"] <= 100
    [request] = frame["recent_requests"]
    assert (request["method"], request["endpoint"], request["status"]) == ("GET", "/api/v1/keys", 200)
    assert (await get(gateway, REALTIME)).keys() == frame.keys()


async def test_a_viewer_of_one_tenant_sees_nothing_of_another(start_gateway):
    gateway = await start_gateway()
    acme, other = await tenant_admin(gateway, "acme"), await tenant_admin(gateway, "other")
    await get(gateway, "/api/v1/keys", acme)
    await get(gateway, "/api/v1/users", other)
    async with socket(gateway, authorization=f"Bearer {acme}") as websocket:
        frame = await frame_where(websocket, lambda seen: seen["statistics"]["total_time"]["avg"])
    assert [each["endpoint"] for each in frame["recent_requests"]] == ["/api/v1/keys"]
    assert "tenant_id" not in frame["recent_requests"][0]
    assert frame["statistics"]["summary"]["total_requests"] == 1
    assert frame["statistics"]["cache"]["hit_rate"] is frame["system"]["cpu_usage"] is None
    everything = await get(gateway, REALTIME)
    assert {each["tenant_id"] for each in everything["recent_requests"]} >= {"acme", "other"}
    assert gateway.fakes.costs.requests == []
    await get(gateway, HISTORY, acme)
    await get(gateway, HISTORY)
    assert [each.all_tenants for each in gateway.fakes.costs.requests] == [False, True]


@pytest.mark.parametrize("path", [REALTIME, HISTORY])
async def test_members_and_strangers_see_nothing(gateway, path):
    member = (await make(gateway, "/api/v1/keys", name="m", scopes=["chat", "costs", "telemetry:read"]))["key"]
    assert (await gateway.client.get(path, headers=gateway.auth(member))).status_code == 403
    assert (await gateway.client.get(path)).status_code == 401
    for headers, status in ((gateway.auth(member), 403), ({}, 401)):
        with pytest.raises(InvalidStatus) as refused:
            await socket(gateway, **headers).__aenter__()
        assert refused.value.response.status_code == status


async def test_a_ticket_opens_the_socket_once(gateway):
    ticket = (await make(gateway, "/v1/dashboard/ticket"))["ticket"]
    async with socket(gateway, f"?ticket={ticket}") as websocket:
        assert "statistics" in json.loads(await websocket.recv())
    with pytest.raises(InvalidStatus) as refused:
        await socket(gateway, f"?ticket={ticket}").__aenter__()
    assert refused.value.response.status_code == 401


async def test_a_socket_ends_with_the_key_it_was_opened_with(gateway):
    made = await make(gateway, "/api/v1/keys", name="a", scopes=[ADMIN_SCOPE])
    async with socket(gateway, **gateway.auth(made["key"])) as websocket:
        await websocket.recv()
        deleted = await gateway.client.delete(f"/api/v1/keys/{made['id']}", headers=gateway.auth())
        assert deleted.status_code == 204
        with pytest.raises(ConnectionClosed) as closed:
            async with asyncio.timeout(HANG_SECONDS):
                while True:
                    await websocket.recv()
        assert closed.value.rcvd.code == 1008


async def test_costs_are_given_by_minute(gateway):
    row = cost_pb2.CostRow(group="2026-11-21T08:05Z", requests=2)
    row.usage.input_tokens, row.usage.output_tokens, row.cost.amount = 5, 7, "0.125"
    gateway.fakes.costs.summary = cost_pb2.SummarizeCostsResponse(rows=[row])
    costs = (await get(gateway, f"{HISTORY}?window=24h"))["costs"]
    assert costs == {"interval": 60, "time": [1795248300], "calls": [2], "tokens": [12], "cost": ["0.125"]}


async def test_a_stream_counts_to_its_first_byte_and_is_active_until_its_end(start_gateway):
    gateway = await start_gateway(hold_seconds=0.05)
    ended = asyncio.Event()
    conversation = (await make(gateway, "/api/v1/conversations", title="t"))["id"]
    script = turn("str_1")
    gateway.fakes.chat.script = [script[0], Wait(ended), *script[1:]]
    async with socket(gateway, **gateway.auth()) as websocket:
        path = f"/api/v1/conversations/{conversation}/stream"
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with gateway.client.stream("POST", path, headers=gateway.auth(), json={"content": "hi"}) as answer:
            lines = answer.aiter_lines()
            await anext(lines)
            to_first_byte = loop.time() - began
            frame = await frame_where(websocket, lambda seen: seen["statistics"]["streams"]["active"])
            assert frame["statistics"]["streams"]["active"] == 1
            await asyncio.sleep(0.3)
            ended.set()
            async for _ in lines:
                pass
        frame = await frame_where(
            websocket, lambda seen: seen["recent_requests"] and not seen["statistics"]["streams"]["active"]
        )
    [request] = [each for each in frame["recent_requests"] if each["endpoint"].endswith("/stream")]
    assert float(request["duration"].rstrip("s")) <= to_first_byte + 0.001
    metrics = (await gateway.client.get("/metrics", headers=gateway.auth())).text
    [seconds] = re.findall(r'_duration_seconds_sum\{endpoint="[^"]*/stream",method="POST"\} (\S+)', metrics)
    assert float(seconds) <= to_first_byte
    assert 'method="WEBSOCKET"' not in "".join(re.findall(r".*duration_seconds.*", metrics))


async def test_fifty_viewers_share_one_computation_a_second(start_gateway):
    gateway = await start_gateway()
    sockets = [await socket(gateway, **gateway.auth()).__aenter__() for _ in range(50)]
    rows = [[json.loads(await each.recv()) for _ in range(4)] for each in sockets]
    stamps = {frame["timestamp"] for frames in rows for frame in frames}
    assert len(stamps) <= 8
    assert max(len(json.dumps(frame)) for frames in rows for frame in frames) <= 20_000
    for each in sockets:
        await each.close()


async def test_a_frame_is_computed_once_for_each_view_that_is_looked_at():
    clock = ManualClock()
    traffic = Traffic(clock)
    sampler = Sampler(traffic=traffic, cache=None, store=HistoryStore(None, "gw_1"), clock=clock)
    broadcast = FrameBroadcast(Dashboard(sampler=sampler, traffic=traffic, clock=clock))
    all_of_it, acme = View(tenant_id=None), View(tenant_id="acme")
    for _ in range(50):
        broadcast.join(all_of_it)
    broadcast.join(acme)
    broadcast.publish()
    assert broadcast.computed == 2
    assert broadcast.current(acme) is broadcast.current(acme)
    broadcast.leave(acme)
    broadcast.publish()
    assert broadcast.computed == 3


async def test_one_tenants_viewers_leave_places_for_others_and_for_the_operator():
    clock = ManualClock()
    traffic = Traffic(clock)
    sampler = Sampler(traffic=traffic, cache=None, store=HistoryStore(None, "gw_1"), clock=clock)
    broadcast = FrameBroadcast(Dashboard(sampler=sampler, traffic=traffic, clock=clock))
    for _ in range(100):
        broadcast.join(View(tenant_id="acme"))
    with pytest.raises(ResourceExhausted, match="100 dashboards of your tenant"):
        broadcast.join(View(tenant_id="acme"))
    for _ in range(100):
        broadcast.join(View(tenant_id="other"))
    for _ in range(300):
        broadcast.join(View(tenant_id=None))
    with pytest.raises(ResourceExhausted, match="500 dashboards are open at this gateway"):
        broadcast.join(View(tenant_id=None))


async def test_the_largest_frame_is_within_20_kilobytes():
    clock = ManualClock()
    traffic = Traffic(clock)
    sampler = Sampler(traffic=traffic, cache=None, store=HistoryStore(None, "gw_1"), clock=clock)
    for number in range(20):
        traffic.record(
            tenant_id="t" * 64, method="DELETE", endpoint="/api/v1/" + "x" * 190, status=200, seconds=0.1,
            request_id=f"{number:0128d}",
        )  # fmt: skip
    frame = FrameBroadcast(Dashboard(sampler=sampler, traffic=traffic, clock=clock)).current(View(tenant_id=None))
    assert len(frame) <= 20_000
