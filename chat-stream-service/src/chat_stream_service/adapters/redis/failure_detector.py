"""Signs of life: this replica's own, and who has not shown any for a whole lease."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chat_stream_service.adapters.redis.stream_store import PREFIX
from penstock_kit.clock import Clock
from penstock_kit.logging import get_logger
from penstock_kit.redis.answer import mapping_of
from penstock_kit.redis.link import RedisLink, RedisUnavailable

BEATS: Final = f"{PREFIX}beats"
NOTICES: Final = f"{PREFIX}notices"
# Both together keep a stream whose replica was killed below three seconds without an end.
BEAT_SECONDS: Final = 0.4
LEASE_SECONDS: Final = 1.8
_LEAST_LOOKS: Final = 4

log = get_logger(__name__)


@dataclass(slots=True)
class _Heartbeat:
    beat: int
    since: float
    looks: int = 0


class FailureDetector:
    """Beats, and looks at the others' beats, several times a second.

    No clocks are compared: a replica is lost when its beat has not changed over a whole lease during which Redis
    answered this replica every time. So an outage of Redis, or a pause of this process, makes nobody lost.
    The beat is also what finds out that Redis is away or back.
    """

    def __init__(self, link: RedisLink, *, replica: str, clock: Clock) -> None:
        self._link = link
        self._replica = replica
        self._clock = clock
        self._heartbeats: dict[str, _Heartbeat] = {}
        self._lost_replicas: set[str] = set()
        self._on_loss: list[Callable[[str], None]] = []

    @property
    def lost_replicas(self) -> Sequence[str]:
        """Replicas that died and whose streams are not all ended yet."""
        return tuple(self._lost_replicas)

    def on_loss(self, callback: Callable[[str], None]) -> None:
        """Call `lost` with every replica that dies."""
        self._on_loss.append(callback)

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            try:
                await self.send_heartbeat()
            except Exception:
                log.exception("beat failed")
            await asyncio.sleep(BEAT_SECONDS)

    async def send_heartbeat(self) -> None:
        """Beat once and look at the others."""
        commands = [
            ("HINCRBY", BEATS, self._replica, 1),
            ("HGETALL", BEATS),
            # An empty notice: who listens learns that the connection lives.
            ("PUBLISH", NOTICES, b""),
        ]
        try:
            _, beats, _ = await self._link.probe(commands)
        except RedisUnavailable:
            self._heartbeats.clear()
            return
        self._check({name.decode(): int(beat) for name, beat in mapping_of(beats).items()})

    async def forget(self, replica: str) -> None:
        """Forget a lost replica that has no streams any more."""
        await self._link.run([("HDEL", BEATS, replica)])
        self._lost_replicas.discard(replica)
        self._heartbeats.pop(replica, None)

    async def stop(self) -> None:
        """Leave in good order: nobody has to wait for the lease to find out."""
        try:
            await self._link.run([("HDEL", BEATS, self._replica)])
        except RedisUnavailable:
            return

    def _check(self, beats: Mapping[str, int]) -> None:
        now = self._clock.monotonic()
        for name in self._heartbeats.keys() - beats.keys():
            del self._heartbeats[name]
            self._lost_replicas.discard(name)
        for name, beat in beats.items():
            seen = self._heartbeats.get(name)
            if name == self._replica:
                continue
            if seen is None or seen.beat != beat:
                self._heartbeats[name] = _Heartbeat(beat, now)
                self._lost_replicas.discard(name)
                continue
            seen.looks += 1
            if name not in self._lost_replicas and seen.looks >= _LEAST_LOOKS and now - seen.since >= LEASE_SECONDS:
                self._report_loss(name)

    def _report_loss(self, replica: str) -> None:
        log.warning("replica lost", replica=replica)
        self._lost_replicas.add(replica)
        for lost in self._on_loss:
            lost(replica)
