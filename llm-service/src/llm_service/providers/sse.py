"""Reading server-sent events: bytes in, the data of whole events out. Bounded, and quick for the usual case."""

from collections.abc import Iterator
from typing import Any, Final, cast

import orjson

MAX_EVENT: Final = 1024 * 1024
_FRAMING: Final = len(b"data: \n\n")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class ErrorData(bytes):
    """The data of an event that is named `error`, whatever form its data has."""


def error_json(data: ErrorData) -> dict[str, Any]:
    """Return the data of an error as an object whose `error` says what went wrong, whatever form it has."""
    try:
        told: Any = orjson.loads(bytes(data))
    except orjson.JSONDecodeError:
        told = data.decode("utf-8", "replace").strip()
    if isinstance(told, dict) and "error" in told:
        return {"type": "error", **cast("dict[str, Any]", told)}
    return {"type": "error", "error": told}


class EventTooLongError(ValueError):
    """An event is longer than MAX_EVENT bytes."""


class SseReader:
    """Splits a byte stream into the data of its events; that of errors is ErrorData.

    Comments, ids, retry times and the names of other events are skipped.
    """

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._rest: list[bytes] = []
        self._waiting = 0
        self._data: list[bytes] = []
        self._size = 0
        self._is_error = False
        self._begun = False
        self._after_return = False

    def feed(self, received: bytes) -> Iterator[bytes]:
        """Yield the data of every event that `received` completes. Raises EventTooLongError."""
        if not self._rest and not self._data and not self._is_error and not self._after_return:
            # Nearly every read of a model that speaks evenly: one event, whole.
            whole = received.find(b"\n") == len(received) - 2 and received.endswith(b"\n\n")
            if whole and received.startswith(b"data: ") and b"\r" not in received:
                self._begun = True
                self._check(len(received) - _FRAMING)
                yield received[6:-2]
                return
        plain = self._plain(received)
        if b"\n" not in plain:
            # More of a long line, which is put together once: piece by piece its cost would grow with its square.
            self._keep(plain)
            return
        *lines, rest = b"".join((*self._rest, plain)).split(b"\n")
        self._rest.clear()
        self._waiting = 0
        self._keep(rest)
        for line in lines:
            if line.startswith(b"data:"):
                self._add(line[6:] if line.startswith(b"data: ") else line[5:])
            elif not line and self._data:
                yield self._taken()
            elif line.startswith(b"event:"):
                self._is_error = line[6:].strip() == b"error"

    def _keep(self, rest: bytes) -> None:
        if rest:
            self._rest.append(rest)
            self._waiting += len(rest)
            self._check(self._waiting)

    def _plain(self, received: bytes) -> bytes:
        """Return `received` with one form of line end out of three, and without a mark of the byte order before all."""
        if not self._begun and received:
            self._begun = True
            received = received.removeprefix(_BYTE_ORDER_MARK)
        if self._after_return and received:
            # It ended a line already; what follows may be the second half of the same end.
            self._after_return = False
            received = received.removeprefix(b"\n")
        if b"\r" not in received:
            return received
        self._after_return = received.endswith(b"\r")
        return received.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def end(self) -> Iterator[bytes]:
        """Yield the data of a last event that no blank line follows."""
        yield from self.feed(b"\n")
        if self._data:
            yield self._taken()

    def _add(self, data: bytes) -> None:
        self._size += len(data)
        self._check(self._size)
        self._data.append(data)

    def _taken(self) -> bytes:
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        self._data, self._size = [], 0
        if self._is_error:
            self._is_error = False
            return ErrorData(data)
        return data

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise EventTooLongError(f"an event is longer than {self._limit} bytes")
