"""Questions that the newest readings answer: what a machine is doing, how it is doing, whose value is highest now."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Condition, Intent, Note, Remark, Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_state import RUNNING

_STATES: Final = frozenset(
    {
        *("state", "status", "current state", "current status", "什么状态", "处于什么状态", "状态", "在干什么"),
        *("在做什么", "在干嘛", "干什么", "做什么"),
    }
)
_DOING: Final = frozenset({"doing", "up to"})
_OVERVIEWS: Final = frozenset({"how is", "how are", "how ' s", "怎么样", "如何", "情况", "运行情况", "状态"})
_ASKING: Final = frozenset({"is", "are"})
_UP: Final = frozenset({"up", "up and running"})
_DRAWINGS: Final = frozenset({"plot", "chart", "graph"})
# Orders to draw; of a field they ask for its course.
_DRAWN: Final = frozenset({"draw", "paint", "画"})
_ENDS: Final = frozenset({Statistic.MAX, Statistic.MIN})


def with_newest(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` with the newest readings asked for where nothing else answers `sentence`."""
    if (up := _up_now(query, sentence)) is not None:
        return up
    if query.intent is Intent.CHAT:
        return query
    if query.holds:
        # "Is it still above 20": whether it is so is told by the newest reading.
        return replace(query, unread=tuple(each for each in query.unread if each.lower() != "still"))
    return _with_drawing(_highest_now(_state_asked(query, sentence)), sentence)


def _up_now(query: StructuredQuery, sentence: Sentence) -> StructuredQuery | None:
    """ "Are all four welders up?": whether they run; None for anything else."""
    last = len(sentence) - 1
    while last > 0 and sentence.text(last) in {"?", ".", "!", "right now", "now", "currently"}:
        last -= 1
    more = query.fields or query.conditions or query.time or query.refused or query.rank or query.follows
    named = query.devices or query.references or query.all_devices
    if sentence.text(0) not in _ASKING or sentence.text(last) not in _UP or more or not named:
        return None
    running = Condition(field=RUNNING.field, operator=RUNNING.operator, value=RUNNING.value)
    kept = tuple(note for note in query.notes if note.remark is not Remark.OVERVIEW)
    note = Note(remark=Remark.READ_AS, words=(sentence.raw(last), f"{RUNNING.field} >= {RUNNING.value:g}"))
    asked = replace(query, intent=Intent.STATISTICS, statistics=(), conditions=(running,), notes=(*kept, note))
    return replace(asked, holds=True, whether=True, unread=tuple(each for each in query.unread if each.lower() != "up"))


def _state_asked(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """ "什么状态，电流多少", "how is it doing": the state and all newest readings, whichever else is named."""
    texts, asked = {lexeme.text for lexeme in sentence.lexemes}, query
    beside = {lexeme.text for lexeme in sentence.lexemes if Kind.STATE in lexeme.senses}
    if beside and query.fields and not query.conditions and sentence.text(0) in _ASKING:
        # "Is it running, and what is its current?"
        query = replace(query, unread=tuple(each for each in query.unread if each.lower() not in beside))
        texts = texts | {"state"}
    doing = bool(texts & _DOING)
    stated = bool(texts & _STATES) or (doing and (not query.fields or bool(query.statistics)))
    overview = not query.fields and bool(texts & _OVERVIEWS)
    if not (stated or overview) or not _is_plain(query, spoken=any(True for _ in sentence.find(Kind.DEVICE_WORD))):
        return asked
    told = not query.statistics and not query.fields
    notes = tuple(each for each in query.notes if each.remark is not Remark.OVERVIEW)
    named = query.devices or query.references or query.all_devices
    every = not named and any(sentence.senses(at)[Kind.DEVICE_WORD] is True for at in sentence.find(Kind.DEVICE_WORD))
    asked_of = replace(query, all_devices=query.all_devices or every, notes=notes)
    return replace(asked_of, statistics=(Statistic.LAST,), tells_state=True, overview=told)


def _is_plain(query: StructuredQuery, *, spoken: bool) -> bool:
    """Whether no more is asked of devices, or of those `spoken` of, than fields of now: no range, no other number."""
    own = any(field in _STATES or field == "quality_label" for field in query.fields)
    ranged = query.time or query.periods or query.interval or query.limit or query.back
    other = query.conditions or query.percentiles or query.rank or query.judged or query.versus or query.holds
    more = query.when or query.since or query.refused or query.asks_unit or query.follows or query.unread or query.unit
    plain = not set(query.statistics) - {Statistic.LAST} and query.intent in {Intent.STATISTICS, Intent.QUERY}
    named = query.devices or query.references or query.all_devices
    return bool(named or spoken) and plain and not (own or ranged or other or more)


def _highest_now(query: StructuredQuery) -> StructuredQuery:
    """ "The highest temperature in hall B right now" is the highest of the newest readings of its machines."""
    asked = set(query.statistics)
    ends = asked & _ENDS
    single = len(query.devices) == 1 and not query.references
    if len(ends) != 1 or asked != {Statistic.LAST, *ends} or len(query.fields) != 1 or query.rank or single:
        return query
    several = len(query.devices) > 1 or query.references or query.all_devices
    ranged = query.time or query.interval or query.conditions or query.percentiles or query.when or query.limit
    plain = query.intent in {Intent.STATISTICS, Intent.QUERY} and not query.refused
    return replace(query, rank=True) if several and plain and not ranged else query


def _with_drawing(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """ "Plot the current": nothing is drawn, which is said."""
    said = next((at for at in range(len(sentence)) if sentence.text(at) in _DRAWINGS), None)
    drawn = query.refused.lower() in _DRAWN and bool(query.fields) and query.intent in {Intent.TREND, Intent.STATISTICS}
    if drawn and not query.statistics:
        note = Note(remark=Remark.NOT_DRAWN, words=(query.refused,))
        return replace(query, intent=Intent.TREND, refused="", notes=(*query.notes, note))
    if said is None or query.refused or query.intent is Intent.LIST_DEVICES:
        return query
    return replace(query, notes=(*query.notes, Note(remark=Remark.NOT_DRAWN, words=(sentence.raw(said),))))
