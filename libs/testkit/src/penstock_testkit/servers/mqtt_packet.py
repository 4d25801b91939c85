"""The packets of MQTT 5 that a consumer of QoS 1 needs: read from a stream, and written."""

import asyncio
import struct
from dataclasses import dataclass

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK = 8, 9, 10, 11
PINGREQ, PINGRESP, DISCONNECT = 12, 13, 14

SESSION_EXPIRY, RECEIVE_MAXIMUM, MAXIMUM_PACKET_SIZE = 0x11, 0x21, 0x27
# Bytes of the value of a property, by its number; -1: a text, -2: two texts.
_PROPERTY_SIZES = {
    0x01: 1, 0x02: 4, 0x03: -1, 0x08: -1, 0x09: -1, 0x0B: 1, 0x11: 4, 0x12: -1, 0x13: 2, 0x15: -1, 0x16: -1, 0x17: 1,
    0x18: 4, 0x19: 1, 0x1A: -1, 0x1C: -1, 0x1F: -1, 0x21: 2, 0x22: 2, 0x23: 2, 0x24: 1, 0x25: 1, 0x26: -2, 0x27: 4,
    0x28: 1, 0x29: 1, 0x2A: 1,
}  # fmt: skip


@dataclass(slots=True)
class Packet:
    """A packet, read from its start on."""

    kind: int
    flags: int
    body: bytes
    at: int = 0

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        self.at += size
        return self.body[self.at - size : self.at]

    def number(self, size: int = 2) -> int:
        """Return the next number."""
        return int.from_bytes(self.take(size), "big")

    def text(self) -> str:
        """Return the next text."""
        return self.take(self.number()).decode()

    def properties(self) -> dict[int, int]:
        """Return the numbers among the properties that come next."""
        end = self._length() + self.at
        found: dict[int, int] = {}
        while self.at < end:
            name = self.number(1)
            size = _PROPERTY_SIZES[name]
            if size > 0:
                found[name] = self.number(size)
            for _ in range(-size):
                self.take(self.number())
        return found

    def _length(self) -> int:
        value = shift = 0
        while True:
            byte = self.number(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7


async def read_packet(reader: asyncio.StreamReader) -> Packet:
    """Read the next packet. Raises IncompleteReadError at the end."""
    head = (await reader.readexactly(1))[0]
    size = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return Packet(head >> 4, head & 0x0F, await reader.readexactly(size))


def packet(kind: int, body: bytes = b"", flags: int = 0) -> bytes:
    """Return the bytes of a packet."""
    size, length = len(body), bytearray()
    while True:
        size, byte = size >> 7, size & 0x7F
        length.append(byte | (0x80 if size else 0))
        if not size:
            return bytes([kind << 4 | flags]) + bytes(length) + body


def publish(topic: str, payload: bytes, number: int, *, again: bool = False, retained: bool = False) -> bytes:
    """Return a message of QoS 1 with the packet id `number`; of QoS 0 with 0. Bytes that are no UTF-8: surrogates."""
    name = topic.encode(errors="surrogateescape")
    mid = struct.pack("!H", number) if number else b""
    flags = (8 if again else 0) | (2 if number else 0) | (1 if retained else 0)
    return packet(PUBLISH, struct.pack("!H", len(name)) + name + mid + b"\0" + payload, flags)
