"""Time zones: 10:00 UTC is not 10:00 CET."""

from penstock_kit.text import Kind, Reading


def zones_differ(first: Reading, second: Reading) -> bool:
    """Return whether one names a zone that the other does not."""
    return first.by_kind[Kind.ZONE] != second.by_kind[Kind.ZONE]
