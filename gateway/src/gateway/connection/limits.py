"""What a connection may cost, and how long it may take."""

import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# What the gateway keeps for itself: stores, gRPC channels, log and whatever libraries open.
_RESERVED: Final = 64
_FEWEST: Final = 16
# Raising the soft limit further than this only makes tables of the kernel larger.
_MOST_DESCRIPTORS: Final = 65_536
_DESCRIPTORS: Final = Path("/proc/self/fd")
_UNKNOWN_OPEN: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """Limits of one HTTP connection. Times are in seconds, sizes in bytes.

    A body may bring less than `body_rate` bytes a second for `body_seconds` (while it is not us who make it wait). A
    client that takes no byte of an answer is let go after `stall_seconds`, after `pipeline_stall_seconds` when it has
    asked for more meanwhile. `linger_seconds`: what a refused client still sends is read and thrown away, so that it
    gets to see why.
    """

    head_bytes: int = 64 * 1024
    head_fields: int = 100
    head_seconds: float = 10.0
    body_seconds: float = 20.0
    body_rate: int = 100
    stall_seconds: float = 120.0
    pipeline_stall_seconds: float = 10.0
    pipelined_requests: int = 8
    keep_alive_seconds: float = 75.0
    linger_seconds: float = 2.0


def raise_descriptor_limit() -> None:
    """Raise the soft limit on open files to the hard one, which is what this process was given."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def connection_cap(wanted: int) -> int:
    """Return how many connections may be open: `wanted`, or fewer where the limit on open files leaves fewer.

    0 for `wanted`: as many as it leaves.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted or _MOST_DESCRIPTORS
    left = max(_FEWEST, soft - _open_descriptors() - _RESERVED)
    return min(wanted or left, left)


def _open_descriptors() -> int:
    try:
        return sum(1 for _ in _DESCRIPTORS.iterdir())
    except OSError:  # not on every system
        return _UNKNOWN_OPEN
