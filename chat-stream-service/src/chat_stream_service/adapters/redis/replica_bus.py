"""Notices between replicas over one Redis channel."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

import orjson

from chat_stream_service.adapters.redis.pulse import NOTICES, Pulse
from chat_stream_service.domain.model.replica_bus import (
    ConversationDropped,
    EngineSwitched,
    Hear,
    Notice,
    ReadersCounted,
    ReplicaLost,
    StopAsked,
)
from penstock_kit.logging import get_logger
from penstock_kit.redis.link import RedisAway, RedisLink
from penstock_kit.redis.subscriber import Subscriber

_KINDS: Final[Mapping[str, type[Notice]]] = {
    "engine_switched": EngineSwitched,
    "stop_asked": StopAsked,
    "readers_counted": ReadersCounted,
    "conversation_dropped": ConversationDropped,
}
_NAMES: Final[Mapping[type[Notice], str]] = {kind: name for name, kind in _KINDS.items()}
_MAX_WAITING: Final = 10_000

log = get_logger(__name__)


class RedisReplicaBus:
    """See :class:`chat_stream_service.domain.model.replica_bus.ReplicaBus`."""

    def __init__(self, link: RedisLink, *, replica: str, subscriber: Subscriber, pulse: Pulse) -> None:
        self._link = link
        self._replica = replica
        self._hears: list[Hear] = []
        self._waiting: asyncio.Queue[Notice] = asyncio.Queue(_MAX_WAITING)
        subscriber.listen(NOTICES, self._heard)
        # What was said while nobody listened is looked up by those who need it.
        subscriber.on_interruption(lambda: self._put(EngineSwitched()))
        pulse.on_loss(lambda lost: self._put(ReplicaLost(replica=lost)))

    @property
    def replica(self) -> str:
        """Id of this replica."""
        return self._replica

    async def tell(self, notice: Notice) -> None:
        """Publish a notice; without Redis there is nobody to tell."""
        message = orjson.dumps([self._replica, _NAMES[type(notice)], asdict(notice)])
        try:
            await self._link.run([("PUBLISH", NOTICES, message)])
        except RedisAway:
            return

    def listen(self, hear: Hear) -> None:
        """Call `hear` with every notice of the others."""
        self._hears.append(hear)

    async def run(self) -> None:
        """Pass notices on, one after the other, until cancelled."""
        while True:
            notice = await self._waiting.get()
            for hear in self._hears:
                try:
                    await hear(notice)
                except Exception:
                    log.exception("notice not followed", notice=repr(notice))

    def _heard(self, data: bytes) -> None:
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
