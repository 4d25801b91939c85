"""Where a body waits until all of it has arrived: memory while it is small, an unnamed file when it grows."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final, Self

from penstock_kit.errors import PayloadTooLarge, Unavailable

_IN_MEMORY: Final = 8 * 1024 * 1024


class Spool:
    """Bytes written once and then read from the start. Use as a context manager; the file goes with it."""

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._size = 0
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, dir=str(folder))  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # what is not written yet is not wanted any more
            self._file.close()

    def write(self, chunk: bytes) -> None:
        """Append bytes. Raises PayloadTooLarge BODY_LIMIT_EXCEEDED past the limit, Unavailable on a full disk."""
        self._size += len(chunk)
        if self._size > self._max_bytes:
            raise PayloadTooLarge(
                f"the body is larger than {self._max_bytes} bytes; send it in parts", reason="BODY_LIMIT_EXCEEDED"
            )
        with _written_down():
            self._file.write(chunk)

    def body(self) -> IO[bytes]:
        """Return the file at its start. Raises Unavailable when the disk is full."""
        with _written_down():
            self._file.seek(0)
        return self._file


@contextmanager
def _written_down() -> Generator[None]:
    try:
        yield
    except OSError as error:
        text = f"the body can't be kept while it arrives: {error.strerror or error}; nothing of it was stored"
        raise Unavailable(text, reason="STORAGE_UNAVAILABLE") from error
