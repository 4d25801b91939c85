"""Yes or no of a machine's values in one time against another: "more gas today than yesterday", "risen since then"."""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from llm_service.domain.offline.course_asked import asks_yes_or_no, side_of_course
from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Intent, Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_data import Comparative

if TYPE_CHECKING:
    from llm_service.domain.offline.reading import Reading

_TIMES: Final = (Kind.DAY, Kind.RELATIVE_PERIOD, Kind.WEEKDAY)
_FLIPPED: Final = {"above": "below", "below": "above"}


def with_times_against(query: StructuredQuery, sentence: Sentence, reading: "Reading") -> StructuredQuery:
    """Return `query` with on which side the later of its two times shall be, where yes or no is asked of that."""
    query = _moved(query, sentence)
    several = len(query.devices) + len(query.references) != 1 or query.all_devices or query.rank
    plain = query.intent is Intent.COMPARE and len(query.fields) == 1 and len(query.periods) == 2
    other = query.conditions or query.unread or query.negation or query.beyond or query.versus or query.interval
    side, ranges = _side(sentence), reading.times.ranges
    if several or not plain or other or not side or len(ranges) != 2 or not asks_yes_or_no(sentence):
        return query
    first, second = ranges
    if not _stands_between(sentence) or first.start is None or second.start is None or first.start == second.start:
        return query
    return replace(query, beyond=side if first.start > second.start else _FLIPPED[side])


def _moved(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """ "Has it risen compared to yesterday?": whether the mean of the later time is higher."""
    one = len(query.fields) == 1 and len(query.devices) + len(query.references) == 1 and not query.all_devices
    side = side_of_course([phrase.lower() for phrase in query.unread])
    if query.intent is not Intent.COMPARE or len(query.periods) != 2 or not one or not side:
        return query
    left = tuple(phrase for phrase in query.unread if not side_of_course([phrase.lower()]))
    return replace(query, unread=left, beyond=side if asks_yes_or_no(sentence) else query.beyond)


def _stands_between(sentence: Sentence) -> bool:
    """Whether the word for "than" stands between the two times, so that the first is what is asked of."""
    place = next((at for at in range(len(sentence)) if sentence.text(at).endswith(("than", "比"))), None)
    if place is None:
        return False
    times = [at for at in range(len(sentence)) if any(kind in sentence.lexeme_senses(at) for kind in _TIMES)]
    return len(times) == 2 and times[0] < place < times[1]


def _side(sentence: Sentence) -> str:
    """On which side the time that is asked of shall be: "above", "below", "" where not one word says it."""
    found = (lexeme.senses.get(Kind.MORE) for lexeme in sentence.lexemes)
    sides = {each.statistic for each in found if isinstance(each, Comparative)}
    return (
        {Statistic.MAX: "above", Statistic.MIN: "below"}.get(sides.pop() or Statistic.MEAN, "")
        if len(sides) == 1
        else ""
    )
