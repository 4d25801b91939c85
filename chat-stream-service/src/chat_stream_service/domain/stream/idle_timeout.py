"""How long an answer may be silent, watched at next to no cost for each event."""

import asyncio


class Patience:
    """Expires a timeout after `idle` seconds without a :meth:`renew`, and at the `deadline` (the loop's time).

    A renewal only notes the time; the one timer there is looks at it when it is due, and waits on for the rest.
    """

    def __init__(self, limit: asyncio.Timeout, *, idle: float, deadline: float) -> None:
        self._limit = limit
        self._idle = idle
        self._deadline = deadline
        self._loop = asyncio.get_running_loop()
        self._renewed = self._loop.time()
        self._timer = self._loop.call_at(self._due(), self._look)

    def renew(self) -> None:
        """Note that something came."""
        self._renewed = self._loop.time()

    def end(self) -> None:
        """Watch no longer."""
        self._timer.cancel()

    def _due(self) -> float:
        return min(self._renewed + self._idle, self._deadline)

    def _look(self) -> None:
        due = self._due()
        if self._loop.time() >= due:
            self._limit.reschedule(due)
        else:
            self._timer = self._loop.call_at(due, self._look)
