"""Whether one machine, or one time, had more or longer of it than another: yes or no; or which of two it was."""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Intent, Operator, Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_data import Comparative

if TYPE_CHECKING:
    from llm_service.domain.offline.reading import Reading

_TIMED: Final = frozenset({Statistic.EVENTS, Statistic.DURATION})
_COLD: Final = frozenset({"冷", "低", "小", "少", "cold"})
_SIDES: Final[dict[object, str]] = {Operator.GT: "above", Operator.LT: "below"}
_OPENING: Final = frozenset({"is", "are", "was", "were", "has", "have", "had", "does", "do", "did"})
_ASKING: Final = frozenset({"是不是", "是否", "有没有"})
_LESS: Final = frozenset(
    {"shorter", "shorter than", "less", "less than", "fewer", "fewer than", "less time", "less often", "更短", "短"}
    | {"更少", "少", "比较少", "少一些", "less often than", "rarer", "更少次"}
)
_MORE: Final = frozenset(
    {"longer", "longer than", "more", "more than", "more often", "more often than", "more time", "fewer", "less"}
    | {"更久", "更长", "更多", "多", "久", "more frequently", "often"}
)
_LONG: Final = frozenset({"长", "久", "多"})
_BETWEEN: Final = frozenset({"than", "hours", "minutes", "time", "of the time", "often"})


def with_longer(query: StructuredQuery, sentence: Sentence, reading: "Reading") -> StructuredQuery:
    """Return `query` with yes or no asked of a comparison of durations or numbers of times, or with which one it is."""
    timed = bool(query.statistics) and set(query.statistics) <= _TIMED and bool(query.conditions)
    texts = [lexeme.text for lexeme in sentence.lexemes]
    less = any(text in _LESS or text.removesuffix(" than") in _LESS for text in texts)
    if timed and len(query.devices) == 2 and not query.rank and _chooses(query, sentence):
        ends = (Statistic.MIN,) if less else (Statistic.MAX,)
        unread = tuple(each for each in query.unread if each.lower() not in {"or", "还是", "或"} | _LESS | _MORE)
        chosen = replace(query, intent=Intent.STATISTICS, statistics=(*query.statistics, *ends), unread=unread)
        return replace(chosen, rank=True, whether=False, always=False, beyond="")
    if timed and query.rank and Statistic.MIN not in query.statistics:
        # "谁的焊接时间长".
        query = replace(query, unread=tuple(each for each in query.unread if each not in _LONG))
    if timed and _than(query, sentence):
        # "Did A weld more hours than B": the word between says no more.
        unread = tuple(each for each in query.unread if each.lower() not in _LESS | _MORE | _BETWEEN)
        query = replace(query, intent=Intent.COMPARE, whether=False, always=False, unread=unread)
    if query.intent is not Intent.COMPARE or query.versus or query.rank:
        return query
    if query.beyond and _chooses(query, sentence):
        # "Was A or B hotter" asks for no yes.
        return replace(query, beyond="")
    asked = query.beyond or side_of(sentence) or ("below" if less else "above" if timed else "")
    if not asked or not _asks_yes_or_no(sentence):
        return query
    ranges = reading.times.ranges
    earlier = [each.start for each in ranges if each.start]
    if len(query.devices) == 1 and len(ranges) == len(earlier) == 2 and earlier[0] < earlier[1]:
        # "Yesterday longer than today" is asked of the earlier one, the verdict is said of the later.
        asked = "below" if asked == "above" else "above"
    return replace(query, beyond=asked)


def _than(query: StructuredQuery, sentence: Sentence) -> bool:
    """Whether of two machines or groups it is asked whether one had more of it than the other."""
    groups = {each.label for each in query.references if each.label and not each.excluded}
    two = len(query.devices) == 2 or len(query.references) == len(groups) == 2
    texts = [lexeme.text for lexeme in sentence.lexemes]
    than = any(text == "than" or text.endswith(" than") for text in texts)
    compared = any(text.removesuffix(" than") in _LESS | _MORE for text in texts)
    compared = compared or any(Kind.LONGER in lexeme.senses for lexeme in sentence.lexemes)
    return two and than and compared and _asks_yes_or_no(sentence)


def side_of(sentence: Sentence) -> str:
    """Return on which side of the other one it is said to be: "hotter", "lower than"."""
    for lexeme in sentence.lexemes:
        more = lexeme.senses.get(Kind.MORE)
        if isinstance(more, Comparative) and more.statistic in {Statistic.MAX, Statistic.MIN}:
            return "below" if more.statistic is Statistic.MIN else "above"
        if lexeme.text in _COLD:
            return "below"
        if isinstance(more, Comparative) and more.field and "比" in {each.text for each in sentence.lexemes}:
            return "above"
    operators = [lexeme.senses.get(Kind.OPERATOR) for lexeme in sentence.lexemes]
    return next((_SIDES[each] for each in operators if each in _SIDES), "")


def says_less(text: str) -> bool:
    """Return whether the word says that there was less of it, or that it was shorter."""
    return text in _LESS


def says_more(text: str) -> bool:
    """Return whether the word says that there was more of it, or that it was longer."""
    return text in _MORE


def _asks_yes_or_no(sentence: Sentence) -> bool:
    texts = [lexeme.text for lexeme in sentence.lexemes]
    first = sentence.text(sentence.skip(0, (Kind.FOLLOW, Kind.AND))).split(" ")[0]
    return first in _OPENING or any(text.endswith("吗") or text in _ASKING for text in texts)


def _chooses(query: StructuredQuery, sentence: Sentence) -> bool:
    """Whether one of two machines is chosen: "did A or B run longer", "A还是B停得久"."""
    places = [at for at, lexeme in enumerate(sentence.lexemes) if Kind.OR in lexeme.senses]
    named = {code.lower() for code in query.devices}
    between = any({sentence.text(at - 1), sentence.text(at + 1)} == named for at in places)
    compared = any(
        Kind.LONGER in lexeme.senses
        or lexeme.text in _LESS | _MORE
        or isinstance(lexeme.senses.get(Kind.MORE), Comparative)
        for lexeme in sentence.lexemes
    )
    return between and compared
