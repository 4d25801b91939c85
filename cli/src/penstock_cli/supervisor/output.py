"""What the supervisor and its services say, line by line, each with its speaker in front."""

import threading
from typing import IO, Final, Protocol

_COLOURS: Final = (36, 33, 35, 34, 32)
_SUPERVISOR: Final = "penstock"
_MAX_LINE: Final = 256 * 1024


class Sink(Protocol):
    """Where lines go: standard output, or a test's own."""

    def write(self, data: bytes, /) -> object:
        """Take all of `data`."""
        ...

    def flush(self) -> object:
        """Pass on what was taken."""
        ...


class Output:
    """Writes whole lines of several threads to one stream. Never fails: the reader may be gone."""

    def __init__(self, stream: Sink, *, width: int, colour: bool) -> None:
        self._stream = stream
        self._width = max(width, len(_SUPERVISOR))
        self._colour = colour
        self._lock = threading.Lock()

    def prefix(self, name: str, number: int) -> bytes:
        """Return what stands in front of every line of the service `name`, the `number`-th one."""
        text = f"{name:<{self._width}} | "
        if self._colour:
            text = f"\x1b[{_COLOURS[number % len(_COLOURS)]}m{text}\x1b[0m"
        return text.encode()

    def line(self, prefix: bytes, line: bytes) -> None:
        """Write one line of a service."""
        self._write(prefix + line.rstrip(b"\r\n") + b"\n")

    def say(self, text: str) -> None:
        """Write a line of the supervisor's own."""
        head = f"{_SUPERVISOR:<{self._width}} | "
        self._write((f"\x1b[1m{head}\x1b[0m{text}\n" if self._colour else f"{head}{text}\n").encode())

    def block(self, text: str) -> None:
        """Write several lines as they are."""
        self._write(f"{text}\n".encode())

    def pump(self, pipe: IO[bytes], prefix: bytes) -> None:
        """Write every line of `pipe` until its end; a line over 256 KiB is broken."""
        with pipe:
            while line := pipe.readline(_MAX_LINE):
                self.line(prefix, line)

    def _write(self, data: bytes) -> None:
        try:
            with self._lock:
                self._stream.write(data)
                self._stream.flush()
        except (OSError, ValueError):
            pass  # the terminal was closed; the services go on
