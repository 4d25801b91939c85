"""The log of a suite that runs in the background: a new file when it is full, a few earlier ones kept."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_STANDARD: Final = (1, 2)


class RotatingLog:
    """Writes to `path`, of which each of `descriptors` is a descriptor; beyond `max_bytes` a new file takes its place.

    Of the earlier ones `files` are kept, `path` with ``.1`` behind it being the newest.
    """

    def __init__(self, path: Path, *, max_bytes: int, files: int, descriptors: Sequence[int] = _STANDARD) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._files = files
        self._descriptors = descriptors
        self._size = path.stat().st_size

    def write(self, data: bytes, /) -> int:
        """Write all of `data`, in the next file when it does not fit into this one."""
        if self._size and self._size + len(data) > self._max_bytes:
            self._begin_next()
        written = 0
        while written < len(data):
            written += os.write(self._descriptors[0], data[written:])
        self._size += written
        return written

    def flush(self) -> None:
        """Do nothing: what is written is with the system."""

    def _begin_next(self) -> None:
        for number in range(self._files, 0, -1):
            source = self._earlier(number - 1) if number > 1 else self._path
            if source.exists():
                source.replace(self._earlier(number))
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        for each in self._descriptors:
            os.dup2(descriptor, each)
        os.close(descriptor)
        self._size = 0

    def _earlier(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def is_standard_output(path: Path) -> bool:
    """Whether this process' standard output is that file."""
    try:
        return os.path.samestat(os.fstat(_STANDARD[0]), path.stat())
    except OSError:
        return False
