"""A name server over UDP whose answers a test changes while it runs."""

import asyncio
import ipaddress
import struct
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

_HEADER: Final = struct.Struct("!6H")
_ANSWER: Final = struct.Struct("!3HIH")
_ADDRESS, _INTERNET = 1, 1
# The record's name is the one that stands at offset 12, in the question.
_SAME_NAME: Final = 0xC00C
# A response, authoritative, and recursion is there.
_RESPONSE: Final = 0x8480
_NO_SUCH_NAME: Final = 3


class NameServer(asyncio.DatagramProtocol):
    """Answers questions for IPv4 addresses; a name with none is told not to exist. Records live for no time."""

    def __init__(self) -> None:
        self._records: dict[str, tuple[str, ...]] = {}
        self._transport: Any = None
        self.port = 0
        # How often it was asked for an address of each name.
        self.asked: dict[str, int] = {}

    def set(self, name: str, addresses: Iterable[str]) -> None:
        """Answer `addresses` for `name` from now on."""
        self._records[name] = tuple(addresses)

    def target(self, name: str, port: int) -> str:
        """Return what a setting holds so that `name` is asked of this server."""
        return f"dns://127.0.0.1:{self.port}/{name}:{port}"

    def connection_made(self, transport: Any) -> None:
        """Take the socket."""
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Answer one question."""
        self._transport.sendto(self._answer(data), addr)

    def _answer(self, data: bytes) -> bytes:
        number, *_ = _HEADER.unpack_from(data)
        name, end = _name_at(data, _HEADER.size)
        kind, _ = struct.unpack_from("!2H", data, end)
        known = self._records.get(name, ())
        if kind == _ADDRESS:
            self.asked[name] = self.asked.get(name, 0) + 1
        addresses = known if kind == _ADDRESS else ()
        flags = _RESPONSE if known else _RESPONSE | _NO_SUCH_NAME
        records = b"".join(
            _ANSWER.pack(_SAME_NAME, _ADDRESS, _INTERNET, 0, 4) + ipaddress.IPv4Address(address).packed
            for address in addresses
        )
        question = data[_HEADER.size : end + 4]
        return _HEADER.pack(number, flags, 1, len(addresses), 0, 0) + question + records


def _name_at(data: bytes, offset: int) -> tuple[str, int]:
    """Return the name that stands at `offset`, and where it ends."""
    labels: list[str] = []
    while length := data[offset]:
        labels.append(data[offset + 1 : offset + 1 + length].decode())
        offset += 1 + length
    return ".".join(labels), offset + 1


@asynccontextmanager
async def run_name_server() -> AsyncGenerator[NameServer]:
    """Run a name server on loopback until the block ends."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 0))
    try:
        yield server
    finally:
        transport.close()
