"""llm-service killed in the middle of a chat's answer: the reader gets a typed error, whole and soon."""

import asyncio
import time
from pathlib import Path

from penstock_kit.context import CallContext, use_context
from penstock_testkit.contracts.stream_law import assembled, assert_whole
from penstock_testkit.fault_rows import Measured
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Reply
from penstock_testkit.waiting import assert_within, until
from tests.faults.llm_process import llm_process
from tests.faults.stream_replica import ANN, SECONDS, Reader, replica

SAID = "some words of an answer "


async def test_a_reader_gets_a_typed_error_and_keeps_what_was_said(tmp_path: Path, measured: Measured) -> None:
    slow = Reply(chunks=(SAID, "more"), hang_after=1)
    async with OpenAiServer(default=slow) as vendor:
        config = f'providers: [{{name: v, base_url: "{vendor.base_url}", models: [m]}}]'
        async with llm_process(tmp_path, config) as llm:
            with use_context(CallContext(request_id="req_t", caller=ANN)):
                async with replica(tmp_path / "chat", f"127.0.0.1:{llm.port}") as chat:
                    conversation = await chat.conversation()
                    reader = Reader(chat.ask(conversation, model="v/m"), [])
                    await until(lambda: bool(reader.events) and assembled(reader.events)[0] == SAID)
                    llm.kill()
                    killed = time.monotonic()
                    async with asyncio.timeout(SECONDS):
                        events = await reader.task
                    took = time.monotonic() - killed
                    measured(f"{events[-1].error.reason} after {took:.2f} s, {len(events)} events, gapless")
                    assert_within(took, 3)
                    assert_whole(events)
                    assert events[-1].error.reason == "SERVICE_UNAVAILABLE"
                    assert events[-1].error.retryable
                    assert events[-1].error.partial_content == SAID
                    again = await Reader(chat.read(events[0].stream_id), []).task
                    assert again == events
