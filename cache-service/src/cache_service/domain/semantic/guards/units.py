"""Units of measure: 6 bar are not 6 psi."""

from penstock_kit.text import Kind, Reading


def units_differ(first: Reading, second: Reading) -> bool:
    """Return whether one names a unit that the other does not, however it is written."""
    return first.by_kind[Kind.UNIT] != second.by_kind[Kind.UNIT]
