"""Messages between this service and the processes it started itself: a length, then that many bytes of pickle."""

import pickle
from typing import IO, Any, Final

_LENGTH_BYTES: Final = 8


def write_message(stream: IO[bytes], value: Any) -> None:
    """Send a value. Raises OSError when nobody reads it."""
    body = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(len(body).to_bytes(_LENGTH_BYTES, "little"))
    stream.write(body)
    stream.flush()


def read_message(stream: IO[bytes]) -> Any:
    """Return the next value. Raises EOFError when the other end is gone."""
    length = int.from_bytes(_read_whole(stream, _LENGTH_BYTES), "little")
    return pickle.loads(_read_whole(stream, length))  # noqa: S301 - of a process that we started


def _read_whole(stream: IO[bytes], length: int) -> bytes:
    body = stream.read(length)
    if len(body) < length:
        raise EOFError
    return body
