"""The header Accept: which of the types on offer the caller prefers."""

from collections.abc import Sequence


def preferred_type(accept: str, offered: Sequence[str]) -> str:
    """Return the one of `offered` that `accept` prefers, the first of equals; the first too when it names none."""
    qualities = _qualities(accept)
    if not qualities:
        return offered[0]
    return max(offered, key=lambda kind: (_quality(kind, qualities), -offered.index(kind)))


def _quality(kind: str, qualities: dict[str, float]) -> float:
    for pattern in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
        if pattern in qualities:
            return qualities[pattern]
    return 0.0


def _qualities(accept: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for entry in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in entry.split(";"))
        if kind:
            found[kind] = next((_number(each[2:]) for each in parameters if each.startswith("q=")), 1.0)
    return found


def _number(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0
