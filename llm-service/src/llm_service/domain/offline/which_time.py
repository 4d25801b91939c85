"""Which of two times it was more in: "was it hotter yesterday or today", "昨天跟今天比，哪天平均温度高"."""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.longer_asked import says_less, says_more, side_of
from llm_service.domain.offline.query import Intent, Operator, Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence

if TYPE_CHECKING:
    from llm_service.domain.offline.reading import Reading

_ENDS: Final = frozenset({Statistic.MAX, Statistic.MIN})
_READINGS: Final = frozenset({Statistic.COUNT, Statistic.SHARE})
_TIMES: Final = (Kind.DAY, Kind.RELATIVE_PERIOD, Kind.WEEKDAY, Kind.PART)
_INTENTS: Final = frozenset({Intent.STATISTICS, Intent.COMPARE})
_SUPERLATIVES: Final = ("highest", "lowest", "maximum", "minimum", "peak", "hottest", "coldest", "最")
_COMPARING: Final = frozenset({"worse", "better", "or", "还是", "长", "更长"})
# How far a time reaches on either side of "or": "between 8 and 9 or between 9 and 10" is read by its ranges.
_REACH: Final = 2


def with_which_time(query: StructuredQuery, sentence: Sentence, reading: "Reading") -> StructuredQuery:
    """Return `query` as a comparison of its two times that says in which of them it was more, or less."""
    whole = len(query.periods) == 2 and not any(each.instant for each in query.periods)
    other = query.versus or query.limit or query.refused or query.judged or query.any_condition or query.since
    other = other or query.prevalent
    if not whole or other or query.intent not in _INTENTS or not _asks_which(query, sentence, reading):
        return query
    lowest = _is_lowest(query, sentence)
    return replace(
        query,
        intent=Intent.COMPARE,
        statistics=_statistics(query, sentence),
        which_time="lowest" if lowest else "highest",
        unread=tuple(each for each in query.unread if not _is_comparing(each)),
        all_devices=query.all_devices or not (query.devices or query.references or query.follows),
        interval=None,
        rank=False,
        top=0,
        when=False,
        whether=False,
        always=False,
        each=False,
        beyond="",
    )


def _asks_which(query: StructuredQuery, sentence: Sentence, reading: "Reading") -> bool:
    """Whether one of the two times is asked for, and no machine."""
    if reading.interval is not None:
        return reading.interval.which and query.rank
    alone = len(query.devices) + len(query.references) == 1 and not query.all_devices
    if query.rank:
        return alone
    compared = bool(side_of(sentence) or _best(sentence) is not None or _ENDS & set(query.statistics))
    compared = compared or any(_is_comparing(each.text) for each in sentence.lexemes if Kind.OR not in each.senses)
    return compared and any(_between_times(sentence, at) for at in sentence_places(sentence))


def sentence_places(sentence: Sentence) -> list[int]:
    """Return where "or" stands."""
    return [at for at, lexeme in enumerate(sentence.lexemes) if Kind.OR in lexeme.senses]


def _between_times(sentence: Sentence, at: int) -> bool:
    before = range(max(at - _REACH, 0), at)
    behind = range(at + 1, min(at + 1 + _REACH, len(sentence)))
    return all(
        any(kind in sentence.lexeme_senses(place) for place in places for kind in _TIMES) for places in (before, behind)
    )


def _best(sentence: Sentence) -> bool | None:
    """Whether the better one is asked for, None where neither the better nor the worse one is."""
    found = [lexeme.senses[Kind.BEST] for lexeme in sentence.lexemes if Kind.BEST in lexeme.senses]
    return bool(found[0]) if found else None


def _is_lowest(query: StructuredQuery, sentence: Sentence) -> bool:
    """Whether it is less in the time asked for: of defects the better one has less, of good ones the worse one."""
    best = _best(sentence)
    if best is not None and query.conditions:
        good = any(each.value == "good" and each.operator is Operator.EQ for each in query.conditions)
        return best is not good
    return (
        Statistic.MIN in query.statistics
        or side_of(sentence) == "below"
        or any(says_less(lexeme.text) for lexeme in sentence.lexemes)
    )


def _statistics(query: StructuredQuery, sentence: Sentence) -> tuple[Statistic, ...]:
    """By what they are compared; of a label by the share of the readings and their number, that is asked for first."""
    others = tuple(each for each in query.statistics if each not in _ENDS)
    if query.conditions and not query.fields and set(others) <= _READINGS:
        if Statistic.SHARE in others and Statistic.COUNT not in others:
            return (Statistic.SHARE,)
        rated = _best(sentence) is not None
        return (Statistic.SHARE, Statistic.COUNT) if rated else (Statistic.COUNT, Statistic.SHARE)
    if others or not query.statistics:
        return others
    extreme = any(word in lexeme.text for lexeme in sentence.lexemes for word in _SUPERLATIVES)
    return query.statistics if extreme else (Statistic.MEAN,)


def _is_comparing(phrase: str) -> bool:
    text = phrase.lower()
    return says_less(text) or says_more(text) or text in _COMPARING
