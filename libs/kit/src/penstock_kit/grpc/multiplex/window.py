"""Flow control of one call: a reader that takes nothing stops its sender, and nobody else's."""

import asyncio
from typing import Final

# Bytes a server may send for one call before the client has taken any.
WINDOW_BYTES: Final = 128 * 1024


class Window:
    """The sender's side: how many more bytes may be sent."""

    def __init__(self, size: int = WINDOW_BYTES) -> None:
        self._left = size
        # Made by the first who has to wait: hardly any call has one.
        self._opened: asyncio.Event | None = None

    @property
    def is_open(self) -> bool:
        """Whether anything may be sent now."""
        return self._left > 0

    def take(self, size: int) -> bool:
        """Count `size` bytes, however many they are, and return True; False when nothing may be sent now."""
        if self._left <= 0:
            return False
        self._left -= size
        return True

    async def consume(self, size: int) -> None:
        """Wait until something may be sent, then count `size` bytes."""
        while self._left <= 0:
            if self._opened is None:
                self._opened = asyncio.Event()
            self._opened.clear()
            await self._opened.wait()
        self._left -= size

    def extend(self, size: int) -> None:
        """Let `size` more bytes through."""
        self._left += size
        if self._opened is not None:
            self._opened.set()
