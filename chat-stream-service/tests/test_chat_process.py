"""The service as a process: settings, ports, metrics, the way it ends."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
from penstock.chat.v1 import chat_pb2 as pb
from penstock.chat.v1 import chat_pb2_grpc
from prometheus_client import CollectorRegistry, generate_latest

from chat_stream_service.adapters.prometheus import StreamMetrics
from chat_stream_service.domain.model.event import Status
from chat_stream_service.domain.stream.periodic import run_periodically
from chat_stream_service.domain.stream.statistics import StreamStatistics
from chat_stream_service.main import serve
from chat_stream_service.settings import ChatSettings
from penstock_kit.errors import FailedPrecondition, Unavailable
from penstock_kit.grpc import open_channel
from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import HANG_SECONDS


def settings(home: Path, **fields: Any) -> ChatSettings:
    return ChatSettings(PENSTOCK_HOME=home, CHAT_STREAM_SERVICE_METRICS_PORT=0, _env_file=None, **fields)  # type: ignore[call-arg]


async def test_a_taken_port_is_named_with_the_setting_that_changes_it(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(FailedPrecondition, match=f"{port}.*CHAT_STREAM_SERVICE_PORT"):
            await serve(settings(tmp_path, CHAT_STREAM_SERVICE_PORT=port), asyncio.Event())


async def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(FailedPrecondition, match="PENSTOCK_HOME"):
        await serve(settings(tmp_path / "file"), asyncio.Event())


async def test_the_service_starts_serves_without_its_peers_and_ends_when_told(tmp_path: Path) -> None:
    port = free_port()
    stop = asyncio.Event()
    serving = asyncio.create_task(
        serve(settings(tmp_path, CHAT_STREAM_SERVICE_PORT=port, LLM_SERVICE_ADDRESS="127.0.0.1:1"), stop)
    )
    async with open_channel(f"127.0.0.1:{port}", service="chat-stream-service") as channel:
        async with asyncio.timeout(HANG_SECONDS):
            created = await chat_pb2_grpc.ConversationServiceStub(channel).CreateConversation(
                pb.CreateConversationRequest(title="Hi"), wait_for_ready=True
            )
            call = chat_pb2_grpc.StreamServiceStub(channel).StreamChat(
                pb.StreamChatRequest(conversation_id=created.conversation.id, content="Anybody?")
            )
            events = [event async for message in call for event in message.events]
    assert events[-1].error.reason
    assert "llm-service" in events[-1].error.message
    assert events[-1].error.retryable
    stop.set()
    async with asyncio.timeout(HANG_SECONDS):
        await serving


def test_the_metrics_are_those_of_the_statistics() -> None:
    statistics = StreamStatistics()
    registry = CollectorRegistry()
    StreamMetrics(registry, statistics)
    for _ in range(4):
        statistics.on_stream_start()
    statistics.on_first_event(0.004)
    statistics.on_events(5, 3)
    statistics.on_stream_end(Status.COMPLETED)
    statistics.active_connections, statistics.stale_cleaned = 7, 2
    text = generate_latest(registry).decode()
    assert 'penstock_stream_first_byte_seconds_bucket{le="0.0025"} 0.0' in text
    assert 'penstock_stream_first_byte_seconds_bucket{le="0.005"} 1.0' in text
    assert 'penstock_stream_first_byte_seconds_bucket{le="+Inf"} 1.0' in text
    assert "penstock_stream_first_byte_seconds_sum 0.004" in text
    for figure in ("started_total 4", "active 3", "active_connections 7", "stale_cleaned_total 2", "events_total 5"):
        assert f"\npenstock_stream_{figure}.0\n" in text
    assert "penstock_stream_chunks_total 3.0" in text
    assert 'penstock_stream_ended_total{outcome="completed"} 1.0' in text


def test_quantiles_are_of_the_last_thousand_first_events_and_none_before_the_first() -> None:
    statistics = StreamStatistics()
    assert statistics.first_byte_quantile(0.5) is None
    for seconds in (4.0, 1.0, 3.0, 2.0):
        statistics.on_first_event(seconds)
    shares = (0.0, 0.25, 0.5, 0.95, 1.0)
    assert [statistics.first_byte_quantile(share) for share in shares] == [1.0, 2.0, 3.0, 4.0, 4.0]
    for _ in range(999):
        statistics.on_first_event(9.0)
    assert [statistics.first_byte_quantile(share) for share in (0.0, 0.5)] == [2.0, 9.0]
    assert statistics.first_byte_sum == 10.0 + 999 * 9.0


def test_a_first_event_is_counted_in_the_bucket_of_its_bound() -> None:
    statistics = StreamStatistics()
    for seconds in (0.0, 0.001, 0.0011, 30.0, 30.1):
        statistics.on_first_event(seconds)
    assert statistics.first_byte_buckets == [2, 1, *[0] * 11, 1, 1]


async def test_a_failed_chore_does_not_end_the_house_keeping() -> None:
    cleaned, stop = asyncio.Event(), asyncio.Event()
    calls: list[int] = []

    async def clean() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise Unavailable("no")
        cleaned.set()

    task = asyncio.create_task(run_periodically([clean], stop, interval=0.01))
    async with asyncio.timeout(HANG_SECONDS):
        await cleaned.wait()
        stop.set()
        await task
