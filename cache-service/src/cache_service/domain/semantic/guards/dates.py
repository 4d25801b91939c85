"""Days, months, times of day and parts of it: 9 am is not 9 pm."""

from penstock_kit.text import Kind, Reading


def dates_differ(first: Reading, second: Reading) -> bool:
    """Return whether one names a time that the other does not."""
    return first.by_kind[Kind.DATE] != second.by_kind[Kind.DATE]
