"""Rows of the fault table about vendors that need more than a scripted status: clocks, memory, sockets that hang."""

import asyncio
import socket
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import psutil
import pytest
from penstock.llm.v1 import llm_pb2

from penstock_kit.errors import BadUpstream, Unavailable
from penstock_testkit.fault_rows import Measured
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Reply
from penstock_testkit.waiting import HANG_SECONDS, assert_within
from tests.faults.llm_in_process import completion, running
from tests.faults.llm_process import llm_process
from tests.faults.test_provider_faults import Two, config, kinds, two

__all__ = ["two"]


@pytest.mark.alone
async def test_a_429_is_followed_by_the_next_provider_within_50_ms(two: Two, measured: Measured) -> None:
    await two.llm.complete("first/m")
    await two.llm.complete("second/m")
    two.first.default = Reply(status=429, headers={"retry-after": "0.001"})
    gaps: list[float] = []
    for _ in range(5):
        assert (await two.llm.complete()).started.provider == "second"
        gaps.append(two.second.received[-1].at - two.first.received[-1].at)
    measured(f"the next after {median(gaps) * 1000:.1f} ms")
    assert median(gaps) <= 0.05


@contextmanager
def hanging_port() -> Generator[int]:
    """A port whose queue of connections is full: whoever connects waits for ever."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = int(listening.getsockname()[1])
        for _ in range(4):
            filling = stack.enter_context(socket.socket())
            filling.setblocking(False)
            filling.connect_ex(("127.0.0.1", port))
        yield port


async def test_a_vendor_that_hangs_at_connect_is_stood_in_for_within_2_s(tmp_path: Path, measured: Measured) -> None:
    with hanging_port() as port:
        async with (
            OpenAiServer() as second,
            running(tmp_path, config(f"http://127.0.0.1:{port}/v1", second.base_url), LLM_CONNECT_TIMEOUT=2) as llm,
        ):
            await llm.complete("second/m")
            began = time.monotonic()
            answer = await llm.complete()
            waited = time.monotonic() - began
    assert kinds(answer.started) == ["first:connect"]
    measured(f"the next after {waited:.2f} s")
    assert waited > 1.5
    assert_within(waited, 2.5)


BROKEN_LATER = {
    "bad JSON": b'data: {"choices": [',
    "bad UTF-8": b'data: {"choices": [{"delta": {"content": "\xff\xfe"}}]}',
    "HTML": b"<html>502 Bad Gateway</html>",
    "a 10 MB line": b"data: no end ",
}


@pytest.mark.parametrize("name", BROKEN_LATER)
async def test_nonsense_after_content_is_an_error_and_what_came_is_billed(two: Two, name: str) -> None:
    nonsense = BROKEN_LATER[name] * (800_000 if name == "a 10 MB line" else 1)
    two.first.script(Reply(chunks=("a good beginning",), chunk_delay=0.05, tail=nonsense + b"\n\n"))
    with pytest.raises(BadUpstream):
        await two.llm.stream()
    [row] = await two.llm.ledger()
    assert (row.outcome, row.provider) == ("error", "first")
    assert row.usage.estimated
    assert row.usage.output_tokens > 0
    assert not two.second.received


async def test_a_line_without_end_takes_no_memory(tmp_path: Path, measured: Measured) -> None:
    endless = Reply(raw=b"data: " + b"x" * 150_000_000, content_type="text/event-stream")
    async with (
        OpenAiServer() as first,
        OpenAiServer() as second,
        llm_process(tmp_path, config(first.base_url, second.base_url)) as llm,
    ):
        await llm.stream()
        process = psutil.Process(llm.process.pid)
        before = process.memory_info().rss
        first.script(endless)
        peak = asyncio.create_task(highest_rss(process))
        assert (await llm.stream())[0].started.provider == "second"
        peak.cancel()
        grown = await peak - before
        measured(f"a line of 150 MB: + {grown / 1e6:.0f} MB")
        assert grown < 40_000_000


async def highest_rss(process: psutil.Process) -> int:
    """Watch until cancelled."""
    highest = 0
    try:
        while True:
            highest = max(highest, process.memory_info().rss)
            await asyncio.sleep(0.005)
    except asyncio.CancelledError:
        return highest


async def test_with_all_vendors_down_the_refusal_takes_at_most_100_ms(two: Two, measured: Measured) -> None:
    two.first.default = two.second.default = Reply(status=503)
    took: list[float] = []
    for _ in range(60):
        began = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            await two.llm.complete(exclude_providers=["fallback"])
        took.append(time.monotonic() - began)
        assert caught.value.retry_after
    measured(f"503 after {median(took[20:]) * 1000:.1f} ms, {two.calls / 60:.2f} calls a request")
    assert_within(median(took[20:]), 0.1, "a refusal")
    assert two.calls <= 1.1 * 60


@pytest.mark.parametrize(
    "reply",
    [Reply(delay=30), Reply(hang_after=0), Reply(chunks=("a", "b"), hang_after=1)],
    ids=["before headers", "before the first token", "mid-stream"],
)
async def test_a_caller_that_leaves_a_stream_closes_the_vendors_call_within_1_s(
    two: Two, reply: Reply, measured: Measured
) -> None:
    two.first.script(reply)
    request = llm_pb2.StreamCompleteRequest(completion=completion("ping", model="first/m"))
    call = two.llm.llm.StreamComplete(request, timeout=HANG_SECONDS)
    reading = asyncio.ensure_future(call.read())
    await two.first.wait_streaming()
    if reply.hang_after:
        await reading
    left = time.monotonic()
    reading.cancel()
    call.cancel()
    await two.first.wait_abandoned()
    closed = time.monotonic() - left
    measured(f"closed after {closed:.2f} s")
    assert_within(closed, 1)
    assert [row.outcome for row in await two.llm.wait_rows(1)] == ["cancelled"]


async def test_a_caller_that_leaves_a_whole_answer_closes_the_vendors_call_within_1_s(
    two: Two, measured: Measured
) -> None:
    two.first.script(Reply(delay=30))
    asking = asyncio.create_task(two.llm.complete("first/m"))
    await two.first.wait_streaming()
    left = time.monotonic()
    asking.cancel()
    await two.first.wait_abandoned()
    closed = time.monotonic() - left
    measured(f"closed after {closed:.2f} s")
    assert_within(closed, 1)
    assert [row.outcome for row in await two.llm.wait_rows(1)] == ["cancelled"]
