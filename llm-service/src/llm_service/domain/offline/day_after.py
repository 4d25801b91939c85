"""The day after one that was named: it ends a range that goes past midnight, or is named as not understood."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import StructuredQuery, TimeRange
from llm_service.domain.offline.sentence import Sentence

_ALONE: Final = frozenset({"次日", "第二天", "翌日", "隔天"})
_NEXT: Final = frozenset({"next", "the next", "following", "the following"})
_DAYS: Final = frozenset({"day", "morning"})
_TO: Final = frozenset({"-", "–", "—", "~", "～", "to", "till", "until", "到", "至"})
# Words between what leads to the end of a range and the day behind it: "to 6 : 00 am on".
_REACH: Final = 7


def with_day_after(query: StructuredQuery, sentence: Sentence, now: datetime) -> StructuredQuery:
    """Return `query` without the day that "the next day" was taken for, which is named where it ends no range."""
    place = next((at for at in range(len(sentence)) if _is_day_after(sentence, at)), None)
    if place is None:
        return query
    words = (
        sentence.raw(place) if sentence.text(place) in _ALONE else f"{sentence.raw(place)} {sentence.raw(place + 1)}"
    )
    ranges = query.periods or ((query.time,) if query.time else ())
    past = tuple(each for each in ranges if each.start is None or each.start <= now)
    ends = _is_led_to(sentence, place) and any(_passes_midnight(each) for each in past)
    if len(past) < len(ranges) and past:
        query = replace(query, time=past[0], periods=past if len(past) > 1 else ())
    named = ends or any(words in each for each in query.unread)
    return query if named else replace(query, unread=(*query.unread, words))


def _is_day_after(sentence: Sentence, at: int) -> bool:
    following = sentence.text(at) in _NEXT and sentence.text(at + 1) in _DAYS
    return sentence.text(at) in _ALONE or following


def _is_led_to(sentence: Sentence, at: int) -> bool:
    """Whether the end of a range stands before the day (in Chinese behind it)."""
    reach = 1 if sentence.text(at) in _ALONE else _REACH
    places = range(max(at - reach, 0), at)
    return any(sentence.text(place) in _TO or Kind.TO in sentence.lexeme_senses(place) for place in places)


def _passes_midnight(time: TimeRange) -> bool:
    return time.start is not None and time.end is not None and time.start.date() < time.end.date()
