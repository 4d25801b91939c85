"""When a broken call to chat-stream-service is made again, and when it is given up."""

import asyncio
import random
import time
from typing import Final

from penstock_kit.errors import ErrorKind, PenstockError

_BROKEN: Final = frozenset({ErrorKind.UNAVAILABLE, ErrorKind.CANCELLED, ErrorKind.INTERNAL})
_FIRST_PAUSE_SECONDS: Final = 0.05
_PAUSE_SECONDS: Final = 0.25


class ReconnectPolicy:
    """Lets a broken call be made again for `window` seconds from the break on; progress opens the window anew.

    The channel takes the next replica by itself, so that making the call again is all there is to do.
    """

    def __init__(self, window: float) -> None:
        self._window = window
        self._begun = time.monotonic()
        self._broken: float | None = None

    def record_progress(self) -> None:
        """Note that the call works."""
        self._broken = None

    async def pause(self, error: PenstockError) -> None:
        """Return when the call may be made again; raise `error` when it can't be mended, or not in time."""
        if error.kind not in _BROKEN:
            raise error
        now = time.monotonic()
        if self._broken is None or now - self._begun > self._window:
            self._broken, pause = now, _FIRST_PAUSE_SECONDS
        else:
            pause = _PAUSE_SECONDS
        if now - self._broken >= self._window:
            raise error
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads reconnects
        self._begun = time.monotonic()
