"""The readers of one running stream, and what happens when the last of them leaves."""

import asyncio
from collections.abc import Callable

from chat_stream_service.domain.model.stream_request import OnDisconnect


class StreamSubscribers:
    """Counts readers, here and on other replicas. Without any, `abandoned` is called: at once by the cancel policy,
    else after `detach_seconds`.

    The time also begins before the first reader, so that a stream nobody ever reads ends too.
    """

    def __init__(self, policy: OnDisconnect, *, detach_seconds: float, on_abandoned: Callable[[], object]) -> None:
        self._policy = policy
        self._detach_seconds = detach_seconds
        self._on_abandoned = on_abandoned
        self._here = 0
        self._elsewhere: dict[str, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._start_timer()

    def join(self) -> None:
        """Count a reader in."""
        self._here += 1
        self._stop_timer()

    def leave(self) -> None:
        """Count a reader out."""
        self._here -= 1
        self._check_abandoned()

    def set_remote_readers(self, replica: str, readers: int) -> None:
        """Note how many readers there are on another replica."""
        before = self._elsewhere.pop(replica, 0)
        if readers:
            self._elsewhere[replica] = readers
            self._stop_timer()
        elif before:
            self._check_abandoned()

    def close(self) -> None:
        """Stop waiting; called when the stream has ended, before its readers have left: they abandon nothing."""
        self._closed = True
        self._stop_timer()

    def _check_abandoned(self) -> None:
        if self._closed or self._here > 0 or self._elsewhere:
            return
        if self._policy is OnDisconnect.CANCEL:
            self._on_abandoned()
        else:
            self._start_timer()

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(self._detach_seconds, self._on_abandoned)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
