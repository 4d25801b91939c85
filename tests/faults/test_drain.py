"""SIGTERM at the gateway, and at llm-service, with a hundred streams under way."""

import asyncio
import signal
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
from penstock.llm.v1 import llm_pb2_grpc

from penstock_kit.context import CallContext, use_context
from penstock_testkit.fault_rows import Measured
from penstock_testkit.services import FakeLlm, serve
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Reply, UntilTold
from penstock_testkit.waiting import HANG_SECONDS, assert_within, until
from tests.faults.gateway_process import gateway, is_last
from tests.faults.llm_process import llm_process
from tests.faults.stream_replica import ANN, gated, replica

STREAMS = 100
GRACE = 6.0
TEXTS = ("one ", "two ", "three")


async def test_a_gateway_that_is_told_to_stop_truncates_none_of_a_hundred_streams(
    tmp_path: Path, measured: Measured
) -> None:
    gate = asyncio.Event()
    async with AsyncExitStack() as stack:
        stack.enter_context(use_context(CallContext(request_id="req_g", caller=ANN)))
        llm = FakeLlm()  # pyright: ignore[reportAbstractUsage] - it raises what it has no script for
        llm.script = gated(gate, *TEXTS)
        address = await stack.enter_async_context(serve((llm_pb2_grpc.add_LlmServiceServicer_to_server, llm)))
        chat = await stack.enter_async_context(replica(tmp_path / "home", address))
        ways = await stack.enter_async_context(
            gateway(tmp_path / "home", chat.address, PENSTOCK_GRACE_SECONDS=str(GRACE))
        )
        conversations = [(await ways.post("/api/v1/conversations"))["id"] for _ in range(STREAMS)]
        streams: list[list[Any]] = [[] for _ in conversations]
        async with asyncio.timeout(HANG_SECONDS), asyncio.TaskGroup() as group:
            for conversation, into in zip(conversations, streams, strict=True):
                path = f"/api/v1/conversations/{conversation}/stream"
                group.create_task(ways.events("POST", path, into, content="Hello?", use_tools=False))
            await until(lambda: all(streams))
            ways.process.send_signal(signal.SIGTERM)
            told = time.monotonic()
            await until(lambda: not takes_new(ways.url))
            unready = time.monotonic() - told
            gate.set()
        await until(lambda: ways.process.poll() is not None)
        took = time.monotonic() - told
    whole = sum(is_last(into[-1]) and into[-1].get("content") == "".join(TEXTS) for into in streams)
    measured(f"out of rotation after {unready:.2f} s, {STREAMS - whole} truncated, ended after {took:.1f} s")
    assert whole == STREAMS
    assert ways.process.returncode == 0
    assert_within(unready, 1)
    assert_within(took, GRACE)


def takes_new(url: str) -> bool:
    """Whether a balancer would send somebody there."""
    try:
        return httpx.get(f"{url}/ready/gateway", timeout=HANG_SECONDS).status_code == 200
    except httpx.TransportError:
        return False


async def test_an_llm_service_that_is_told_to_stop_truncates_none_of_a_hundred_streams(
    tmp_path: Path, measured: Measured
) -> None:
    pieces = UntilTold()
    async with OpenAiServer(default=Reply(chunks=pieces, chunk_delay=0.1)) as vendor:
        config = f'providers: [{{name: v, base_url: "{vendor.base_url}", models: [m]}}]'
        async with llm_process(tmp_path, config, PENSTOCK_GRACE_SECONDS=GRACE, PENSTOCK_OVERLOAD_LAG=0) as llm:
            asking = [asyncio.create_task(llm.stream("v/m")) for _ in range(STREAMS)]
            await until(lambda: vendor.streaming == STREAMS)
            llm.send(signal.SIGTERM)
            told = time.monotonic()
            await llm.logged("draining")
            pieces.told = True
            answers = await asyncio.gather(*asking)
            await until(lambda: llm.process.poll() is not None)
            took = time.monotonic() - told
    texts = ["".join(event.text.text for event in answer if event.HasField("text")) for answer in answers]
    gapless = [text == "".join(f"{number} " for number in range(len(text.split()))) for text in texts]
    whole = sum(gapless[at] and answer[-1].finished.finish_reason == "stop" for at, answer in enumerate(answers))
    measured(f"{STREAMS - whole} truncated, ended after {took:.1f} s with code {llm.process.returncode}")
    assert whole == STREAMS
    assert llm.process.returncode == 0
    assert_within(took, GRACE)
