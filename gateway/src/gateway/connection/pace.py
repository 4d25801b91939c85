"""Whether a client sends its body, and takes its answer, fast enough to be waited for."""

import asyncio
from collections.abc import Callable
from typing import Final

from gateway.connection.limits import HttpLimits
from penstock_kit.logging import get_logger

log = get_logger(__name__)

# What of the allowance any body may use up before it counts as slow.
_SLOW_SECONDS: Final = 1.0
_NEVER: Final = float("-inf")


class BodyPace:
    """Measures a body: below `body_rate` bytes a second its allowance of `body_seconds` is used up.

    A client that was fast earns it back, and never more than that.
    """

    __slots__ = ("_allowance", "_came", "_limits", "_looked")

    def __init__(self, limits: HttpLimits) -> None:
        self._limits = limits
        self._allowance = limits.body_seconds
        self._looked = _NEVER
        self._came = 0

    def begin(self, now: float, came: int) -> None:
        """Begin at the loop's time `now`, when `came` bytes had come over the connection."""
        self._allowance, self._looked, self._came = self._limits.body_seconds, now, came

    @property
    def is_slow(self) -> bool:
        """Whether a part of the allowance is used up."""
        return self._allowance < self._limits.body_seconds - _SLOW_SECONDS

    def spend(self, now: float, came: int, *, waiting: bool) -> bool:
        """Return whether the allowance is used up; `waiting`: it is us who make the client wait."""
        seconds, self._looked = now - self._looked, now
        bytes_since, self._came = came - self._came, came
        if waiting:
            return False
        rate = self._limits.body_rate
        earned = bytes_since / rate if rate else seconds
        self._allowance = min(self._limits.body_seconds, self._allowance - seconds + earned)
        return self._allowance < 0


class StallWatch:
    """Ends the connection of a client that takes nothing of what is written to it."""

    __slots__ = ("_loop", "_seconds", "_timer", "_transport")

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, *, seconds: Callable[[], float]
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to watch."""
        waiting = self._transport.get_write_buffer_size()
        self._timer = self._loop.call_later(self._seconds(), self._look, waiting)

    def stop(self) -> None:
        """End the watch: the client has taken something, or is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, waited_before: int) -> None:
        if self._transport.get_write_buffer_size() < waited_before:
            self.start()
            return
        log.info("a client that took nothing was let go", bytes=waited_before)
        self._transport.abort()
