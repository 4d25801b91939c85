"""How fast an MCP server may talk: each message costs the one event loop that every chat runs on."""

from collections.abc import Callable
from typing import Final

from penstock_kit.clock import Clock, SystemClock

BURST: Final = 1_000
"""Messages that a connection may bring at once: those of a long call's progress, say."""
PER_SECOND: Final = 200
"""Messages a second that it may bring for ever."""
# So many bytes count as a message, so that one without an end counts as well.
_BYTES: Final = 1_048_576


class MessagePace:
    """Counts what one connection brings; `on_excess` is told once, when that is too much.

    A server that is too fast is not slowed down but cut off: what it says would wait in its pipe, and its answers
    behind that.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._left = float(BURST)
        self._filled = self._clock.monotonic()
        self.exceeded = False
        self.on_excess: Callable[[], None] = lambda: None

    @property
    def problem(self) -> str:
        """What is wrong, for people."""
        return (
            f"its server was disconnected: it sent more than {BURST:,} messages at once and then {PER_SECOND} a second"
        )

    def admits(self, messages: int, size: int) -> bool:
        """Count so many messages, or pieces of one, of `size` bytes together; False once it was too much."""
        now = self._clock.monotonic()
        self._left = min(float(BURST), self._left + (now - self._filled) * PER_SECOND) - messages - size / _BYTES
        self._filled = now
        if self._left < 0 and not self.exceeded:
            self.exceeded = True
            self.on_excess()
        return not self.exceeded
