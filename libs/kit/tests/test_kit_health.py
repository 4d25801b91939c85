"""The health service around a drain."""

import asyncio
from typing import Any

from grpc_health.v1 import health_pb2

from penstock_kit.grpc.health import HealthServicer
from penstock_testkit.waiting import HANG_SECONDS

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def state(health: HealthServicer) -> Any:
    return (await health.Check(health_pb2.HealthCheckRequest(), None)).status


async def test_a_draining_server_never_serves_again() -> None:
    health = HealthServicer(["penstock.Echo"])
    await health.set_serving(serving=True)
    assert await state(health) == SERVING
    await health.drain()
    await health.set_serving(serving=True)
    assert await state(health) == NOT_SERVING


async def test_a_watcher_of_a_draining_server_hears_not_serving_last_and_is_let_go() -> None:
    health = HealthServicer(["penstock.Echo"])
    await health.set_serving(serving=True)
    watching = health.Watch(health_pb2.HealthCheckRequest(service="penstock.Echo"), None)
    assert (await anext(watching)).status == SERVING
    await health.drain()
    await health.set_serving(serving=True)
    async with asyncio.timeout(HANG_SECONDS):
        assert [response.status async for response in watching] == [NOT_SERVING]


async def test_a_server_with_a_failure_is_not_serving_and_its_watchers_hear_of_it() -> None:
    failure = ""
    health = HealthServicer(["penstock.Echo"], look=0.01)
    health.failure = lambda: failure
    await health.set_serving(serving=True)
    watching = health.Watch(health_pb2.HealthCheckRequest(service="penstock.Echo"), None)
    async with asyncio.timeout(HANG_SECONDS):
        assert (await anext(watching)).status == SERVING
        failure = "the schema could not be prepared"
        assert (await anext(watching)).status == NOT_SERVING
        assert await state(health) == NOT_SERVING
        failure = ""
        assert (await anext(watching)).status == SERVING
    await watching.aclose()
