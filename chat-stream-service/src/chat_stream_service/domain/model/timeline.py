"""Where a turn's time went, for stream-debug."""

from collections.abc import Generator
from contextlib import contextmanager

from chat_stream_service.domain.model.event import DebugInfo
from penstock_kit.clock import Clock


class Timeline:
    """Seconds by hop since a request reached the service. A hop measured twice adds up."""

    def __init__(self, clock: Clock, *, engine: str = "") -> None:
        self._clock = clock
        self.start = clock.monotonic()
        self.engine = engine
        self.provider = ""
        self.cache = ""
        self._hops: dict[str, float] = {}

    def elapsed(self) -> float:
        """Return the seconds since the request."""
        return self._clock.monotonic() - self.start

    def record(self, hop: str, seconds: float) -> None:
        """Add seconds to a hop, such as ``load_history``."""
        self._hops[hop] = self._hops.get(hop, 0.0) + seconds

    def record_once(self, hop: str, seconds: float) -> None:
        """Set a hop unless it is known, such as ``llm_first_event``."""
        self._hops.setdefault(hop, seconds)

    @contextmanager
    def measure(self, hop: str) -> Generator[None]:
        """Add the time of the block to a hop."""
        began = self._clock.monotonic()
        try:
            yield
        finally:
            self.record(hop, self._clock.monotonic() - began)

    def debug(self) -> DebugInfo:
        """Return what is known by now."""
        return DebugInfo(
            elapsed=self.elapsed(),
            hops=dict(self._hops),
            provider=self.provider,
            cache=self.cache,
            engine=self.engine,
        )
