"""Numbers: three reasons are not five, 30 days are not 3."""

from penstock_kit.text import Kind, Reading


def numbers_differ(first: Reading, second: Reading) -> bool:
    """Return whether one names a number that the other does not."""
    return first.by_kind[Kind.NUMBER] != second.by_kind[Kind.NUMBER]
