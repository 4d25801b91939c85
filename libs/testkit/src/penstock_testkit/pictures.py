"""Small whole pictures of each kind, made of their parts: 3 x 2 pixels unless said otherwise."""

import struct
import zlib
from typing import Final

_MOST_PIXELS: Final = 1_000_000
# Codes of three bits: the table is cleared before each of the six pixels, so that codes never grow.
_GIF_CODES: Final = (*[4, 0] * 6, 5)


def png(*, width: int = 3, height: int = 2, size: int = 0) -> bytes:
    """Return a grey PNG; `size` pads it with a chunk of text to so many bytes.

    One that says it is larger than a million pixels has less than that in it.
    """
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = (width, height) if width * height <= _MOST_PIXELS else (3, 2)
    rows = zlib.compress((b"\x00" + b"\x7f" * pixels[0]) * pixels[1])
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
    picture = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + _gif_data()
    return screen + comment + picture + b"\x3b"


def webp(*, width: int = 3, height: int = 2) -> bytes:
    """Return what has the structure of a lossless WebP."""
    bits = (width - 1) | (height - 1) << 14
    payload = b"\x2f" + struct.pack("<I", bits) + b"\x00\x07"
    chunk = b"VP8L" + struct.pack("<I", len(payload)) + payload + b"\x00" * (len(payload) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def _gif_data() -> bytes:
    """Return six pixels of the first colour as a picture's data: code size, one block, no more blocks."""
    bits = sum(code << 3 * place for place, code in enumerate(_GIF_CODES))
    data = bits.to_bytes(5, "little")
    return bytes([2, len(data)]) + data + b"\x00"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _segment(marker: int, data: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", 2 + len(data)) + data
