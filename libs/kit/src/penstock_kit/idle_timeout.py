"""Timeouts for streams that must go on, at next to no cost for each item."""

import asyncio
from math import inf
from typing import Self


class IdleTimeout:
    """Expires an :class:`asyncio.Timeout` when the wait that was started last takes too long, or at `deadline`.

    Starting and pausing a wait only notes the time: the one timer there is looks at it when it fires, and waits on
    for the rest. A timer for each item of a stream would cost as much as reading it. `deadline` is the loop's time.
    """

    def __init__(self, timeout: asyncio.Timeout, *, deadline: float = inf) -> None:
        self._timeout = timeout
        self._deadline = deadline
        self._loop = asyncio.get_running_loop()
        self._due = inf
        self._is_waiting = False
        self._timer_due = inf
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def start(self, seconds: float) -> None:
        """Wait for `seconds` from now at most, instead of what was waited for before."""
        self._due = min(self._loop.time() + seconds, self._deadline)
        self.resume()

    def pause(self) -> None:
        """Stop the wait; an expiry that has not been delivered yet is taken back."""
        self._is_waiting = False
        if self._timeout.when() is not None:
            self._timeout.reschedule(None)

    def resume(self) -> None:
        """Go on with a paused wait, until the time that was set when it was started."""
        self._is_waiting = True
        if self._due < self._timer_due:
            self._set_timer(self._due)

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due = when
        self._timer = self._loop.call_at(when, self._check)

    def _check(self) -> None:
        self._timer_due = inf
        if not self._is_waiting:
            return
        if self._loop.time() >= self._due:
            self._timeout.reschedule(self._due)
        else:
            self._set_timer(self._due)
