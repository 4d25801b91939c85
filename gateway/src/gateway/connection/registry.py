"""All connections of the gateway: how many there may be, which give way, and whose time is over."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from penstock_kit.logging import get_logger

_SWEEP_SECONDS: Final = 1.0
_LOG_SECONDS: Final = 10.0
# A new connection that has sent nothing gives way to others from this age on.
_FRESH_SECONDS: Final = 0.1

log = get_logger(__name__)


class Connection(Protocol):
    """A connection as the registry sees it."""

    def look(self, now: float) -> None:
        """End whatever has taken too long by the loop's time `now`."""

    def give_way(self) -> None:
        """Close now: others need the place."""


class Connections:
    """Admits connections up to `cap`. Above it end those that were kept idle, the longest idle before the others.

    Then those that have not sent a head yet, then those whose body comes too slowly. Whose request is being answered
    is never ended for another.
    """

    def __init__(self, *, cap: int) -> None:
        self.cap = cap
        # Whether each connection ends with its next answer, for this process takes no more.
        self.draining = False
        self.refused = 0
        self.gave_way = 0
        self._loop = asyncio.get_running_loop()
        # Insertion order is the order in which they became idle.
        self._kept: dict[Connection, float] = {}
        self._fresh: dict[Connection, float] = {}
        self._slow: dict[Connection, float] = {}
        self._ending: set[Connection] = set()
        self._logged = float("-inf")

    @property
    def waiting(self) -> bool:
        """Whether there is a connection without a request under way: one may be on its way."""
        return bool(self._kept or self._fresh)

    def admit(self, connection: Connection, open_now: int) -> bool:
        """Return whether one more may come to the `open_now` that are there; it counts as idle from now on."""
        if open_now - len(self._ending) >= self.cap:
            made_room = self._make_room()
            self._log_crowd()
            if not made_room:
                return False
        self._fresh[connection] = self._loop.time()
        return True

    def idle(self, connection: Connection) -> None:
        """Note that a connection is kept, with no request under way."""
        self._kept[connection] = self._loop.time()

    def slow(self, connection: Connection) -> None:
        """Note that the body of a request comes too slowly."""
        self._slow.setdefault(connection, self._loop.time())

    def busy(self, connection: Connection) -> None:
        """Note that a request is under way and is not to be ended."""
        for waiting in (self._kept, self._fresh, self._slow):
            if waiting.pop(connection, None) is not None:
                return

    def gone(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        for known in (self._kept, self._fresh, self._slow):
            known.pop(connection, None)
        self._ending.discard(connection)

    async def watch(self, connections: Callable[[], Iterable[object]], *, every: float = _SWEEP_SECONDS) -> None:
        """Look at every connection each `every` seconds, until cancelled."""
        while True:
            await asyncio.sleep(every)
            self.sweep(connections())

    def sweep(self, connections: Iterable[object]) -> None:
        """Look at every connection that has a look (a WebSocket minds its time itself)."""
        now = self._loop.time()
        for connection in list(connections):
            look: Callable[[float], None] | None = getattr(connection, "look", None)
            if look is not None:
                look(now)

    def _make_room(self) -> bool:
        leaving = next(iter(self._kept), None) or self._stale() or next(iter(self._slow), None)
        if leaving is None:
            self.refused += 1
            return False
        self.gave_way += 1
        self.gone(leaving)
        self._ending.add(leaving)
        leaving.give_way()
        return True

    def _stale(self) -> Connection | None:
        oldest = next(iter(self._fresh), None)
        if oldest is None or self._loop.time() - self._fresh[oldest] < _FRESH_SECONDS:
            return None
        return oldest

    def _log_crowd(self) -> None:
        """Log how many connections suffered so far, once in a while."""
        now = self._loop.time()
        if now - self._logged >= _LOG_SECONDS:
            self._logged = now
            log.warning(
                "too many connections: some are refused or give way",
                limit=self.cap, refused=self.refused, gave_way=self.gave_way,
            )  # fmt: skip
