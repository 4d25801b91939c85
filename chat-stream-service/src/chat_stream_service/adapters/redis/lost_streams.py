"""Finds the streams of dead replicas in Redis and takes them over."""

from collections.abc import Sequence

from chat_stream_service.adapters.redis.event_log import RedisEventLog
from chat_stream_service.adapters.redis.failure_detector import FailureDetector
from chat_stream_service.adapters.redis.stream_store import StreamStore
from chat_stream_service.domain.stream.lost_stream import LostStream
from penstock_kit.errors import NotFound
from penstock_kit.redis.link import RedisUnavailable


class RedisLostStreams:
    """See :class:`chat_stream_service.domain.stream.lost_stream.LostStreams`.

    Of several survivors one gets each stream.
    """

    def __init__(self, *, failure_detector: FailureDetector, store: StreamStore, event_log: RedisEventLog) -> None:
        self._failure_detector = failure_detector
        self._store = store
        self._log = event_log
        self._claimed: set[str] = set()

    async def claim(self) -> Sequence[LostStream]:
        """Claim what the replicas that are lost now have left."""
        adopted: list[LostStream] = []
        try:
            for replica in self._failure_detector.lost_replicas:
                await self._claim_from(replica)
            for stream_id in tuple(self._claimed):
                adopted += await self._adopt(stream_id)
                self._claimed.discard(stream_id)
        except RedisUnavailable:
            # What was claimed is adopted, and what was not is claimed, when Redis is back.
            return adopted
        return adopted

    async def _claim_from(self, dead: str) -> None:
        for stream_id in await self._store.list_owned(dead):
            if await self._store.claim(stream_id, dead=dead):
                self._claimed.add(stream_id)
        await self._failure_detector.forget(dead)

    async def _adopt(self, stream_id: str) -> Sequence[LostStream]:
        try:
            header, events = await self._log.adopt(stream_id)
        except NotFound:
            return ()
        return (LostStream(header=header, events=events),)
