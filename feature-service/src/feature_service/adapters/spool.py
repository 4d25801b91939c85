"""Where a body waits until all of it has arrived: memory while it is small, an unnamed file when it grows."""

import tempfile
from pathlib import Path
from typing import IO, Final, Self

from penstock_kit.errors import PayloadTooLarge

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
        self._file.close()

    def write(self, chunk: bytes) -> None:
        """Append bytes. Raises PayloadTooLarge BODY_TOO_LARGE past the limit."""
        self._size += len(chunk)
        if self._size > self._max_bytes:
            raise PayloadTooLarge(
                f"the body is larger than {self._max_bytes} bytes; send it in parts", reason="BODY_TOO_LARGE"
            )
        self._file.write(chunk)

    def body(self) -> IO[bytes]:
        """Return the file at its start."""
        self._file.seek(0)
        return self._file
