"""A chat request is one trace, from HTTP through every service to the store."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from penstock_testkit.otlp import OtlpReceiver, ReceivedSpan
from penstock_testkit.system import RunningSystem, start_system
from penstock_testkit.waiting import HANG_SECONDS
from tests.e2e.chat import ask

HTTP = "POST /api/v1/conversations/{conversation_id}/stream"
STREAM_CHAT = "penstock.chat.v1.StreamService/StreamChat"
COMPLETE = "penstock.llm.v1.LlmService/StreamComplete"
STATISTICS = "penstock.feature.v1.FeatureService/ComputeStatistics"
MODEL_CALL = "chat rules"
STORE = "telemetry read"


@pytest.fixture
async def receiver() -> AsyncIterator[OtlpReceiver]:
    """A collector in this process."""
    receiver = OtlpReceiver()
    await receiver.start()
    yield receiver
    await receiver.stop()


@pytest.fixture
async def traced_system(tmp_path: Path, receiver: OtlpReceiver) -> AsyncIterator[RunningSystem]:
    """A system that exports its spans to the receiver, quickly."""
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "200"}
    system = await asyncio.to_thread(start_system, tmp_path / "home", extra_env=environment)
    yield system
    await asyncio.to_thread(system.stop)


async def test_a_chat_request_is_one_trace_from_http_to_the_store(
    traced_system: RunningSystem, receiver: OtlpReceiver
) -> None:
    headers = {"Authorization": f"Bearer {traced_system.key}"}
    async with httpx.AsyncClient(base_url=traced_system.url, headers=headers, timeout=HANG_SECONDS) as http:
        await ask(http, "What was the mean current of WLD001?")
    trace = await receiver.wait_for(HTTP, STREAM_CHAT, COMPLETE, STATISTICS, MODEL_CALL, STORE)
    assert [span.name for span in trace if not span.parent_id] == [HTTP]
    assert parent_name(trace, STREAM_CHAT) == HTTP
    assert parent_name(trace, COMPLETE) == STREAM_CHAT
    assert parent_name(trace, STATISTICS) == STREAM_CHAT
    assert parent_name(trace, MODEL_CALL) == COMPLETE
    assert parent_name(trace, STORE) == STATISTICS
    assert {span.service for span in trace} >= {"gateway", "chat-stream-service", "llm-service", "feature-service"}


async def test_no_span_holds_what_was_asked(traced_system: RunningSystem, receiver: OtlpReceiver) -> None:
    headers = {"Authorization": f"Bearer {traced_system.key}"}
    async with httpx.AsyncClient(base_url=traced_system.url, headers=headers, timeout=HANG_SECONDS) as http:
        await ask(http, "What was the mean current of WLD001, confidentially?")
    trace = await receiver.wait_for(HTTP, MODEL_CALL)
    assert "confidentially" not in repr(trace)


async def test_a_callers_traceparent_is_continued(traced_system: RunningSystem, receiver: OtlpReceiver) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    headers = {
        "Authorization": f"Bearer {traced_system.key}",
        "traceparent": f"00-{trace_id}-b7ad6b7169203331-01",
    }
    async with httpx.AsyncClient(base_url=traced_system.url, headers=headers, timeout=HANG_SECONDS) as http:
        await ask(http, "What was the mean current of WLD001?")
    trace = await receiver.wait_for(HTTP, STREAM_CHAT, STORE)
    assert {span.trace_id for span in trace} == {trace_id}


def parent_name(trace: list[ReceivedSpan], name: str) -> str:
    """The name of the parent of the first span called `name`."""
    by_id = {span.span_id: span for span in trace}
    return by_id[next(span for span in trace if span.name == name).parent_id].name
