"""Reads the figures once a second, and hands them to the ring of samples and to the minutes of the day."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from penstock.cache.v1.cache_pb2 import GetStatsRequest

from gateway.monitoring.history_store import HistoryStore
from gateway.monitoring.machine_traffic import TrafficView
from gateway.monitoring.minutes import KEPT_MINUTES, MinuteHistory
from gateway.monitoring.samples import SampleRing, Series, Value, series
from gateway.monitoring.traffic import Totals
from penstock_kit.clock import Clock
from penstock_kit.context import SYSTEM, CallContext, use_context
from penstock_kit.errors import PenstockError
from penstock_kit.logging import get_logger
from penstock_kit.supervision import supervise

if TYPE_CHECKING:
    from penstock.cache.v1.cache_pb2_grpc import CacheServiceAsyncStub

_TICK_SECONDS: Final = 1.0
# Between two questions to cache-service about its hit rate.
_ASK_SECONDS: Final = 5.0
_TIMEOUT_SECONDS: Final = 1.0
_MINUTE: Final = 60

log = get_logger(__name__)


class Sampler:
    """Fills `samples` and `history` from `traffic`. `before_sample` is called before each reading,
    `on_sample` after it, `on_end` at the end.
    """

    def __init__(
        self, *, traffic: TrafficView, cache: "CacheServiceAsyncStub", store: HistoryStore, clock: Clock
    ) -> None:
        self.samples = SampleRing()
        self.history = MinuteHistory()
        self.before_sample: list[Callable[[], object]] = []
        self.on_sample: list[Callable[[], None]] = []
        self.on_end: list[Callable[[], object]] = []
        self.unsaved: Mapping[str, Totals] = {}
        self._traffic = traffic
        self._cache = cache
        self._store = store
        self._clock = clock
        # What each tenant's figures were read from, and the series of them: most tenants ask nothing in a second.
        self._series: dict[str, tuple[Totals, Mapping[Series, Value]]] = {}
        self._hit_rate: float | None = None
        self._minute = self.minute()
        # Empty but for a worker that joins others: what they have counted did not come in this minute.
        self._at_minute: Mapping[str, Totals] = traffic.totals()
        self._store_away = False

    @property
    def replica(self) -> str:
        """The id under which this gateway's minutes are kept."""
        return self._store.replica

    def minute(self) -> int:
        """Return the running minute, in minutes since 1970."""
        return int(self._clock.now().timestamp()) // _MINUTE

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Read until the block ends; then write the minute that was begun."""
        tasks = [
            asyncio.create_task(supervise(name, work))
            for name, work in {"samples": self._tick, "questions": self._ask, "history": self._save}.items()
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self.end_minute()
            await self.save()
            for told in self.on_end:
                told()

    def sample(self) -> None:
        """Read everything once."""
        for told in self.before_sample:
            told()
        self.samples.add(self._clock.monotonic(), self._values())
        if self.minute() != self._minute:
            self.end_minute()
        else:
            self.unsaved = _since(self._at_minute, self._traffic.totals())
        for told in self.on_sample:
            told()

    def end_minute(self) -> None:
        """Put what came since the last minute ended into the history."""
        totals = self._traffic.totals()
        self.history.put(self._minute, self.replica, _since(self._at_minute, totals))
        self._at_minute, self.unsaved, self._minute = totals, {}, self.minute()
        self.history.forget_before(self._minute - KEPT_MINUTES)

    async def save(self) -> None:
        """Write the own minutes and read those of the other gateways; one line in the log when that begins to fail."""
        try:
            with use_context(CallContext(request_id="dashboard", caller=SYSTEM)):
                await self._store.write(self.history, self._minute - 1)
                await self._store.write(self.history, self._minute)
                await self._store.read(self.history, self._minute)
            self._store_away = False
        except PenstockError as error:
            if not self._store_away:
                log.warning("the history of the dashboard is not kept", reason=error.reason, detail=error.message)
            self._store_away = True

    async def ask_cache(self) -> None:
        """Ask cache-service for its hit rate; unknown while it does not answer."""
        try:
            with use_context(CallContext(request_id="dashboard", caller=SYSTEM)):
                stats = await self._cache.GetStats(GetStatsRequest(), timeout=_TIMEOUT_SECONDS)
        except PenstockError:
            self._hit_rate = None
        else:
            self._hit_rate = stats.recent_hit_rate if stats.HasField("recent_hit_rate") else None

    def _values(self) -> Mapping[Series, Value]:
        values: dict[Series, Value] = {}
        for tenant, totals in self._traffic.totals().items():
            known = self._series.get(tenant)
            if known is None or known[0] is not totals:
                known = self._series[tenant] = (totals, _series_of(tenant, totals))
            values |= known[1]
        if self._hit_rate is not None:
            values[series("cache_hit_rate")] = self._hit_rate
        return values

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self.sample()
            due = max(due + _TICK_SECONDS, loop.time())
            await asyncio.sleep(due - loop.time())

    async def _ask(self) -> None:
        while True:
            await self.ask_cache()
            await asyncio.sleep(_ASK_SECONDS)

    async def _save(self) -> None:
        saved = -1
        while True:
            if saved != self._minute:
                saved = self._minute
                await self.save()
            await asyncio.sleep(_TICK_SECONDS)


def _series_of(tenant: str, totals: Totals) -> Mapping[Series, Value]:
    """Return the figures of one tenant by their names and labels."""
    # Rules read errors: they are there at 0, so that the first of them is seen to come.
    values: dict[Series, Value] = {series("http_requests_total", tenant=tenant, status_class="5xx"): 0}
    for place, count in enumerate(totals.requests):
        if count:
            values[series("http_requests_total", tenant=tenant, status_class=f"{place + 1}xx")] = count
    values[series("http_request_duration_seconds", tenant=tenant)] = totals.latencies
    values[series("http_streams_active", tenant=tenant)] = totals.streams
    return values


def _since(earlier: Mapping[str, Totals], now: Mapping[str, Totals]) -> Mapping[str, Totals]:
    """Return what came after `earlier`, of the tenants for whom anything did or is open."""
    changed = {name: totals for name, totals in now.items() if totals.streams or totals is not earlier.get(name)}
    grown = {name: totals - earlier.get(name, Totals()) for name, totals in changed.items()}
    return {name: totals for name, totals in grown.items() if totals.count or totals.streams}
