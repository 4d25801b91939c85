"""What a question narrows readings down to: states such as idle, shifts with their hours, so many of a ranking."""

from collections.abc import Sequence
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.number import number_at
from llm_service.domain.offline.query import Condition, Note, Remark, Statistic, TimeRange
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_events import State

_MOST_RANKED: Final = 50
_ASKING: Final = (Kind.SHARE, Kind.TIME_SHARE, Kind.HOW_LONG, Kind.HOW_OFTEN, Kind.TIMES, Kind.BUSIER)
_RANKS: Final = frozenset({"top", "bottom", "前", "后", "best", "worst", "first", "highest", "lowest", "hottest"})
_COUNTERS: Final = frozenset({"名", "位", "个", "大"})


def find_states(sentence: Sentence) -> tuple[tuple[Condition, ...], tuple[Note, ...]]:
    """Return the condition that "idle" or "in use" is where a duration or a share is asked for, and how it was read."""
    asked = any(sentence.has(at, kind) for at in range(len(sentence)) for kind in _ASKING)
    if not asked and not _asks_when(sentence):
        return (), ()
    for at in sentence.find(Kind.STATE):
        state = sentence.senses(at)[Kind.STATE]
        if isinstance(state, State):
            condition = Condition(field=state.field, operator=state.operator, value=state.value)
            taken = f"{state.field} {state.operator.value} {state.value:g}"
            note = Note(remark=Remark.READ_AS, words=(sentence.raw(at), taken))
            if not any(sentence.has(at, kind) for kind in (Kind.BUSIER, Kind.HOW_LONG)):
                sentence.use(at, at + 1)
            return (condition,), (note,)
    return (), ()


def _asks_when(sentence: Sentence) -> bool:
    """Whether a time is asked for; "when" inside of a question begins a condition."""
    first = sentence.skip(0, (Kind.FILLER, Kind.FOLLOW))
    places = [*sentence.find(Kind.ASK_WHEN), *sentence.find(Kind.OCCASION)]
    return any(at == first or sentence.text(at) != "when" for at in places)


def use_shifts(sentence: Sentence, ranges: Sequence[TimeRange]) -> None:
    """Mark the name of a shift whose hours are said beside it: a night shift is none from nine to ten."""
    hours = {time.start.hour for time in ranges if time.start}
    for at in sentence.find(Kind.SHIFT):
        begins = sentence.senses(at)[Kind.SHIFT]
        if isinstance(begins, frozenset) and hours and hours <= begins:
            sentence.use(at, at + 1)


def find_top(sentence: Sentence) -> int:
    """Return how many of a ranking are asked for: "top 3 machines", "three hottest devices", "前三台"; 0 for all."""
    for at in range(len(sentence)):
        counted = number_at(sentence, at)
        if counted is None or not 1 <= counted[0] <= _MOST_RANKED or counted[0] % 1:
            continue
        behind = counted[1]
        led = sentence.text(at - 1) in _RANKS
        ranked = sentence.senses(behind).get(Kind.STATISTIC) in {Statistic.MAX, Statistic.MIN}
        ranked = ranked or sentence.has(behind, Kind.MORE)
        noun = behind + (1 if ranked and not led else 0)
        counter = noun + (sentence.text(noun) in _COUNTERS)
        device = sentence.has(counter, Kind.DEVICE_WORD) or sentence.text(counter)[:1] == "台"
        if (led and (device or counter > noun)) or (ranked and device):
            # "Top" and "前" say no more than that; "highest" is what is ranked by.
            plain = sentence.text(at - 1) in {"top", "前", "first", "best"}
            sentence.use(at - plain if led else at, behind)
            if device or counter > noun:
                sentence.use(noun, counter + device)
            return int(counted[0])
    return 0
