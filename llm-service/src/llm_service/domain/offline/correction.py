"""The question before put right: "not WLD001, WLD002", "不是6小时，是3小时", "no, 3 hours"."""

from datetime import datetime, timedelta
from typing import Final

from llm_service.domain.offline.lexicon import Kind, Lexicon, lexemes_of
from llm_service.domain.offline.number import length_at
from llm_service.domain.offline.put_right import put_right
from llm_service.domain.offline.query import Language, StructuredQuery
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.token import TokenKind, tokenize
from llm_service.domain.offline.vocabulary import language_of, lexicon

_DENYING: Final = frozenset({"not", "不是"})
_REPLACING: Final = frozenset({",", "，", ";", "；", "but", "、"})
_DENIED_AT_MOST: Final = 8
_QUIET: Final = (Kind.FILLER, Kind.FOLLOW, Kind.AND)
_NO: Final = frozenset({"no", "wait", "不", "对", "不对", "错", "错了"})
# Both sides of a correction are of one of these kinds.
_NAMED: Final = frozenset(
    {
        *(Kind.FIELD, Kind.STATISTIC, Kind.LABEL, Kind.DAY, Kind.TIME_UNIT, Kind.WEEKDAY, Kind.DEVICE, Kind.GROUP),
        Kind.NUMBER,
    }
)
_SOON: Final = timedelta(seconds=2)


def corrected(text: str, before: StructuredQuery, now: datetime) -> str:
    """Return what `text` puts in the place of what it denies; a length alone is that of a range up to now.

    "Not the mean, the maximum" becomes "the maximum", "3 hours" behind "the last 6 hours" becomes "the last 3 hours".
    Any other text is returned as it is.
    """
    text = _replacement(put_right(text))
    time = before.time
    rolling = time is not None and time.start is not None and time.end is not None and abs(now - time.end) < _SOON
    if not rolling or before.each or (before.least and not before.lasting) or before.interval:
        return text
    sentence = _sentence(text)
    at = 0
    while at < len(sentence) and sentence.number(at) is None and _is_quiet(sentence, at):
        at += 1
    length = length_at(sentence, at)
    if length is None or any(not _is_quiet(sentence, place) for place in range(length.end, len(sentence))):
        return text
    said = text[sentence.lexemes[at].tokens[0].start : sentence.lexemes[length.end - 1].tokens[-1].end]
    return f"最近{said}" if language_of(text) is Language.CHINESE else f"the last {said}"


def _replacement(text: str) -> str:
    """What stands behind "not X," where it is of the kind of X; `text` itself where nothing is denied so."""
    sentence = _sentence(text)
    first = next((at for at in range(len(sentence)) if sentence.text(at) in _DENYING), -1)
    if first < 0 or any(not _is_quiet(sentence, at) for at in range(first)):
        return text
    reach = range(first + 2, min(first + _DENIED_AT_MOST, len(sentence) - 1))
    link = next((at for at in reach if sentence.text(at) in _REPLACING), -1)
    if link < 0 or not _kinds(sentence, first + 1, link) & _kinds(sentence, link + 1, len(sentence)):
        return text
    if any(sentence.has(at, Kind.NOT) for at in range(link, len(sentence))):
        return text
    link += sentence.text(link + 1) == "而"
    return text[sentence.lexemes[link].tokens[-1].end :]


def _sentence(text: str) -> Sentence:
    return Sentence(lexemes_of(tokenize(text), lexicon(), Lexicon()))


def _is_quiet(sentence: Sentence, at: int) -> bool:
    return sentence.text(at) in _NO or any(sentence.has(at, kind) for kind in _QUIET)


def _kinds(sentence: Sentence, begin: int, end: int) -> set[Kind]:
    """What kinds of things are named from `begin` up to `end`; a word with digits is a device."""
    kinds = {kind for at in range(begin, end) for kind in sentence.senses(at)} & _NAMED
    codes = (
        sentence.lexemes[at].tokens[0].kind is TokenKind.WORD and any(map(str.isdecimal, sentence.text(at)))
        for at in range(begin, end)
    )
    numbered = any(sentence.number(at) is not None for at in range(begin, end))
    if any(codes):
        kinds.add(Kind.DEVICE)
    if numbered:
        kinds.add(Kind.NUMBER)
    return kinds
