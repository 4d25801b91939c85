"""What replicas tell each other: whose waiting is over, and which values are no longer what they were."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Full names. `changed`, `prefixes` and `tags` are of values, `woken` of values that waiters should look at again,
    `released` of locks. `reset`: more may have happened than is named."""

    changed: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    woken: tuple[str, ...] = ()
    released: tuple[str, ...] = ()
    reset: bool = False


class Signals(Protocol):
    """Hands every signal to every listener, on every replica. Nothing is promised about the others' but that what may
    have been missed is told as a reset."""

    def listen(self, heard: Callable[[Signal], None]) -> None:
        """Call `heard` with every signal from now on."""
        ...

    def publish(self, signal: Signal) -> None:
        """Tell everybody: this replica's listeners at once, the others soon."""
        ...


class LocalSignals:
    """Signals of a replica that is alone."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[Signal], None]] = []

    def listen(self, heard: Callable[[Signal], None]) -> None:
        """Call `heard` with every signal from now on."""
        self._listeners.append(heard)

    def publish(self, signal: Signal) -> None:
        """Tell this replica's listeners."""
        for heard in self._listeners:
            heard(signal)
