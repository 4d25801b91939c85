"""Writes beside one another, and now and then work that must have the file for itself."""

import threading
from collections.abc import Generator
from contextlib import contextmanager


class WriteGate:
    """Lets writes in together until it is closed; who closes it works alone when those that are inside have left."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._is_closed = False

    @contextmanager
    def beside_others(self) -> Generator[None]:
        """Be inside for the length of the block; a closed gate is waited for."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_closed)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def close(self) -> bool:
        """Let nobody in any more; return False when it is closed already."""
        with self._changed:
            was_closed, self._is_closed = self._is_closed, True
        return not was_closed

    @contextmanager
    def alone(self) -> Generator[None]:
        """Wait at the closed gate until nobody is inside, and open it after the block."""
        try:
            with self._changed:
                self._changed.wait_for(lambda: self._inside == 0)
            yield
        finally:
            self.open()

    def open(self) -> None:
        """Let in who waits."""
        with self._changed:
            self._is_closed = False
            self._changed.notify_all()
