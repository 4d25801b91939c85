"""Locks between processes that end with their holder, however it ends."""

import os
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from penstock_client.errors import QueueError
from penstock_client.queue.safe_file import open_file

_TRIES_EVERY: Final = 0.005


class FileLock:
    """A lock by a file, over threads and processes. A process that is killed gives it back at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inside = threading.Lock()

    @contextmanager
    def hold(self, *, seconds: float = 30.0) -> Generator[None]:
        """Hold the lock. Raises QueueError when others hold it for `seconds`."""
        if not self._inside.acquire(timeout=seconds):
            raise self._held(seconds)
        try:
            descriptor = open_file(self._path, os.O_RDWR | os.O_CREAT)
            try:
                self._acquire(descriptor, time.monotonic() + seconds, seconds)
                yield
            finally:
                os.close(descriptor)  # gives the lock back
        finally:
            self._inside.release()

    def is_held(self) -> bool:
        """Whether somebody holds the lock now."""
        if not self._inside.acquire(blocking=False):
            return True
        try:
            descriptor = open_file(self._path, os.O_RDWR | os.O_CREAT)
            try:
                return not _try_lock(descriptor)
            finally:
                os.close(descriptor)
        finally:
            self._inside.release()

    def _acquire(self, descriptor: int, end: float, seconds: float) -> None:
        while not _try_lock(descriptor):
            if time.monotonic() > end:
                raise self._held(seconds)
            time.sleep(_TRIES_EVERY)

    def _held(self, seconds: float) -> QueueError:
        return QueueError(f"another process or thread has held {self._path} for {seconds:g} s")


if os.name == "posix":
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

else:  # pragma: no cover - Windows
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # pyright: ignore
        except OSError:
            return False
        return True
