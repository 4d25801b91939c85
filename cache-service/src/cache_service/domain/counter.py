"""The port to counters."""

from typing import Final, Protocol

from penstock_kit.errors import InvalidArgument

_MAX: Final = 2**63 - 1


class CounterStore(Protocol):
    """Integers by full key, changed atomically."""

    async def increment(self, key: str, delta: int, ttl: float) -> int:
        """Add `delta` and return the new value. A counter that is not there is 0.

        `ttl` in seconds counts from the increment that makes the counter, 0 for no end. A `delta` of 0
        makes nothing. Raises InvalidArgument (COUNTER_LIMIT_EXCEEDED) beyond 64 bits.
        """
        ...


def added(value: int, delta: int) -> int:
    """Return the sum, or raise InvalidArgument when it leaves 64 signed bits."""
    total = value + delta
    if not -_MAX - 1 <= total <= _MAX:
        message = f"adding {delta} to {value} leaves the 64-bit range of a counter; the counter is unchanged"
        raise InvalidArgument(message, reason="COUNTER_LIMIT_EXCEEDED")
    return total
