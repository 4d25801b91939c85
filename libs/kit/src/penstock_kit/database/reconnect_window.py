"""Waits for a server that restarts: in the first seconds of an outage connecting is tried again."""

import asyncio
from types import TracebackType
from typing import Final

from penstock_kit.database.asynchronous import AsyncConnection, AsyncEngine
from penstock_kit.database.failure import passes_by_itself

_AGAIN_SECONDS: Final = 0.1


class ReconnectWindow:
    """Tries to connect again for `seconds` from the beginning of an outage; later attempts fail at once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._away_since: float | None = None

    def connect(self, engine: AsyncEngine) -> "_Connecting":
        """Return the block in which a connection is open; entering it raises what the last attempt met."""
        return _Connecting(engine, self)

    def is_over(self, error: Exception) -> bool:
        """Note that an attempt met `error`, and return whether it was the last one."""
        now = asyncio.get_running_loop().time()
        if self._away_since is None:
            self._away_since = now
        return now - self._away_since >= self._seconds or not passes_by_itself(error)

    def reset(self) -> None:
        """Note that an attempt succeeded."""
        self._away_since = None


class _Connecting:
    def __init__(self, engine: AsyncEngine, window: ReconnectWindow) -> None:
        self._engine = engine
        self._window = window

    async def __aenter__(self) -> AsyncConnection:
        while True:
            self._connection = self._engine.connect()
            try:
                await self._connection.__aenter__()
            except Exception as error:
                if self._window.is_over(error):
                    raise
            else:
                self._window.reset()
                return self._connection
            await asyncio.sleep(_AGAIN_SECONDS)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.__aexit__(kind, error, trace)
