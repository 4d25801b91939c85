"""One timer for the heartbeats of all streams and sockets of this process."""

import asyncio
from collections.abc import Callable
from typing import Final

_TICK_SECONDS: Final = 0.05

# Is told the loop's time, and beats if its stream has been silent for too long. It returns until when there is nothing
# to look at, None for the next look.
Look = Callable[[float], float | None]


class Heartbeats:
    """Lets everything that has joined look at the clock, 20 times a second while there is anything."""

    def __init__(self) -> None:
        # When each of them has to look again.
        self._looks: dict[Look, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def join(self, look: Look) -> None:
        """Call `look` from now on."""
        self._looks[look] = 0.0
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_TICK_SECONDS, self._tick)

    def leave(self, look: Look) -> None:
        """Call `look` no longer; the timer stops with the last."""
        self._looks.pop(look, None)

    def _tick(self) -> None:
        self._timer = None
        if not self._looks:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        for look, due in tuple(self._looks.items()):
            if due <= now:
                again = look(now)
                if look in self._looks:
                    self._looks[look] = again or 0.0
        self._timer = loop.call_later(_TICK_SECONDS, self._tick)
