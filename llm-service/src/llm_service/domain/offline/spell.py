"""Single spells: how long each stop was, only those longer than so much."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.number import Length, length_at, number_at
from llm_service.domain.offline.query import Operator, Statistic
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_events import LONGEST_FIRST
from llm_service.domain.offline.words_state import BETWEEN_WELDS

_UNITS: Final = frozenset({"s", "min", "h", "d"})
# "Over 3 hours" is a range of time, unless a word before it makes a length of it.
_DOUBTFUL: Final = frozenset({"over", "beyond"})
_LEADS: Final = frozenset(
    {
        *("for", "of", "lasting", "lasted", "that lasted", "which lasted", "took", "持续", "持续了", "都"),
        *("those", "ones", "the ones", "only", "only those"),
    }
)
_LONGEST: Final = frozenset({"longest", "the longest", "最长", "最久"})
_LONGEST_FIRST: Final = frozenset(LONGEST_FIRST.split("|"))
_COUNTERS: Final = frozenset({"次", "段", "个", "回"})
_MOST_ASKED: Final = 1000
MOST_LISTED: Final = 10
"""So many single spells are told, the longest."""
_SHORTER: Final = frozenset({"shorter than", "shorter", "短于"})
# Words between what excludes and the length of what is excluded: "any of the breaks that are".
_REACH: Final = 7
# Nouns for stops that open a question by themselves.
_OPENING: Final = frozenset(
    {"stops", "pauses", "breaks", "stoppages", "interruptions", "arc interruptions", "standstills"}
)
# What narrows down what was told: "only those over a minute".
_NARROWING: Final = frozenset({"only", "just", "those", "only those", "只看", "只要", "仅", "只算", "其中"})
_EACH: Final = frozenset({"每次", "每一次", "每段", "每一段", "各次", "各段", "逐次", "每回"})
_LISTING: Final = frozenset({"list", "show", "enumerate", "列出", "列举", "列一下", "哪几次"})
_WHICH: Final = frozenset({"which", "what", "哪些", "有哪些"})
SPELLS: Final = frozenset(
    {
        *(
            "stop",
            "stops",
            "break",
            "breaks",
            "pause",
            "pauses",
            "stoppage",
            "stoppages",
            "interruption",
            "interruptions",
        ),
        *("arc starts", "arc strikes", "arc ignitions", "ignitions", "arcs"),
        *("seam", "seams", "焊缝", "焊道"),
        *BETWEEN_WELDS.split("|"),
        *("arc interruption", "arc interruptions", "arc breaks", "arc outages", "arc losses", "arc stops"),
        *(
            "weld",
            "welds",
            "run",
            "runs",
            "starts",
            "start-ups",
            "startups",
            "停机",
            "停顿",
            "中断",
            "停歇",
            "焊接",
            "运行",
            "空闲",
            "停",
        ),
    }
)
"""Nouns for what lasts a while, and begins time and again."""
TOTALS: Final = frozenset({"total", "totals", "sum of", "total of", "总"})
"""Before such a noun these ask for a number of times."""
_SPANS: Final = frozenset(
    {"periods", "stretches", "period", "stretch", "spells", "times", "phases", "phase", "时段", "时间段"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSpells:
    """`least` is how long a spell has to last at least, or with `over` longer than.

    `each` asks for the single ones, `longest` for so many of them, the longest first.
    """

    least: timedelta | None = None
    over: bool = False
    longest: int = 0
    each: bool = False


def find_spells(sentence: Sentence) -> FoundSpells:
    """Return what is asked of single spells, and mark its words; nothing where no state or condition is named."""
    held = any(sentence.has(at, Kind.STATE) for at in range(len(sentence))) or bool(sentence.used)
    narrowed = sentence.text(0) in _NARROWING
    held = held or any(
        sentence.senses(at).get(Kind.STATISTIC) is Statistic.MISSING_RATIO for at in range(len(sentence))
    )
    held = held or narrowed or sentence.has(0, Kind.FOLLOW) or sentence.has(0, Kind.AND)
    if not held:
        return FoundSpells()
    least, over = _least(sentence)
    longest = _longest(sentence)
    return FoundSpells(least=least, over=over, longest=longest, each=_each(sentence) or longest > 0)


def _longest(sentence: Sentence) -> int:
    """How many are asked for by their length: "the 3 longest stops", "最长的三次停机"; 0 for no order."""
    for at in range(len(sentence)):
        if sentence.text(at) in _LONGEST_FIRST:
            sentence.use(at, at + 1)
            return MOST_LISTED
        if sentence.text(at) not in _LONGEST:
            continue
        noun = sentence.skip(at + 1, (Kind.FILLER,))
        followed = sentence.has(0, Kind.FOLLOW) and sentence.text(noun) in SPELLS
        if _is_of_one(sentence, at) or followed:
            sentence.use(at, at + 1)
            return 1
        if _asks_for_one(sentence, at) or _tells_one(sentence, at):
            sentence.use(at, at + 1)
            return 1
        behind = at + 1 + (sentence.text(at + 1) == "的")
        for begin in (at - 1, behind):
            counted = number_at(sentence, begin)
            fits = counted is not None and 1 < counted[0] <= _MOST_ASKED and not counted[0] % 1
            if counted and fits and (begin > at or counted[1] == at):
                end = counted[1] + (sentence.text(counted[1]) in _COUNTERS)
                led = sentence.text(begin - 1) in {"top", "前"}
                sentence.use(min(begin - led, at), max(end, at + 1))
                return int(counted[0])
    return 0


def _asks_for_one(sentence: Sentence, at: int) -> bool:
    """ "Which machine had the longest stop": the longest single one of each is compared."""
    which = any(sentence.has(place, Kind.WHICH) and sentence.text(place) != "what" for place in range(len(sentence)))
    noun = sentence.skip(at + 1, (Kind.FILLER,))
    once = sentence.text(at + 1) in {"一次", "的一次"} or sentence.text(at) in {"最长一次", "最长的一次"}
    return which and (sentence.text(noun) in SPELLS or once)


def _tells_one(sentence: Sentence, at: int) -> bool:
    """ "How long did the longest stop last and when was it": that one is told, with its time."""
    noun = (
        sentence.text(sentence.skip(at + 1, (Kind.FILLER,))) if sentence.text(at + 1) != "的" else sentence.text(at + 2)
    )
    kinds = (Kind.HOW_LONG, Kind.ASK_WHEN)
    asked = any(sentence.has(place, kind) for place in range(len(sentence)) if place != at for kind in kinds)
    return asked and noun in SPELLS and not noun.endswith("s")


def _is_of_one(sentence: Sentence, at: int) -> bool:
    """ "Which stop was the longest", "哪次停机最长": of the stops of one machine."""
    for place in range(max(at - _REACH, 0), at):
        if (
            sentence.text(place) in {"which", "what", "哪次", "哪一次", "哪段", "哪一段"}
            and sentence.text(place + 1) in SPELLS
        ):
            return True
    return False


def _is_quiet(sentence: Sentence, at: int, kinds: Sequence[Kind]) -> bool:
    return at in sentence.used or any(sentence.has(at, kind) for kind in kinds)


def _measured(sentence: Sentence) -> bool:
    """Whether a number is asked for."""
    kinds = (Kind.STATISTIC, Kind.FIELD, Kind.HOW_LONG, Kind.HOW_MANY, Kind.HOW_OFTEN, Kind.ASK_WHEN, Kind.WHICH)
    return any(sentence.has(at, kind) for at in range(len(sentence)) for kind in kinds)


def _least(sentence: Sentence) -> tuple[timedelta | None, bool]:
    """ "Longer than 3 minutes", "超过5分钟"; with "at least 5 minutes" and "5分钟以上" it may be just so long."""
    for at in range(len(sentence)):
        found = _compared(sentence, at) or _suffixed(sentence, at) or _not_shorter(sentence, at)
        if found is not None:
            begin, length, end = found
            over = sentence.senses(begin + (sentence.text(begin) in _LEADS)).get(Kind.OPERATOR) is Operator.GT
            sentence.use(begin, end)
            return length.value, over
    return None, False


def _not_shorter(sentence: Sentence, at: int) -> tuple[int, Length, int] | None:
    """ "Not counting breaks shorter than 5 minutes", "不计5分钟以下的停机": what is left lasts so long at least."""
    if not sentence.has(at, Kind.EXCEPT):
        return None
    for place in range(at + 1, min(at + _REACH, len(sentence))):
        shorter = sentence.text(place) in _SHORTER or sentence.senses(place).get(Kind.OPERATOR) is Operator.LT
        length = length_at(sentence, place + shorter)
        if length is not None and length.unit in _UNITS:
            below = sentence.senses(length.end).get(Kind.SUFFIX) is Operator.LT
            return (at, length, length.end + below) if shorter or below else None
    return None


def _compared(sentence: Sentence, at: int) -> tuple[int, Length, int] | None:
    operator = sentence.senses(at).get(Kind.OPERATOR)
    length = length_at(sentence, at + 1) if operator in {Operator.GT, Operator.GE} else None
    if length is None or length.unit not in _UNITS or sentence.has(length.end, Kind.AGO):
        return None
    led = sentence.text(at - 1) in _LEADS
    stated = sentence.has(at - 1, Kind.STATE) or at - 1 in sentence.used
    if sentence.text(at) in _DOUBTFUL and not led and not stated and not _timed_before(sentence, at):
        return None
    return at - led, length, length.end


def _timed_before(sentence: Sentence, at: int) -> bool:
    """Whether a noun for what lasts stands before, and a time right before: "stops this morning over 2 minutes"."""
    noun = any(sentence.text(place) in SPELLS for place in range(at))
    kinds = (Kind.DAY, Kind.RELATIVE_PERIOD, Kind.WEEKDAY, Kind.PART)
    return noun and any(sentence.has(at - 1, kind) for kind in kinds)


def _suffixed(sentence: Sentence, at: int) -> tuple[int, Length, int] | None:
    length = length_at(sentence, at)
    if length is None or length.unit not in _UNITS or sentence.number(at - 1) is not None:
        return None
    operator = sentence.senses(length.end).get(Kind.SUFFIX)
    return (at, length, length.end + 1) if operator is Operator.GT else None


def _each(sentence: Sentence) -> bool:
    """Whether the single spells are asked for: "each stop", "list all stops", "每次停机多长时间"."""
    quiet = (Kind.FILLER, Kind.ALL)
    first = next((at for at in range(len(sentence)) if not _is_quiet(sentence, at, quiet)), 0)
    if sentence.text(first) in _OPENING and not _measured(sentence):
        # "Stops of WLD001 yesterday".
        return True
    lasting = any(sentence.has(at, Kind.HOW_LONG) for at in range(len(sentence)))
    listing = any(sentence.text(at) in _LISTING for at in range(len(sentence)))
    for at in range(len(sentence)):
        if sentence.text(at) in _EACH and (lasting or listing):
            sentence.use(at, at + 1)
            return True
        noun = sentence.text(at) in SPELLS or sentence.text(at) in _SPANS
        every = sentence.has(at - 1, Kind.ALL) or sentence.has(at - 1, Kind.EVERY)
        if noun and every and (lasting or listing):
            sentence.use(at - 1, at + (sentence.text(at) in _SPANS))
            return True
        of_state = sentence.text(at) in _SPANS and sentence.has(at - 1, Kind.STATE)
        if noun and (listing or of_state or sentence.text(at - 1) in _WHICH):
            spans = sentence.text(at) in _SPANS and not sentence.has(at, Kind.TIMES)
            sentence.use(at, at + spans)
            return spans or sentence.has(at, Kind.STATE)
    return False
