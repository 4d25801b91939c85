"""Negation: what does not need a restart is not what needs one, and unsafe is not safe."""

from typing import Final

from penstock_kit.text import Kind, Reading

_PREFIXES: Final = ("un", "in", "im", "ir", "il", "non", "dis", "de", "mis", "不", "非", "无", "未")


def negation_differs(first: Reading, second: Reading) -> bool:
    """Return whether one says no more often than the other, or one's word is the other's with a prefix that denies."""
    if first.by_kind[Kind.NEGATION] != second.by_kind[Kind.NEGATION]:
        return True
    here, there = first.content - second.content, second.content - first.content
    return any(f"{prefix}{word}" in there for word in here for prefix in _PREFIXES) or any(
        f"{prefix}{word}" in here for word in there for prefix in _PREFIXES
    )
