"""Readers here of streams that other replicas make, so that those know they are read."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from chat_stream_service.domain.model.replica_bus import ReaderCountChanged, ReplicaBus


class RemoteReaderCounts:
    """Counts readers by stream and tells the count whenever it changes, and again now and then."""

    def __init__(self, bus: ReplicaBus) -> None:
        self._bus = bus
        self._counts: Counter[str] = Counter()

    @asynccontextmanager
    async def count_reader(self, stream_id: str) -> AsyncGenerator[None]:
        """Count a reader in for the length of the block."""
        await self._change(stream_id, +1)
        try:
            yield
        finally:
            await self._change(stream_id, -1)

    async def publish_all(self) -> None:
        """Tell every count again, for a replica that missed one."""
        for stream_id, readers in tuple(self._counts.items()):
            await self._publish(stream_id, readers)

    async def _change(self, stream_id: str, by: int) -> None:
        self._counts[stream_id] += by
        readers = self._counts[stream_id]
        if not readers:
            del self._counts[stream_id]
        await self._publish(stream_id, readers)

    async def _publish(self, stream_id: str, readers: int) -> None:
        await self._bus.publish(ReaderCountChanged(stream_id=stream_id, replica=self._bus.replica, readers=readers))
