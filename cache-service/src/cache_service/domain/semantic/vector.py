"""Vectors as bytes: little-endian float32."""

import math
import sys
from array import array


def unit_vector(vector: bytes) -> bytes:
    """Return `vector` at length one; empty when it has no direction (zeros, or what is no number)."""
    if not vector or len(vector) % 4:
        return b""
    values = array("f", vector)
    if sys.byteorder == "big":
        values.byteswap()
    length = math.sqrt(math.fsum(value * value for value in values))
    if not length or not math.isfinite(length):
        return b""
    if abs(length - 1.0) < 1e-4:
        return vector
    scaled = array("f", (value / length for value in values))
    if sys.byteorder == "big":
        scaled.byteswap()
    return scaled.tobytes()
