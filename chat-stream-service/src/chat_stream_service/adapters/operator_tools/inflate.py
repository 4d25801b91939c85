"""Compressed answers, unpacked no further than they may be long."""

import zlib
from typing import Final

from penstock_kit.errors import BadUpstream

# zlib and gzip, told apart by their heads.
_EITHER: Final = 47
_KNOWN: Final = frozenset({"gzip", "x-gzip", "deflate"})


class Inflater:
    """Unpacks a body piece by piece. BadUpstream (TOOL_ANSWER_INVALID) for an unknown encoding or one not kept."""

    def __init__(self, encoding: str) -> None:
        name = encoding.strip().lower()
        if name not in _KNOWN and name not in ("", "identity"):
            raise BadUpstream(
                f"the answer has the encoding {encoding!r}, which was not asked for", reason="TOOL_ANSWER_INVALID"
            )
        self._unpacker = zlib.decompressobj(_EITHER) if name in _KNOWN else None

    def feed(self, part: bytes, limit: int) -> bytes:
        """Return what `part` unpacks to, at most one byte more than `limit`: enough to see that it is too much."""
        if self._unpacker is None:
            return part
        try:
            return self._unpacker.decompress(part, limit + 1)
        except zlib.error as error:
            raise BadUpstream(f"the answer can't be unpacked ({error})", reason="TOOL_ANSWER_INVALID") from None
