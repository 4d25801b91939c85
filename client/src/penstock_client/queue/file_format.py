"""The queue's file: a header, then a frame for each message, each encrypted and checked by itself.

    header   magic (8 bytes) · key id (8)
    frame    length of the body (4, big endian) · CRC-32 of the body (4) · body
    body     nonce (12) · AES-256-GCM ciphertext of the entry as JSON

Each frame's authentication covers the header too, so a frame of another queue's key or file version is no frame here.
"""

import json
import os
import re
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from penstock_client.errors import QueueError
from penstock_client.queue.entry import QueueEntry
from penstock_client.queue.key import key_id

_MAGIC: Final = b"PSTKQ\x00\x00\x01"
_HEADER: Final = 16
_FRAME: Final = struct.Struct(">II")
_NONCE: Final = 12
# A message of 1 MiB with what is around it.
_LONGEST: Final = 2 * 1024 * 1024
# A length that can be right begins so; overlapping ones are found as well.
_LENGTH: Final = re.compile(rb"(?=\x00[\x00-\x20])", re.DOTALL)
_MOST_LOOKS: Final = 1_000_000
_MOST_HASHED: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a file held: the good entries in order, and what was wrong with the rest (empty: nothing)."""

    entries: tuple[QueueEntry, ...]
    damage: str = ""


class QueueFormat:
    """Turns entries into the file's bytes and back, under one key."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._header = _MAGIC + key_id(key)

    def encode(self, entries: Iterable[QueueEntry]) -> bytes:
        """Return the whole file."""
        return b"".join([self._header, *(self._frame(entry) for entry in entries)])

    def decode(self, data: bytes) -> Reading:
        """Return the entries. Raises QueueError when the file was written under another key."""
        if data[: len(_MAGIC)] != _MAGIC or len(data) < _HEADER:
            return Reading(entries=(), damage="its header is not that of an offline queue")
        if data[:_HEADER] != self._header:
            raise QueueError("the offline queue was encrypted with another key than the one given")
        entries: list[QueueEntry] = []
        damaged, place, search = 0, _HEADER, _Search()
        while place < len(data):
            frame, place = _next_frame(data, place, search)
            entry = self._entry(frame)
            damaged += entry is None
            if entry is not None:
                entries.append(entry)
        damage = f"{damaged} of its {damaged + len(entries)} records can't be read" if damaged else ""
        return Reading(entries=tuple(sorted(entries, key=lambda entry: entry.number)), damage=damage)

    def _frame(self, entry: QueueEntry) -> bytes:
        nonce = os.urandom(_NONCE)
        text = json.dumps(entry.as_json(), ensure_ascii=True, allow_nan=False).encode()
        body = nonce + self._cipher.encrypt(nonce, text, self._header)
        return _FRAME.pack(len(body), zlib.crc32(body)) + body

    def _entry(self, body: bytes | None) -> QueueEntry | None:
        if body is None:
            return None
        try:
            fields: dict[str, Any] = json.loads(self._cipher.decrypt(body[:_NONCE], body[_NONCE:], self._header))
            return QueueEntry(**fields)
        except (InvalidTag, ValueError, TypeError):
            return None


def _next_frame(data: bytes, place: int, search: "_Search") -> tuple[bytes | None, int]:
    """Return the frame's body (None when it is damaged) and the place after it.

    After a length that can't be right the next frame is searched for: one flipped byte costs one record.
    """
    if len(data) - place >= _FRAME.size:
        length, checksum = _FRAME.unpack_from(data, place)
        begin = place + _FRAME.size
        if _NONCE < length <= min(_LONGEST, len(data) - begin):
            body = data[begin : begin + length]
            if zlib.crc32(body) == checksum:
                return body, begin + length
    return None, search.next_frame(data, place + 1)


class _Search:
    """How much is looked for the next good frame in one file: what somebody made up must not take for ever."""

    def __init__(self) -> None:
        self._looks = _MOST_LOOKS
        self._bytes = _MOST_HASHED

    def next_frame(self, data: bytes, place: int) -> int:
        """Return the place of the next good frame from `place` on, the end of `data` when none is found in time."""
        for found in _LENGTH.finditer(data, place):
            begin = found.start() + _FRAME.size
            self._looks -= 1
            if len(data) < begin or self._looks < 0:
                break
            length, checksum = _FRAME.unpack_from(data, found.start())
            if not _NONCE < length <= min(_LONGEST, len(data) - begin):
                continue
            self._bytes -= length
            if self._bytes < 0:
                break
            if zlib.crc32(data[begin : begin + length]) == checksum:
                return found.start()
        return len(data)
