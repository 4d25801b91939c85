"""Words: questions in nearly the same words that differ in one that matters, such as France and Germany.

Where two questions share most of their words, or are short, similarity tells nothing any more: every word that one has
and the other lacks must be a synonym or filler. Where they share few of many, they are worded anew, and the similarity
decides.
"""

from typing import Final

from penstock_kit.text import Reading

_WORDED_ANEW: Final = 0.5
_FEW: Final = 2


def words_differ(first: Reading, second: Reading) -> bool:
    """Return whether the questions differ in a word although they are worded alike."""
    here, there = first.content - second.content, second.content - first.content
    if not here and not there:
        return False
    shared = len(first.content & second.content)
    alike = 2 * shared / (len(first.content) + len(second.content))
    return alike >= _WORDED_ANEW or max(len(here), len(there)) <= _FEW or not here or not there
