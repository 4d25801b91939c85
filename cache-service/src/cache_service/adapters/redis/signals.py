"""Signals over Redis' publish and subscribe."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import orjson

from cache_service.adapters.redis.key import NAMESPACE
from cache_service.domain.signals import LocalSignals, Signal
from penstock_kit.logging import get_logger
from penstock_kit.redis.link import RedisLink, RedisUnavailable
from penstock_kit.redis.subscriber import Subscriber

CHANNEL: Final = f"{NAMESPACE}signals"
_MOST_WAITING: Final = 10_000
_NAMES_A_MESSAGE: Final = 1_000

log = get_logger(__name__)


class RedisSignals:
    """Tells this replica's listeners at once and the others in one message a round trip.

    What is published while Redis is away, or faster than it goes out, is told as a reset when it is back; so is what
    this replica may have missed.
    """

    def __init__(self, link: RedisLink, subscriber: Subscriber, *, replica: str) -> None:
        self._link = link
        self._replica = replica
        self._local = LocalSignals()
        self._waiting: list[Signal] = []
        self._overflown = False
        self._wanted = asyncio.Event()
        subscriber.listen(CHANNEL, self._on_signal)
        subscriber.on_interruption(lambda: self._local.publish(Signal(reset=True)))

    def listen(self, heard: Callable[[Signal], None]) -> None:
        """Call `heard` with every signal from now on."""
        self._local.listen(heard)

    def publish(self, signal: Signal) -> None:
        """Tell everybody: this replica's listeners at once, the others soon."""
        self._local.publish(signal)
        if len(self._waiting) < _MOST_WAITING and self._link.up:
            self._waiting.append(signal)
        else:
            self._overflown = True
            self._waiting.clear()
        self._wanted.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            signals, self._waiting = self._waiting, []
            reset, self._overflown = self._overflown, False
            try:
                await self._link.run([("PUBLISH", CHANNEL, self._packed(signals, reset=reset))])
            except RedisUnavailable:
                self._overflown = True
                await asyncio.sleep(0.1)
                self._wanted.set()

    def _packed(self, signals: list[Signal], *, reset: bool) -> bytes:
        merged: dict[str, Any] = {name: [] for name in ("changed", "prefixes", "tags", "woken", "released")}
        for signal in signals:
            for name, names in merged.items():
                names.extend(getattr(signal, name))
        reset = reset or any(signal.reset for signal in signals)
        if reset or sum(map(len, merged.values())) > _NAMES_A_MESSAGE:
            merged, reset = {"released": merged["released"][:_NAMES_A_MESSAGE]}, True
        return orjson.dumps([self._replica, {name: names for name, names in merged.items() if names}, reset])

    def _on_signal(self, data: bytes) -> None:
        if not data:
            return
        try:
            replica, named, reset = orjson.loads(data)
            signal = Signal(**{name: tuple(names) for name, names in named.items()}, reset=reset)
        except (ValueError, TypeError):
            log.warning("a signal of another replica can't be read", bytes=len(data))
            signal, replica = Signal(reset=True), ""
        if replica != self._replica:
            self._local.publish(signal)
