"""What was told of a time, asked of one behind or before it: "ten minutes later?", "十分钟后呢", "and before that?"."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from llm_service.domain.offline.bare_text import bare
from llm_service.domain.offline.lexicon import Kind, lexemes_of
from llm_service.domain.offline.number import length_at
from llm_service.domain.offline.period import moved
from llm_service.domain.offline.query import Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.token import tokenize
from llm_service.domain.offline.vocabulary import lexicon

_LATER: Final = frozenset({"later", "afterwards", "after that", "after", "on", "后", "之后", "以后", "过后"})
_EARLIER: Final = frozenset({"earlier", "before that", "before", "之前", "以前", "更早"})
# These say it before the length: "再过十分钟".
_FORWARD: Final = frozenset({"再过", "过了", "又过了", "再过了", "再往后", "往后", "再"})
_BACKWARD: Final = frozenset({"再往前", "往前", "提前", "再早", "早"})
_BEFORE: Final = frozenset(
    {
        *("before that", "before", "earlier", "before then", "prior to that", "just before", "just before that"),
        *(
            "之前",
            "在那之前",
            "那之前",
            "再之前",
            "在此之前",
            "更早",
            "再往前",
            "再早一点",
            "再前面",
            "更早之前",
            "在这之前",
        ),
    }
)
_AFTER: Final = frozenset(
    {
        *("after that", "afterwards", "later", "and then", "just after that", "after then", "right after", "after"),
        *("之后", "在那之后", "那之后", "再之后", "然后", "再往后", "在此之后", "后来", "在这之后"),
    }
)
_MARKS: Final = frozenset({"?", "？", "!", "！", ".", "。", "呢", "please"})
_LEADS: Final = (Kind.FOLLOW, Kind.AND)
_ENGLISH_LEADS: Final = ("and what about ", "and ", "what about ", "how about ", "what was it ", "how was it ")
_LAST_TWO: Final = 2


def shifted_again(text: str, before: StructuredQuery) -> StructuredQuery | None:
    """Return `before` with its time moved by what is all that `text` says; None for anything else."""
    if before.periods:
        return None
    if (step := _bare(text)) != 0:
        return _neighbour(before, step)
    if before.time is None or before.time.start is None:
        return None
    length = _length(text)
    return replace(before, time=moved(before.time, length), undated=False) if length else None


def _bare(text: str) -> int:
    """Whether nothing but "before that" (-1) or "after that" (1) is said."""
    plain = bare(text, "！")
    plain = plain.removeprefix("那么") if plain not in _BEFORE | _AFTER else plain
    for lead in _ENGLISH_LEADS:
        plain = plain.removeprefix(lead) if plain not in _AFTER else plain
    return -1 if plain in _BEFORE else 1 if plain in _AFTER else 0


def _neighbour(before: StructuredQuery, step: int) -> StructuredQuery | None:
    """The time just before, or behind, of the same length; before the last stretch there is the one before it."""
    if before.once and before.conditions and not before.first and step < 0:
        return replace(before, once=False, when=False, statistics=(Statistic.EVENTS,), latest=_LAST_TWO, each=True)
    time = before.time
    if time is None or time.start is None or time.end is None:
        return None
    return replace(before, time=moved(time, step * (time.end - time.start)), undated=False)


def _length(text: str) -> timedelta:
    """By how much later the time is, below nought how much earlier; nothing where anything else is said."""
    sentence = Sentence(lexemes_of(tokenize(text), lexicon(), lexicon()))
    begin = sentence.skip(0, _LEADS)
    said = 0
    for words, sign in ((_FORWARD, 1), (_BACKWARD, -1)):
        for end in (begin + 2, begin + 1):
            if not said and "".join(sentence.text(at) for at in range(begin, end)) in words:
                said, begin = sign, end
    length = length_at(sentence, begin) or length_at(sentence, begin, bare=True)
    if length is None:
        return timedelta()
    rest = [sentence.text(at) for at in range(length.end, len(sentence)) if sentence.text(at) not in _MARKS]
    behind = " ".join(rest)
    if behind in _LATER or (said > 0 and not rest):
        return length.value
    return -length.value if behind in _EARLIER or (said < 0 and not rest) else timedelta()
