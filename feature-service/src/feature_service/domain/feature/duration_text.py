"""Lengths of time as people write them: ``10m``, ``1h30m``, ``90s``."""

from typing import Final

_UNITS: Final = {"d": 86_400_000_000, "h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1_000, "us": 1}


def duration_text(micros: int) -> str:
    """Return so many microseconds in the largest units that say them exactly, such as ``1h30m``."""
    if micros <= 0:
        return f"{micros}us" if micros else "0s"
    parts: list[str] = []
    for unit, size in _UNITS.items():
        count, micros = divmod(micros, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)
