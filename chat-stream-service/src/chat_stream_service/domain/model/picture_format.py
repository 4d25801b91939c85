"""What kind of picture a file is, told by the file itself, and how large it is."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

PNG: Final = "image/png"
JPEG: Final = "image/jpeg"
GIF: Final = "image/gif"
WEBP: Final = "image/webp"

_TAKEN: Final = "PNG, JPEG, GIF and WebP are looked at"
_PNG_START: Final = b"\x89PNG\r\n\x1a\n"
# Files that are taken for pictures and that no model takes, by how they begin.
_OTHERS: Final[Mapping[bytes, str]] = {
    b"%PDF": "a PDF file",
    b"BM": "a BMP picture",
    b"II*\x00": "a TIFF picture",
    b"MM\x00*": "a TIFF picture",
    b"\x00\x00\x01\x00": "an icon",
}
# Kinds of ISO media files, by the brand in their first box.
_BRANDS: Final[Mapping[bytes, str]] = {
    b"heic": "a HEIC picture",
    b"heix": "a HEIC picture",
    b"mif1": "a HEIC picture",
    b"avif": "an AVIF picture",
    b"avis": "an AVIF picture",
}
# Markers of JPEG that tell the size of the picture: all "start of frame" ones.
_JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_JPEG_SCAN: Final = 0xDA
_GIF_PICTURE: Final = 0x2C
_GIF_EXTENSION: Final = 0x21
_GIF_END: Final = 0x3B
_CUT: Final = "is cut off before its end; send the whole file"


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFormat:
    """The kind of a picture and its size in pixels."""

    media_type: str
    width: int
    height: int


def read_format(data: bytes) -> PictureFormat:
    """Return the format of a picture; ValueError says what is wrong with one that isn't whole or no picture."""
    media_type = _kind_of(data)
    try:
        width, height = _READERS[media_type](data)
    except (IndexError, struct.error):
        raise ValueError(_CUT) from None
    if not width or not height:
        raise ValueError(f"is {width} x {height} pixels large; it has at least one")
    return PictureFormat(media_type=media_type, width=width, height=height)


def _kind_of(data: bytes) -> str:
    if data.startswith(_PNG_START):
        return PNG
    if data.startswith(b"\xff\xd8\xff"):
        return JPEG
    if data.startswith((b"GIF87a", b"GIF89a")):
        return GIF
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return WEBP
    raise ValueError(f"is {_name_of_other(data)}; {_TAKEN}")


def _name_of_other(data: bytes) -> str:
    if not data:
        return "empty"
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<svg", b"<?xml")) or b"<svg" in head:
        return "an SVG drawing"
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], "a film or a picture of another kind")
    return next((name for start, name in _OTHERS.items() if data.startswith(start)), "no picture by its first bytes")


def _png_size(data: bytes) -> tuple[int, int]:
    if data[12:16] != b"IHDR":
        raise ValueError("is no PNG after its first bytes: the header is missing")
    size = struct.unpack_from(">II", data, 16)
    at = len(_PNG_START)
    while True:
        (length,), kind = struct.unpack_from(">I", data, at), data[at + 4 : at + 8]
        at += 12 + length
        if at > len(data):
            raise ValueError(_CUT)
        if kind == b"IEND":
            return size


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at, size = 2, (0, 0)
    while True:
        if data[at] != 0xFF:
            raise ValueError("is no JPEG after its first bytes: a marker is missing")
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker in _JPEG_BARE:
            at += 2
            continue
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            size = (width, height)
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
        if marker == _JPEG_SCAN:
            break
    if data.find(b"\xff\xd9", at) < 0:
        raise ValueError(_CUT)
    return size


def _gif_size(data: bytes) -> tuple[int, int]:
    size = struct.unpack_from("<HH", data, 6)
    at = 13 + _gif_colours(data[10])
    while data[at] != _GIF_END:
        if data[at] == _GIF_PICTURE:
            at += 11 + _gif_colours(data[at + 9])
        elif data[at] == _GIF_EXTENSION:
            at += 2
        else:
            raise ValueError("is no GIF after its first bytes: a block of unknown kind is in it")
        while data[at]:
            at += 1 + data[at]
        at += 1
    return size


def _gif_colours(flags: int) -> int:
    """Return the length of the colour table that these flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _webp_size(data: bytes) -> tuple[int, int]:
    if 8 + struct.unpack_from("<I", data, 4)[0] > len(data):
        raise ValueError(_CUT)
    match data[12:16]:
        case b"VP8X":
            return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", data, 21)
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
        case _:
            raise ValueError("is no WebP after its first bytes: it has no picture in it")


_READERS: Final[Mapping[str, Callable[[bytes], tuple[int, int]]]] = {
    PNG: _png_size,
    JPEG: _jpeg_size,
    GIF: _gif_size,
    WEBP: _webp_size,
}
