"""How an entry lies in Redis: a header that scripts can read, and the value, compressed where that pays.

``P1`` generation:16 negative:1 compressed:1 load_ms:8 crc32:8 size_of_tags:5 tags value

The numbers are text of fixed width, the generation and sizes decimal, load time and checksum hexadecimal. The tags are
each a length of four digits and the tag, so that a script finds one without taking the list apart. The life is the
key's own. A value that is damaged, or of a release that writes another format, reads as none.
"""

import zlib
from typing import Final, NamedTuple

from cache_service.domain.entry import Entry

MARK: Final = b"P1"
GENERATION_DIGITS: Final = 16
# Where the tags begin: behind the mark, the generation and the fixed fields.
STAGED_HEAD: Final = bytes(2 + GENERATION_DIGITS)
"""Stands for mark and generation in a value that is written before they are known."""
FIXED: Final = 2 + GENERATION_DIGITS + 1 + 1 + 8 + 8 + 5
_COMPRESS_FROM: Final = 1024
_LARGEST: Final = 64 * 1024 * 1024


class Stored(NamedTuple):
    """What was read: the generation of the write, and the entry without its end."""

    generation: int
    entry: Entry


def encoded(entry: Entry) -> bytes:
    """Return everything behind the generation."""
    value, compressed = _compressed(entry.value)
    tags = "".join(f"{len(tag.encode()):04d}{tag}" for tag in entry.tags).encode()
    load = min(round(entry.load_seconds * 1000), 0xFFFFFFFF)
    fixed = f"{entry.negative:d}{compressed:d}{load:08x}{zlib.crc32(value):08x}{len(tags):05d}"
    return fixed.encode() + tags + value


def is_plain(data: bytes) -> bool:
    """Return whether the value in `data` is not compressed."""
    return data[GENERATION_DIGITS + 3 : GENERATION_DIGITS + 4] != b"1"


def decoded(key: str, data: bytes) -> Stored | None:
    """Return what `data` holds, None when it is damaged or of another format."""
    try:
        if data[:2] != MARK:
            return None
        at = 2 + GENERATION_DIGITS
        generation, negative, compressed = int(data[2:at]), data[at : at + 1] == b"1", data[at + 1 : at + 2] == b"1"
        load, checksum, size = (
            int(data[at + 2 : at + 10], 16),
            int(data[at + 10 : at + 18], 16),
            int(data[at + 18 : FIXED]),
        )
        value = data[FIXED + size :]
        if zlib.crc32(value) != checksum:
            return None
        entry = Entry(
            key=key,
            value=_plain(value) if compressed else value,
            expire_at=0.0,
            tags=_tags(data[FIXED : FIXED + size]),
            negative=negative,
            load_seconds=load / 1000,
        )
    except (ValueError, zlib.error):
        return None
    return Stored(generation, entry)


def _compressed(value: bytes) -> tuple[bytes, bool]:
    if len(value) < _COMPRESS_FROM:
        return value, False
    packed = zlib.compress(value, 1)
    return (packed, True) if len(packed) < len(value) * 0.9 else (value, False)


def _plain(value: bytes) -> bytes:
    inflate = zlib.decompressobj()
    plain = inflate.decompress(value, _LARGEST)
    if not inflate.eof:
        raise ValueError("a cached value is cut off")
    return plain


def _tags(data: bytes) -> tuple[str, ...]:
    tags: list[str] = []
    while data:
        end = 4 + int(data[:4])
        tags.append(data[4:end].decode())
        data = data[end:]
    return tuple(tags)
