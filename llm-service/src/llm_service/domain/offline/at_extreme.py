"""The reading of one field where another is at its end: "the current when the voltage was highest"."""

from collections.abc import Sequence
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Statistic
from llm_service.domain.offline.sentence import Sentence

_EXTREMES: Final = frozenset({Statistic.MAX, Statistic.MIN})
_WHEN: Final = frozenset({"when", "while", "at the moment", "at the time", "the moment"})
_BEHIND: Final = frozenset({"时", "的时候", "的时刻", "那一刻", "的瞬间", "时刻"})
_PEAKING: Final = frozenset({"peaked", "peaks", "was peaking"})
# "The temperature at its maximum current".
_AT: Final = frozenset({"at", "at the", "when at", "bei"})
_ARTICLES: Final = frozenset({"its", "the", "their", "point of", "moment of", "time of", "of", "point", "moment"})
_LEAST: Final = 3
# A phrase for "no less than" elsewhere.
_AT_LEAST: Final = frozenset({"at minimum"})
_THEN: Final = frozenset({"then", "当时", "那时", "那时候", "那个时候", "那一刻", "at that time", "at the time"})
_QUIET: Final = (Kind.FILLER, Kind.DEVICE, Kind.AT)


def find_at_extreme(sentence: Sentence) -> tuple[str, bool] | None:
    """Return the field that is at an end and whether that is the highest, and mark its words; None for anything else.

    Another field has to be asked for.
    """
    fields = list(sentence.find(Kind.FIELD))
    if (then := _asked_then(sentence, fields)) is not None:
        return then
    for at in fields if len(fields) > 1 else ():
        field = sentence.senses(at)[Kind.FIELD]
        if not isinstance(field, str):
            continue
        if (led_by := _led_to(sentence, at, fields)) is not None:
            lowest = sentence.senses(at - 1).get(Kind.STATISTIC) is Statistic.MIN or sentence.text(at - 1) in _AT_LEAST
            sentence.use(led_by, at + 1)
            return field, not lowest
        end = sentence.skip(at + 1, _QUIET)
        others = [place for place in fields if sentence.senses(place)[Kind.FIELD] != field]
        if not _is_end(sentence, end):
            continue
        lead = sentence.skip(at - 1, _QUIET, step=-1)
        led = sentence.text(lead) in _WHEN and any(place < lead for place in others)
        followed = sentence.text(end + 1) in _BEHIND and any(place > end for place in others)
        if led or followed:
            highest = sentence.senses(end).get(Kind.STATISTIC) is not Statistic.MIN
            sentence.use(lead if led else at, end + 1 + followed)
            return field, highest
    return None


def _asked_then(sentence: Sentence, fields: Sequence[int]) -> tuple[str, bool] | None:
    """ "When was the current highest, and what was the voltage at that moment": the field at its end, None without."""
    named = [sentence.senses(at)[Kind.FIELD] for at in fields]
    ends = [at for at in range(len(sentence)) if sentence.senses(at).get(Kind.STATISTIC) in _EXTREMES]
    if len(fields) != 2 or named[0] == named[1] or not isinstance(named[0], str) or len(ends) != 1:
        return None
    first, second, end = fields[0], fields[1], ends[0]
    then = next((at for at in range(first + 1, len(sentence)) if _says_then(sentence, at)), None)
    if end > second or then is None or then < end or not list(sentence.find(Kind.ASK_WHEN)):
        return None
    highest = sentence.senses(end)[Kind.STATISTIC] is Statistic.MAX
    sentence.use(first, first + 1)
    sentence.use(end, end + 1)
    sentence.use(then, then + 1 + (2 if sentence.text(then) == "at" else sentence.text(then) == "当"))
    for at in list(sentence.find(Kind.ASK_WHEN)):
        sentence.use(at, at + 1)
    return named[0], highest


def _says_then(sentence: Sentence, at: int) -> bool:
    """Whether the words at `at` say "at that moment"."""
    three = (sentence.text(at), sentence.text(at + 1), sentence.text(at + 2))
    moment = three[0] == "at" and three[1] in {"that", "the", "this"} and three[2] in {"moment", "time", "point"}
    return moment or three[:2] == ("当", "时") or three[0] in _THEN


def _led_to(sentence: Sentence, at: int, fields: Sequence[int]) -> int | None:
    """Where "at its maximum current" begins, None where the field at `at` ends no such words."""
    least = sentence.text(at - 1) in _AT_LEAST
    if not least and sentence.senses(at - 1).get(Kind.STATISTIC) not in _EXTREMES:
        return None
    lead = at - 2 + least
    while lead > at - 2 - _LEAST and sentence.text(lead) in _ARTICLES:
        lead -= 1
    field = sentence.senses(at)[Kind.FIELD]
    others = any(place < lead and sentence.senses(place)[Kind.FIELD] != field for place in fields)
    return lead if others and (least or sentence.text(lead) in _AT) else None


def _is_end(sentence: Sentence, at: int) -> bool:
    return sentence.senses(at).get(Kind.STATISTIC) in _EXTREMES or sentence.text(at) in _PEAKING
