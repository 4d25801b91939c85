"""Notices between replicas over one Redis channel."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

import orjson

from chat_stream_service.adapters.redis.failure_detector import NOTICES, FailureDetector
from chat_stream_service.domain.model.replica_bus import (
    ConversationDropped,
    EngineSwitched,
    Notice,
    NoticeHandler,
    ReaderCountChanged,
    ReplicaLost,
    StopRequested,
)
from penstock_kit.logging import get_logger
from penstock_kit.redis.link import RedisLink, RedisUnavailable
from penstock_kit.redis.subscriber import Subscriber

_KINDS: Final[Mapping[str, type[Notice]]] = {
    "engine_switched": EngineSwitched,
    "stop_asked": StopRequested,
    "readers_counted": ReaderCountChanged,
    "conversation_dropped": ConversationDropped,
}
_NAMES: Final[Mapping[type[Notice], str]] = {kind: name for name, kind in _KINDS.items()}
_MAX_WAITING: Final = 10_000

log = get_logger(__name__)


class RedisReplicaBus:
    """See :class:`chat_stream_service.domain.model.replica_bus.ReplicaBus`."""

    def __init__(
        self, link: RedisLink, *, replica: str, subscriber: Subscriber, failure_detector: FailureDetector
    ) -> None:
        self._link = link
        self._replica = replica
        self._handlers: list[NoticeHandler] = []
        self._waiting: asyncio.Queue[Notice] = asyncio.Queue(_MAX_WAITING)
        subscriber.listen(NOTICES, self._on_message)
        # What was said while nobody listened is looked up by those who need it.
        subscriber.on_interruption(lambda: self._put(EngineSwitched()))
        failure_detector.on_loss(lambda lost: self._put(ReplicaLost(replica=lost)))

    @property
    def replica(self) -> str:
        """Id of this replica."""
        return self._replica

    async def publish(self, notice: Notice) -> None:
        """Publish a notice; without Redis there is nobody to tell."""
        message = orjson.dumps([self._replica, _NAMES[type(notice)], asdict(notice)])
        try:
            await self._link.run([("PUBLISH", NOTICES, message)])
        except RedisUnavailable:
            return

    def listen(self, handle: NoticeHandler) -> None:
        """Call `handle` with every notice of the others."""
        self._handlers.append(handle)

    async def run(self) -> None:
        """Pass notices on, one after the other, until cancelled."""
        while True:
            notice = await self._waiting.get()
            for handle in self._handlers:
                try:
                    await handle(notice)
                except Exception:
                    log.exception("notice not followed", notice=repr(notice))

    def _on_message(self, data: bytes) -> None:
        if not data:
            return
        sender, name, fields = orjson.loads(data)
        kind = _KINDS.get(name)
        if sender != self._replica and kind is not None:
            self._put(kind(**fields))

    def _put(self, notice: Notice) -> None:
        if self._waiting.full():
            log.warning("too many notices, one is dropped", notice=repr(notice))
            return
        self._waiting.put_nowait(notice)
