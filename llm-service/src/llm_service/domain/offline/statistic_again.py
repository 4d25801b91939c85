"""A number of the numbers of intervals: "the average of the hourly maximum", "每小时最大电流的平均值"."""

from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Statistic
from llm_service.domain.offline.sentence import Sentence

_TAKEN: Final = frozenset({Statistic.MEAN, Statistic.MEDIAN, Statistic.SUM, Statistic.STD})
_REACH: Final = 6


def find_statistic_again(sentence: Sentence) -> Statistic | None:
    """Return the number that is to be made of those of the intervals, and mark its word; None without any."""
    places = list(sentence.find(Kind.STATISTIC))
    for at in places:
        statistic = sentence.senses(at)[Kind.STATISTIC]
        others = [place for place in places if place != at and sentence.senses(place)[Kind.STATISTIC] != statistic]
        if isinstance(statistic, Statistic) and statistic in _TAKEN and any(_of(sentence, at, each) for each in others):
            sentence.use(at, at + 1)
            return statistic
    return None


def _of(sentence: Sentence, outer: int, inner: int) -> bool:
    """Whether the number at `inner` is one of intervals that the one at `outer` is made of."""
    if abs(outer - inner) > _REACH:
        return False
    if outer < inner:
        # "Average of the hourly maximum", "mean hourly maximum", "average of the maximum per hour".
        between = range(outer + 1, inner)
        rhythm = any(sentence.has(at, Kind.RHYTHM) for at in between)
        linked = sentence.text(outer + 1) in {"of", "of the", "over", "over the"}
        return rhythm or (linked and _follows_each(sentence, inner) and not _parted(sentence, between))
    # "每小时最大电流的平均值": the interval stands in front of both.
    paired = any(sentence.text(at) == "的" for at in range(inner + 1, outer))
    return paired and _leads_each(sentence, inner) and not _parted(sentence, range(inner + 1, outer))


def _parted(sentence: Sentence, between: range) -> bool:
    """Whether "and" or a comma stands between: two numbers beside each other."""
    return any(sentence.has(at, Kind.AND) or sentence.has(at, Kind.OR) for at in between)


def _follows_each(sentence: Sentence, inner: int) -> bool:
    places = range(inner + 1, min(inner + _REACH, len(sentence)))
    return any(
        sentence.has(at, Kind.RHYTHM) or (sentence.has(at, Kind.EVERY) and sentence.has(at + 1, Kind.TIME_UNIT))
        for at in places
    )


def _leads_each(sentence: Sentence, inner: int) -> bool:
    places = range(max(inner - _REACH, 0), inner)
    return any(
        sentence.has(at, Kind.RHYTHM) or (sentence.has(at, Kind.EVERY) and sentence.has(at + 1, Kind.TIME_UNIT))
        for at in places
    )
