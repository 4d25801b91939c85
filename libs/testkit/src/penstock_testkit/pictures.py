"""Small whole pictures of each kind, made of their parts: 3 x 2 pixels unless said otherwise."""

import struct
import zlib
from typing import Final

_GIF_DATA: Final = b"\x02\x02\x84\x51\x00"


def png(*, width: int = 3, height: int = 2, size: int = 0) -> bytes:
    """Return a PNG; `size` pads it with a chunk of text to so many bytes."""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = zlib.compress((b"\x00" + b"\x7f" * 3) * 2)
    parts = [b"\x89PNG\r\n\x1a\n", header, _chunk(b"IDAT", rows), _chunk(b"IEND", b"")]
    missing = size - sum(map(len, parts)) - 12
    if missing > 0:
        parts.insert(2, _chunk(b"tEXt", b"k\x00" + b"x" * (missing - 2)))
    return b"".join(parts)


def jpeg(*, width: int = 3, height: int = 2) -> bytes:
    """Return what has the structure of a JPEG: application data, a frame, a scan, an end."""
    application = _segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")
    frame = _segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00")
    scan = _segment(0xDA, b"\x01\x01\x00\x00\x3f\x00")
    return b"\xff\xd8" + application + frame + scan + b"\x52\xff\x00\x13" + b"\xff\xd9"


def gif(*, width: int = 3, height: int = 2) -> bytes:
    """Return a GIF with two colours, a comment and one picture."""
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\x00\x00\x00\xff\xff\xff"
    comment = b"\x21\xfe\x05hello\x00"
    picture = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + _GIF_DATA
    return screen + comment + picture + b"\x3b"


def webp(*, width: int = 3, height: int = 2) -> bytes:
    """Return what has the structure of a lossless WebP."""
    bits = (width - 1) | (height - 1) << 14
    payload = b"\x2f" + struct.pack("<I", bits) + b"\x00\x07"
    chunk = b"VP8L" + struct.pack("<I", len(payload)) + payload + b"\x00" * (len(payload) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _segment(marker: int, data: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", 2 + len(data)) + data
