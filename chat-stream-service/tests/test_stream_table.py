"""The table of streams in memory keeps nothing of a stream that it forgot."""

from dataclasses import dataclass
from datetime import UTC, datetime

from chat_stream_service.adapters.memory_stream import LogLimits, MemoryStream
from chat_stream_service.adapters.stream_table import StreamTable
from chat_stream_service.domain.model.event_log import StreamHeader
from penstock_testkit.clock import ManualClock


@dataclass(kw_only=True)
class Held:
    """A stream that is held in memory alone."""

    memory: MemoryStream


class Table(StreamTable[Held]):
    """A table that says what it knows of."""

    @property
    def known(self) -> tuple[int, int, int, int]:
        """Streams, request ids, conversations and bytes."""
        return len(self._streams), len(self._requests), len(self._running), self._bytes


def test_a_stream_that_was_forgotten_leaves_no_request_no_conversation_and_no_bytes() -> None:
    clock = ManualClock()
    table = Table(limits=LogLimits(), clock=clock)
    streams = [made(number, clock) for number in range(3)]
    for stream in streams:
        table.add(stream)
    assert table.known[:3] == (3, 3, 2)
    for stream in streams:
        table.forget(stream)
    assert table.known == (0, 0, 0, 0)


def made(number: int, clock: ManualClock) -> Held:
    header = StreamHeader(
        stream_id=f"strm_{number}",
        conversation_id=f"conv_{number % 2}",
        tenant_id="acme",
        user_id="ann",
        create_time=datetime(2026, 1, 1, tzinfo=UTC),
        request_id=f"req_{number}",
    )
    return Held(memory=MemoryStream(header, now=clock.monotonic()))
