"""A gRPC channel over which nothing comes ahead of its reader: for tests of answers that nobody reads.

gRPC measures how much a connection carries and lets a server send as much ahead: on loopback 4 MiB of each answer at
first, and more with every answer that is read, so that one "too large for the buffers" is there in whole some day and
its call has ended. Without the measuring it is HTTP/2's first window, 64 KiB of each answer, on every machine.
"""

from typing import Final

import grpc.aio

from penstock_kit.grpc.call import Peer
from penstock_kit.grpc.channel import DEFAULT_TIMEOUT, PenstockChannel
from penstock_kit.grpc.options import client_options

MOST_AHEAD: Final = 64 * 1024
"""Bytes of an answer that a server may send before they are read, beside the message that is being sent."""


def open_narrow_channel(address: str, *, service: str) -> PenstockChannel:
    """Return a channel to `service` at `address` as `open_channel` does, whose calls take no more than that ahead."""
    ahead = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", MOST_AHEAD))
    channel = grpc.aio.insecure_channel(address, options=(*client_options(()), *ahead))
    return PenstockChannel(channel, Peer(service=service, target=address, timeout=DEFAULT_TIMEOUT), address)
