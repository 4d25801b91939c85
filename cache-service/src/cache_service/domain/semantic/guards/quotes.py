"""Quotations: a word to translate is not another word."""

from penstock_kit.text import Reading


def quotes_differ(first: Reading, second: Reading) -> bool:
    """Return whether both quote something, and not the same."""
    return first.quoted != second.quoted and bool(first.quoted) and bool(second.quoted)
