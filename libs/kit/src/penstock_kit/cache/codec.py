"""How values become bytes and back: JSON, compressed when that pays. Never pickle: a cache may be written by others."""

import zlib
from typing import Any, Final, Protocol

import orjson

_PLAIN: Final = b"j"
_DEFLATED: Final = b"z"
_COMPRESS_FROM: Final = 1_024
_MAX_BYTES: Final = 64 * 1024 * 1024


class Codec(Protocol):
    """Turns a value into bytes and back. `decode` raises ValueError for bytes it did not make."""

    def encode(self, value: Any) -> bytes:
        """Return `value` as bytes."""
        ...

    def decode(self, data: bytes) -> Any:
        """Return the value."""
        ...


class JsonCodec:
    """JSON by orjson, deflated from 1 KiB on when it gets smaller.

    What comes back is JSON's own: a dataclass returns as a dict, a tuple as a list, a datetime as text.
    """

    def encode(self, value: Any) -> bytes:
        """Return `value` as bytes; raises TypeError for what is no JSON."""
        plain = orjson.dumps(value)
        if len(plain) >= _COMPRESS_FROM:
            deflated = zlib.compress(plain, 1)
            if len(deflated) < len(plain):
                return _DEFLATED + deflated
        return _PLAIN + plain

    def decode(self, data: bytes) -> Any:
        """Return the value; raises ValueError for other bytes, or for more than 64 MiB of JSON."""
        kind, body = data[:1], data[1:]
        if kind == _DEFLATED:
            body = _inflated(body)
        elif kind != _PLAIN:
            raise ValueError(f"not a cached JSON value: it begins with {kind!r}")
        return orjson.loads(body)


def _inflated(body: bytes) -> bytes:
    inflate = zlib.decompressobj()
    try:
        plain = inflate.decompress(body, _MAX_BYTES)
    except zlib.error as error:
        raise ValueError(f"a cached value is damaged: {error}") from None
    if not inflate.eof:
        raise ValueError("a cached value is cut off, or larger than 64 MiB")
    return plain
