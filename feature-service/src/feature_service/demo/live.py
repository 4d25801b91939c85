"""The demo's machines go on while the system runs: their readings since the last ones, up to the whole minute."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from feature_service.demo.load import load_demo
from feature_service.demo.plan import TENANT, DemoPlan, missing_spans
from feature_service.domain.registry.metadata_store import MetadataStore
from feature_service.domain.telemetry.store import TelemetryStore
from penstock_kit.clock import Clock
from penstock_kit.errors import PenstockError
from penstock_kit.logging import get_logger
from penstock_kit.supervision import supervise

_MINUTE: Final = 60
# Seconds of readings of all machines that are made and stored at once.
_BATCH: Final = 6 * 3600

log = get_logger(__name__)


class LiveDemo:
    """Appends what the demo's devices have measured since, as a function of the time alone.

    Nobody's question finds the demo behind: whoever asks for a device of the demo's tenant waits until the readings
    reach the last whole minute. Between questions they are appended minute by minute once the telemetry file is
    open; until then nothing is loaded, so that an idle system has neither NumPy nor DuckDB in memory, and the first
    question catches up, in batches and by at most a day. Devices that were removed stay so.

    `loaded` is awaited before the first reading: it returns when the loader of the start has ended.
    """

    def __init__(
        self,
        *,
        metadata: MetadataStore,
        telemetry: TelemetryStore,
        clock: Clock,
        is_open: Callable[[], bool],
        loaded: Callable[[], Awaitable[None]],
    ) -> None:
        self._metadata = metadata
        self._telemetry = telemetry
        self._clock = clock
        self._is_open = is_open
        self._loaded = loaded
        self._lock = asyncio.Lock()
        self._reached = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to append; before that nobody waits."""
        self._task = asyncio.create_task(supervise("live demo", self._run))

    async def stop(self) -> None:
        """Append no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def catch_up(self, tenant_id: str) -> None:
        """Return when the demo's readings reach the last whole minute, if it is that tenant's; failures are logged."""
        now = int(self._clock.now().timestamp())
        end = now - now % _MINUTE
        if self._task is None or tenant_id != TENANT or end <= self._reached:
            return
        await self._loaded()
        async with self._lock:
            if end > self._reached:
                try:
                    await self._append(end)
                except PenstockError as error:
                    log.warning("the demo's readings could not be appended", error=str(error))
                self._reached = end

    async def _append(self, end: int) -> None:
        spans = await missing_spans(self._metadata, end, at_least=_MINUTE)
        begin = min((start for start, _ in spans.values()), default=end)
        for until in (*range(begin + _BATCH, end, _BATCH), end):
            batch = {code: (start, min(stop, until)) for code, (start, stop) in spans.items() if start < until}
            await load_demo(DemoPlan(spans=batch), metadata=self._metadata, telemetry=self._telemetry)
            spans = {code: (max(start, until), stop) for code, (start, stop) in spans.items()}

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_MINUTE)
            if self._is_open():
                await self.catch_up(TENANT)
