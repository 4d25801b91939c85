"""What a machine is said to be doing, as a condition on readings: "while welding", "when was it idle"."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from llm_service.domain.offline.condition import FLIPPED, carried_exclusion
from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Condition, Note, Remark, Statistic
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.spell import SPELLS, TOTALS
from llm_service.domain.offline.token import is_code
from llm_service.domain.offline.words_data import Comparative
from llm_service.domain.offline.words_state import IDLE, RUNNING, State

_ASKING: Final = (
    *(Kind.SHARE, Kind.TIME_SHARE, Kind.HOW_LONG, Kind.HOW_OFTEN, Kind.TIMES, Kind.BUSIER, Kind.SINCE_WHEN),
)
# What may stand between a word that leads to a state and the state.
_BETWEEN: Final = (Kind.FILLER, Kind.DEVICE_WORD, Kind.DEVICE, Kind.HOW_LONG, Kind.ALL, Kind.WHETHER)
_ENDINGS: Final = frozenset({"?", ".", "!", ",", "at", "during", "for", "yesterday", "today", "in the last", "in"})
_SAYING: Final = frozenset({"was", "is", "been", "it", "are", "were", "machine", "not"})
_BACK: Final = 6
_NEAR: Final = 4
# Lexemes of a question that says no more than a state.
_SHORT: Final = 5
_BEHIND: Final = frozenset({"时", "的时候", "期间", "的时间", "时候", "的时段", "的时间段"})
# "The weld" is no state, "how long did it weld" asks for one.
_SAID_ALONE: Final = frozenset({"weld", "welds", "welded", "焊", "焊接"})
_VERBS: Final = frozenset(
    {"停了", "停", "停过", "焊了", "焊", "焊接", "运行了", "工作了", "stopped", "stop", "run", "ran"}
)
_ADDING: Final = frozenset({"but", "yet", "though", "但", "但是", "而", "却", "不过", "可是", "但又", "又"})
_CARRYING: Final = frozenset({"ran", "run"})
# Before "hotter than" these say no more either.
_CARRYING_MORE: Final = frozenset({"runs", "running"})
_STARTING: Final = frozenset({"start", "begin", "started", "begun", "began", "开始", "启动"})
_LEFT_OUT: Final = frozenset(
    {"excluded", "left out", "not included", "not counted", "disregarded", "omitted", "除外", "不算", "不计", "不计入"}
)
_WELDING: Final = frozenset({"weld", "welds", "welded", "welding", "焊", "焊接", "焊了", "在焊", "在焊接"})
_WITH: Final = frozenset({"with", "at", "below", "under", "above", "over", "on", "without", "using"})
_TAGS: Final = frozenset({"吗", "过", "了", "的", "呢"})
_MOST: Final = frozenset({"most", "least", "fewest", "最多", "最少"})
_NUMBERS: Final = (Kind.FIELD, Kind.STATISTIC, Kind.PERCENTILE, Kind.INTEGRAL, Kind.CORRELATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundStates:
    """Conditions that states are, and how they were read."""

    conditions: tuple[Condition, ...] = ()
    notes: tuple[Note, ...] = ()


def find_states(
    sentence: Sentence,
    conditions: Sequence[Condition],
    *,
    asked: bool = False,
    ranked: bool = False,
    rate: bool = False,
) -> FoundStates:
    """Return the condition that a state is, where one is led to, excluded or asked about, and mark its words.

    Beside other `conditions` a state only counts where a word such as "while" leads to it. `asked` says that single
    spells of it are asked for, `ranked` that an hour or a day is: "哪个小时焊接最多", `rate` that a number "per hour of
    welding" is, to which the state belongs.
    """
    asked = asked or _asks(sentence) or _counts(sentence)
    asked = asked or (_is_plain(sentence) and (ranked or _asks_whether(sentence)))
    asked = (asked or _leans(sentence)) and not conditions
    for at in range(len(sentence)):
        state = RUNNING if _is_on(sentence, at) else sentence.senses(at).get(Kind.STATE)
        if isinstance(state, State) and _is_verb_of_end(sentence, at):
            sentence.use(at, at + 1)
            continue
        excluded, lead = _place_before(sentence, at, Kind.EXCEPT), _lead(sentence, at)
        excluded = carried_exclusion(sentence, at) if excluded is None else excluded
        excluded = _excluded_behind(sentence, at) if excluded is None else excluded
        said_alone = sentence.text(at) in _SAID_ALONE
        only = sentence.text(at + 1) == "only" and isinstance(state, State)
        led = only or (lead is not None and not said_alone) or excluded is not None or rate
        led = led or (bool(conditions) and isinstance(state, State) and _is_added(sentence, at))
        led = led or (state == RUNNING and _limited(sentence, at, conditions))
        if isinstance(state, State) and (asked or led):
            if state == IDLE and _starts_and_stops(sentence, at):
                # "When did it start and stop": from the first reading of a run to the last.
                sentence.use(at - 2, at)
                state = RUNNING
            negation = _place_before(sentence, at, Kind.NOT, reach=_NEAR)
            turned = (negation is not None) != (excluded is not None)
            operator = FLIPPED[state.operator] if turned else state.operator
            condition = Condition(field=state.field, operator=operator, value=state.value)
            taken = f"{condition.field} {condition.operator.value} {state.value:g}"
            said = "".join(f" {sentence.raw(each)}" for each in (excluded, negation, at) if each is not None).strip()
            _use(sentence, at, (excluded, lead, negation), led=led)
            _use_again(sentence, state, at)
            return FoundStates(conditions=(condition,), notes=(Note(remark=Remark.READ_AS, words=(said, taken)),))
    return FoundStates()


def _is_added(sentence: Sentence, at: int) -> bool:
    """ "Below 100 A but not stopped", "低于100A但不是停机": a further condition beside one that was read."""
    for place in range(at - 1, max(at - _NEAR, 0) - 1, -1):
        if sentence.text(place) in _ADDING and place > 0:
            sentence.use(place, place + 1)
            return True
        if not any(kind in sentence.senses(place) for kind in (Kind.NOT, Kind.FILLER, Kind.OPERATOR, Kind.WHERE)):
            return False
    return False


def _excluded_behind(sentence: Sentence, at: int) -> int | None:
    """ "Stops excluded": the place of the word behind a state that leaves it out."""
    behind = sentence.skip(at + 1, (Kind.FILLER,))
    if (sentence.text(behind), sentence.text(behind + 1)) == ("除", "外"):
        sentence.use(behind + 1, behind + 2)
        return behind
    return behind if sentence.text(behind) in _LEFT_OUT else None


def _limited(sentence: Sentence, at: int, conditions: Sequence[Condition]) -> bool:
    """ "Did it weld with less than 8 L/min", "气体低于8升时焊接": whether a limit is said of readings of welding."""
    limits = [each for each in conditions if not isinstance(each.value, str) and each.field != RUNNING.field]
    if not limits or len(limits) != len(conditions) or sentence.text(at) not in _WELDING:
        return False
    behind = sentence.skip(at + 1, (Kind.FILLER,))
    english = sentence.text(at + 1) in _WITH or at + 1 in sentence.used or behind in sentence.used
    ended = all(
        not sentence.text(place).isalnum() or sentence.text(place) in _TAGS for place in range(at + 1, behind + 1)
    )
    return (
        english if sentence.text(at).isascii() else (ended and at - 1 in sentence.used) or sentence.text(at - 1) == "时"
    )


def _is_on(sentence: Sentence, at: int) -> bool:
    """Whether "on" says that a machine is: at the end, or before a time."""
    behind = sentence.text(at + 1)
    ended = (
        at + 1 >= len(sentence) or behind in _ENDINGS or sentence.senses(at + 1).get(Kind.STATISTIC) is Statistic.LAST
    )
    before = sentence.text(at - 1)
    said = at - 1 in sentence.used or sentence.has(at - 1, Kind.DEVICE) or is_code(before) or before in _SAYING
    return sentence.text(at) == "on" and ended and said


def _is_verb_of_end(sentence: Sentence, at: int) -> bool:
    """Whether the word only carries the end of a field behind it: "ran the hottest" says how hot, not that it ran."""
    more = sentence.senses(sentence.skip(at + 1, (Kind.FILLER,))).get(Kind.MORE)
    carried = isinstance(more, Comparative) and bool(more.field) and more.statistic is not None
    compared = any(lexeme.text.endswith("than") for lexeme in sentence.lexemes)
    return carried and sentence.text(at) in (_CARRYING | _CARRYING_MORE if compared else _CARRYING)


def _use(sentence: Sentence, at: int, others: Sequence[int | None], *, led: bool) -> None:
    """Mark the words of a state; what also asks for a duration is read once more, unless a word leads to it."""
    for each in others:
        if each is not None and not any(sentence.has(each, kind) for kind in (Kind.ASK_WHEN, Kind.SINCE_WHEN)):
            sentence.use(each, each + 1)
    if led or not any(sentence.has(at, kind) for kind in (Kind.BUSIER, Kind.HOW_LONG, Kind.TIME_SHARE)):
        sentence.use(at, at + 1 + (sentence.text(at + 1) in _BEHIND and not sentence.has(at + 1, Kind.HOW_LONG)))


def _starts_and_stops(sentence: Sentence, at: int) -> bool:
    """Whether both ends of a run are asked for: "start and stop", "开始和停止"."""
    return sentence.text(at - 2) in _STARTING and sentence.has(at - 1, Kind.AND) and _asks_when(sentence)


def _use_again(sentence: Sentence, state: State, said: int) -> None:
    """Mark a verb, or the noun at `said` itself, that says once more what a noun said: "上一次停机停了多久"."""
    for at in sentence.find(Kind.STATE):
        verbal = sentence.text(at) in _VERBS or (at != said and sentence.text(at) == sentence.text(said))
        again = verbal and sentence.senses(at)[Kind.STATE] == state
        if again and _place_before(sentence, at, Kind.NOT, reach=2) is None:
            sentence.use(at, at + 1)


def _lead(sentence: Sentence, at: int) -> int | None:
    """The place of a word that makes the state a condition: "while welding", "运行时"."""
    if sentence.has(at, Kind.WHERE) or sentence.text(at + 1) in _BEHIND:
        return at
    if sentence.text(at - 1) == "during":
        return at - 1
    place = _place_before(sentence, at, Kind.WHERE)
    opens = place is not None and place == sentence.skip(0, (Kind.FILLER, Kind.FOLLOW))
    return None if place is None or (opens and sentence.has(place, Kind.ASK_WHEN)) else place


def _place_before(sentence: Sentence, at: int, kind: Kind, reach: int = _BACK) -> int | None:
    """The place of a `kind` before `at`, over words that say nothing and devices."""
    for place in range(at - 1, max(at - reach, 0) - 1, -1):
        if sentence.has(place, kind):
            return place
        senses = sentence.lexemes[place].senses
        known = place in sentence.used or not senses
        turning = kind is Kind.WHERE and Kind.NOT in senses
        between = turning or any(each in senses for each in _BETWEEN)
        if not (known and not sentence.text(place).isalpha()) and not between:
            return None
    return None


def _asks(sentence: Sentence) -> bool:
    """Whether a duration, a share, a number of times or a time is asked for."""
    asked = any(sentence.has(at, kind) for at in range(len(sentence)) for kind in _ASKING)
    return asked or _asks_when(sentence)


def _leans(sentence: Sentence) -> bool:
    """ "And idle?", "那停机呢": another state is asked about behind a question for one."""
    first = sentence.has(0, Kind.FOLLOW) or sentence.has(0, Kind.AND)
    last = any(sentence.text(len(sentence) - back) == "呢" for back in (1, 2))
    return (first or last) and len(sentence) <= _SHORT and _is_plain(sentence)


def _counts(sentence: Sentence) -> bool:
    """Whether what begins and ends is counted: "number of starts"."""
    senses = (sentence.senses(at).get(Kind.STATISTIC) for at in range(len(sentence)))
    places = (at for at, statistic in enumerate(senses) if statistic is Statistic.COUNT or sentence.text(at) in TOTALS)
    return any(sentence.text(place) in SPELLS for at in places for place in (at + 1, at + 2))


def _asks_when(sentence: Sentence) -> bool:
    """Whether a time is asked for; "when" inside of a question begins a condition."""
    first = sentence.skip(0, (Kind.FILLER, Kind.FOLLOW))
    places = [*sentence.find(Kind.ASK_WHEN), *sentence.find(Kind.OCCASION)]
    return any(at == first or sentence.text(at) != "when" for at in places)


def _asks_whether(sentence: Sentence) -> bool:
    if any(sentence.has(at + 1, Kind.UNIT) for at in sentence.find(Kind.HOW_MANY)):
        # "How many metres did it weld".
        return False
    if any(_is_end_of(sentence, at) for at in sentence.find(Kind.DEVICE_WORD)):
        # "停机最少的机器".
        return True
    kinds = (Kind.WHETHER, Kind.WHICH, Kind.HOW_MANY)
    if all(any(sentence.has(at, kind) for at in range(len(sentence))) for kind in (Kind.OR, Kind.LONGER)):
        # "A还是B运行得更久".
        return True
    return any(sentence.has(at, kind) for at in range(len(sentence)) for kind in kinds)


def _is_end_of(sentence: Sentence, at: int) -> bool:
    """Whether the machine at an end of a ranking is asked for."""
    return sentence.text(at - 1) == "的" and sentence.text(at - 2) in _MOST


def _is_plain(sentence: Sentence) -> bool:
    """Whether no number of a field is asked for."""
    for at in range(len(sentence)):
        statistic = sentence.senses(at).get(Kind.STATISTIC)
        more = sentence.text(at) in _MOST or statistic is Statistic.LAST
        if any(sentence.has(at, kind) for kind in _NUMBERS) and not more:
            return False
    return True
