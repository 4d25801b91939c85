"""A gateway killed while it tells people: each notification goes out once, and what nobody can know is named."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from penstock.feature.v1 import feature_pb2_grpc

from penstock_testkit import services
from penstock_testkit.fault_rows import Measured
from penstock_testkit.receivers import HttpReceiver
from penstock_testkit.waiting import until, until_true
from tests.faults.gateway_process import Gateway, gateway

SILENT = {"name": "silent", "watch": "no_data", "device_codes": ["WLD001"], "seconds": 1}


async def statuses(running: Gateway) -> dict[str, str]:
    answer = await running.client.get("/api/v1/notifications")
    return {entry["channel_id"]: entry["status"] for entry in answer.json()["notifications"]}


async def test_each_notification_goes_out_once_over_a_kill_and_the_one_on_its_way_is_named(
    tmp_path: Path, measured: Measured
) -> None:
    gate, ids = asyncio.Event(), list[str]()
    async with AsyncExitStack() as stack:
        fakes: Any = services
        feature = (feature_pb2_grpc.add_FeatureServiceServicer_to_server, fakes.FakeFeature())
        address = await stack.enter_async_context(services.serve(feature))
        settings: dict[str, Any] = {
            "FEATURE_SERVICE_ADDRESS": address,
            "PENSTOCK_ALERT_SECONDS": "0.2",
            "PENSTOCK_NOTIFY_NETWORKS": "127.0.0.0/8",
        }
        hooks = [await stack.enter_async_context(HttpReceiver()) for _ in range(3)]
        silent = await stack.enter_async_context(HttpReceiver(gate=gate))
        refusing = await stack.enter_async_context(HttpReceiver((503, {}), (200, {})))
        receivers = [*hooks, silent, refusing]

        async with gateway(tmp_path / "home", "127.0.0.1:9", **settings) as first:
            for hook in receivers:
                made: Any = await first.post("/api/v1/channels", name="hook", kind="webhook", url=hook.url)
                ids.append(made["id"])
            await first.post("/api/v1/alarms", **SILENT)
            await until(lambda: all(hook.bodies for hook in receivers))

            async def noted() -> bool:
                return Counter((await statuses(first)).values()) == {"sent": 3, "sending": 1, "waiting": 1}

            await until_true(noted)
            first.process.kill()

        async with gateway(tmp_path / "home", "127.0.0.1:9", **settings) as second:

            async def settled() -> bool:
                return Counter((await statuses(second)).values()) == {"sent": 4, "unknown": 1}

            await until_true(settled)
            assert (await statuses(second))[ids[3]] == "unknown"
        gate.set()
        measured(f"{[len(hook.bodies) for hook in hooks]} sent over a kill, the one on its way named unknown")
        assert [len(hook.bodies) for hook in receivers] == [1, 1, 1, 1, 2], "a refusal alone is followed by another try"
        assert len({headers["x-penstock-delivery"] for headers in refusing.headers}) == 1
