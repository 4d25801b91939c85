"""Words in a wrong spelling, taken for the known word they are next to; the answer says so."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final

from llm_service.domain.offline.lexicon import Kind, Lexicon, Senses
from llm_service.domain.offline.query import Note, Remark
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.token import TokenKind

_SHORTEST: Final = 3
# Shorter words only count when two of their letters are swapped, which makes no other word of them.
_SHORTEST_CHANGED: Final = 5
_SHORTEST_DOUBLED: Final = 4
_LONGEST: Final = 24
_MOST: Final = 8
_WORTH: Final = frozenset(
    {
        *(Kind.STATISTIC, Kind.FIELD, Kind.TIME_UNIT, Kind.DAY, Kind.MONTH, Kind.WEEKDAY, Kind.DEVICE_WORD),
        *(Kind.INTENT, Kind.RHYTHM, Kind.LABEL, Kind.CORRELATION, Kind.PERCENTILE, Kind.OPERATOR, Kind.SHARE),
    }
)


def correct_spelling(sentence: Sentence, lexicons: tuple[Lexicon, ...]) -> tuple[Note, ...]:
    """Give unknown words the senses of the one known word they differ from by a letter or two.

    At most eight words a sentence are looked at, so that the work is bounded.
    """
    notes: list[Note] = []
    looked_at = 0
    for at, lexeme in enumerate(sentence.lexemes):
        word = lexeme.text
        token = lexeme.tokens[0]
        strange = token.kind is TokenKind.WORD and not lexeme.senses and word.isalpha() and word.isascii()
        if not strange or not _SHORTEST <= len(word) <= _LONGEST or not token.raw[1:].islower():
            continue
        looked_at += 1
        if looked_at > _MOST:
            break
        known = {each: senses for lexicon in lexicons for each, senses in lexicon.words.items()}
        near = _nearest(word, [each for each, senses in known.items() if _WORTH & senses.keys()])
        near = near or _swapped(word, known) or _one_off(word, known)
        if near:
            sentence.lexemes[at] = replace(lexeme, senses=known[near])
            notes.append(Note(remark=Remark.READ_AS, words=(token.raw, near)))
    return tuple(notes)


def _swapped(word: str, known: Mapping[str, Senses]) -> str:
    """The known word that two neighbouring letters of `word` make when they are swapped back: "teh", "huor"."""
    turned = (word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1))
    found = [each for each in turned if each in known and each != word and Kind.DEVICE not in known[each]]
    return found[0] if len(set(found)) == 1 else ""


def _one_off(word: str, known: Mapping[str, Senses]) -> str:
    """The only word of the grammar, of whatever kind, that is one letter off: "sinse", "anythng"; of a short word one
    too many: "gass"."""
    if len(word) < _SHORTEST_DOUBLED:
        return ""
    if len(word) < _SHORTEST_CHANGED:
        found = {word[:at] + word[at + 1 :] for at in range(1, len(word)) if word[at] == word[at - 1]}
        found = {each for each in found if each in known}
    else:
        near = (each for each in known if abs(len(each) - len(word)) <= 1 and each[:1] == word[:1] and each.isalpha())
        found = {each for each in near if len(each) >= _SHORTEST_CHANGED and distance(word, each, 1) <= 1}
    found = {each for each in found if Kind.DEVICE not in known[each]}
    return found.pop() if len(found) == 1 else ""


def _lacks(word: str, other: str) -> bool:
    """Whether `word` is `other` without one of its letters but the first."""
    return any(other[:at] + other[at + 1 :] == word for at in range(1, len(other)))


def _nearest(word: str, candidates: list[str]) -> str:
    if len(word) < _SHORTEST_CHANGED:
        # Of a short word one letter may be missing: "tody".
        return next(
            (each for each in candidates if len(each) == len(word) + 1 == _SHORTEST_CHANGED and _lacks(word, each)), ""
        )
    reach = 1 if len(word) < 8 else 2
    found = [(distance(word, each, reach), each) for each in candidates if abs(len(each) - len(word)) <= reach]
    found = sorted(pair for pair in found if pair[0] <= reach)
    if not found or (len(found) > 1 and found[0][0] == found[1][0] and not _same_word(found[0][1], found[1][1])):
        return ""
    return found[0][1]


def _same_word(first: str, second: str) -> bool:
    """ "mean" and "means": either will do."""
    return first.rstrip("s") == second.rstrip("s")


@lru_cache(maxsize=4096)
def distance(first: str, second: str, reach: int) -> int:
    """Return by how many letters two words differ (wrong, missing, extra or swapped); beyond `reach`, more than it."""
    if first == second:
        return 0
    before: list[int] = []
    last = list(range(len(second) + 1))
    for row, letter in enumerate(first, 1):
        current = [row]
        for column, other in enumerate(second, 1):
            cost = min(last[column] + 1, current[-1] + 1, last[column - 1] + (letter != other))
            swapped = row > 1 and column > 1 and letter == second[column - 2] and first[row - 2] == other
            current.append(min(cost, before[column - 2] + 1) if swapped else cost)
        if min(current) > reach:
            return reach + 1
        before, last = last, current
    return last[-1]
