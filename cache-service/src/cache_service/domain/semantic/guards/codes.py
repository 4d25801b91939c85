"""Codes: devices, errors, versions, addresses, settings; WLD001 is not WLD002."""

from penstock_kit.text import Kind, Reading


def codes_differ(first: Reading, second: Reading) -> bool:
    """Return whether one names a code that the other does not."""
    return first.by_kind[Kind.CODE] != second.by_kind[Kind.CODE]
