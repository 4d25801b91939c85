"""Time-ordered ids such as ``conv_06bq…``: sortable by creation, unguessable, safe in URLs and logs."""

import secrets
import threading
import time
from typing import Final

# Crockford's alphabet, lower case: its byte order is its numeric order, and it has no i, l, o or u.
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS: Final = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_TIME_DIGITS: Final = 10
_RANDOM_DIGITS: Final = 16
_RANDOM_BITS: Final = 80


class IdSource:
    """Makes ids of 48 bits of Unix milliseconds and 80 random bits (the ULID layout).

    Ids of one source in one process strictly increase, also within a millisecond and when the clock steps back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._millis = 0
        self._random = 0

    def new(self, prefix: str) -> str:
        """Return ``<prefix>_<26 characters>``, greater than every id this source returned before."""
        with self._lock:
            millis = time.time_ns() // 1_000_000
            if millis > self._millis:
                self._millis, self._random = millis, secrets.randbits(_RANDOM_BITS - 1)
            else:
                self._random += 1 + secrets.randbits(32)
            return f"{prefix}_{_encoded(self._millis, _TIME_DIGITS)}{_encoded(self._random, _RANDOM_DIGITS)}"


def _encoded(number: int, digits: int) -> str:
    """Return `number` in an even number of digits, two at a time."""
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(5 * (digits - 2), -1, -10)])


_PROCESS: Final = IdSource()


def new_id(prefix: str) -> str:
    """Return a new id from the process's own source, for example ``new_id("conv")``."""
    return _PROCESS.new(prefix)
