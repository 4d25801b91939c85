"""Cells of CSV files that people open in spreadsheets, which take some texts for formulas and carry them out."""

from typing import Final

# What spreadsheets take for the beginning of a formula, its full-width forms among it (OWASP, "CSV Injection").
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def harmless(text: str) -> str:
    """Return `text` with a quote in front when it would be a formula. Numbers are not for here."""
    return f"'{text}" if text.startswith(_FORMULAS) else text
