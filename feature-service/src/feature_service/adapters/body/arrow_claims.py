"""What the compressed buffers of Arrow IPC say they unpack to: read before pyarrow makes room for it.

Of each message only the header is looked at (a FlatBuffer, by Arrow's Message.fbs), and of each buffer its first eight
bytes, which say how long it is unpacked.
"""

import struct
from collections.abc import Iterator
from os import SEEK_END
from typing import IO, Final

from penstock_kit.errors import PayloadTooLarge

MOST_UNPACKED: Final = 512 * 1024 * 1024
"""Bytes that one batch may unpack to: it is in memory whole."""

_MAGIC: Final = b"ARROW1"
_DICTIONARY_BATCH: Final = 2
_RECORD_BATCH: Final = 3
_CONTINUATION: Final = 0xFFFFFFFF
# A header has 16 bytes for each of its buffers, and 10,000 fields have at most a few times so many.
_LONGEST_HEADER: Final = 64 * 1024 * 1024


class _Table:
    """A table of a FlatBuffer: `field` gives where a field of it is, 0 where it is left out."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at
        self._layout = at - _number("<i", data, at)

    def field(self, place: int) -> int:
        slot = 4 + 2 * place
        if slot >= _number("<H", self.data, self._layout):
            return 0
        offset = _number("<H", self.data, self._layout + slot)
        return self.at + offset if offset else 0

    def table(self, place: int) -> "_Table | None":
        at = self.field(place)
        return _Table(self.data, at + _number("<I", self.data, at)) if at else None

    def vector(self, place: int) -> tuple[int, int]:
        """Where the elements begin, and how many there are."""
        at = self.field(place)
        if not at:
            return 0, 0
        at += _number("<I", self.data, at)
        return at + 4, _number("<I", self.data, at)


def refuse_false_claims(body: IO[bytes]) -> None:
    """Raise PayloadTooLarge BATCH_LIMIT_EXCEEDED when a batch says it unpacks to more than MOST_UNPACKED bytes.

    Raises ValueError for bytes that are no messages.
    """
    body.seek(0)
    is_file = body.read(len(_MAGIC)) == _MAGIC
    for at in _blocks_of_file(body) if is_file else _messages_of_stream(body):
        _check(body, at)
    body.seek(0)


def _check(body: IO[bytes], at: int) -> None:
    """Look at the message that begins at `at`."""
    header, start = _header(body, at)
    if not header:
        return
    message = _Table(header, _number("<I", header, 0))
    kind = header[message.field(1)] if message.field(1) else 0
    batch = message.table(2)
    if kind == _DICTIONARY_BATCH and batch is not None:
        batch = batch.table(1)
    if batch is None or kind not in (_DICTIONARY_BATCH, _RECORD_BATCH) or batch.table(3) is None:
        return
    first, count = batch.vector(2)
    unpacked = 0
    for number in range(count):
        offset, length = _number("<q", header, first + 16 * number), _number("<q", header, first + 16 * number + 8)
        if length < 8:
            continue
        body.seek(start + offset)
        claimed = _number("<q", body.read(8), 0)
        unpacked += length if claimed < 0 else claimed
    if unpacked > MOST_UNPACKED:
        raise PayloadTooLarge(
            f"a batch of the body unpacks to {unpacked:,} bytes, at most {MOST_UNPACKED:,} may be in one: write "
            "smaller batches",
            reason="BATCH_LIMIT_EXCEEDED",
        )


def _header(body: IO[bytes], at: int) -> tuple[bytes, int]:
    """The header of the message at `at`, and where its body begins; no header at the end of a stream."""
    body.seek(at)
    prefix = body.read(8)
    size, start = _number("<I", prefix, 0), at + 4
    if size == _CONTINUATION:
        size, start = _number("<I", prefix, 4), at + 8
    if size > _LONGEST_HEADER:
        raise ValueError(f"a message has a header of {size} bytes")
    body.seek(start)
    header = body.read(size)
    if len(header) < size:
        raise ValueError("it ends within a message")
    return header, start + size


def _messages_of_stream(body: IO[bytes]) -> Iterator[int]:
    end, at = body.seek(0, SEEK_END), 0
    while at + 8 <= end:
        header, start = _header(body, at)
        if not header:
            return
        yield at
        message = _Table(header, _number("<I", header, 0))
        length = _number("<q", header, message.field(3)) if message.field(3) else 0
        if length < 0:
            raise ValueError("a message has a body of negative length")
        at = start + length


def _blocks_of_file(body: IO[bytes]) -> Iterator[int]:
    """Where the footer says that the batches are: that is where pyarrow reads them."""
    end = body.seek(0, SEEK_END)
    body.seek(max(0, end - 10))
    size = _number("<i", body.read(4), 0)
    if not 0 < size <= min(end, _LONGEST_HEADER):
        raise ValueError(f"the footer has {size} bytes")
    body.seek(end - 10 - size)
    footer_bytes = body.read(size)
    footer = _Table(footer_bytes, _number("<I", footer_bytes, 0))
    for place in (2, 3):
        first, count = footer.vector(place)
        for number in range(count):
            yield _number("<q", footer_bytes, first + 24 * number)


def _number(form: str, data: bytes, at: int) -> int:
    if at < 0 or at + struct.calcsize(form) > len(data):
        raise ValueError("it points outside of itself")
    return int(struct.unpack_from(form, data, at)[0])
