"""The readers of one running stream, and what happens when the last of them leaves."""

import asyncio
from collections.abc import Callable

from chat_stream_service.domain.model.stream_request import OnDisconnect


class Audience:
    """Counts readers, here and on other replicas. Without any, `abandoned` is called: at once by the cancel policy,
    else after `patience` seconds.

    The patience also begins before the first reader, so that a stream nobody ever reads ends too.
    """

    def __init__(self, policy: OnDisconnect, *, patience: float, abandoned: Callable[[], object]) -> None:
        self._policy = policy
        self._patience = patience
        self._abandoned = abandoned
        self._here = 0
        self._elsewhere: dict[str, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._wait()

    def join(self) -> None:
        """Count a reader in."""
        self._here += 1
        self.close()

    def leave(self) -> None:
        """Count a reader out."""
        self._here -= 1
        self._look()

    def count(self, replica: str, readers: int) -> None:
        """Note how many readers there are on another replica."""
        before = self._elsewhere.pop(replica, 0)
        if readers:
            self._elsewhere[replica] = readers
            self.close()
        elif before:
            self._look()

    def close(self) -> None:
        """Stop waiting; called when the stream has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        if self._here > 0 or self._elsewhere:
            return
        if self._policy is OnDisconnect.CANCEL:
            self._abandoned()
        else:
            self._wait()

    def _wait(self) -> None:
        self.close()
        self._timer = asyncio.get_running_loop().call_later(self._patience, self._abandoned)
