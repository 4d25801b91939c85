"""Since when a machine runs or stands: "how long has it been in its current state", "how long has it been running"."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.lasting_stop import is_brief, says
from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Intent, Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_state import IDLE, RUNNING

_STATE: Final = ("state", "status", "状态")
_INTENTS: Final = frozenset({Intent.STATISTICS, Intent.QUERY, Intent.TREND})
_ASKING: Final = (Kind.SINCE_WHEN, Kind.HOW_LONG)
_SAID: Final = frozenset({"持续多久", "保持", "这种", "有多长时间", "持续", "last", "多久", "same"})


_PAUSES: Final = frozenset({"", "pause", "stop", "run", "暂停", "停机", "停止", "停下"})
_BESIDE: Final = frozenset({"or", "a", "in", "the", "short", "pause", ",", "和", "或", "算", "着", "在"})
_SO_FAR: Final = frozenset({"already", "so far", "by now", "until now", "up to now", "schon", "已经"})
_PRESENT: Final = frozenset({"is", "are", "is it", "are they", "has", "have", "has been", "have been", "been"})
_FIRST: Final = frozenset({"first", "最先", "最早", "第一个", "首先", "zuerst"})


def standing_again(query: StructuredQuery, before: StructuredQuery) -> StructuredQuery:
    """Return `query` as one for since when machines run, or stand, where "since when?" is asked of what they do."""
    told = query.since and query.conditions and query.conditions == before.conditions and not query.standing
    more = query.fields or query.interval or query.rank or query.periods or query.time or query.statistics
    stated = says(query, RUNNING) or says(query, IDLE)
    brief = is_brief(query) or is_brief(before) or query.least
    return replace(query, standing=True) if told and stated and not more and not brief else query


def _either(query: StructuredQuery, sentence: Sentence) -> StructuredQuery | None:
    """ "Running or stopped?", "在跑还是停着": what it does, and since when; None for anything else."""
    states = {sentence.lexeme_senses(at).get(Kind.STATE) for at in range(len(sentence))}
    linked = any(sentence.has(at, Kind.OR) or sentence.text(at) == "还是" for at in range(len(sentence)))
    asked = linked and {RUNNING, IDLE} <= states and query.intent in {*_INTENTS, Intent.CHAT, Intent.LIST_DEVICES}
    more = query.fields or set(query.statistics) - {Statistic.LAST} or query.time or query.interval or query.rank
    if not asked or more or query.periods or query.when or query.refused.lower() not in _PAUSES:
        return None
    words = {lexeme.text for lexeme in sentence.lexemes if Kind.STATE in lexeme.senses}
    unread = tuple(each for each in query.unread if not _is_of_states(each.lower(), words))
    told = replace(query, intent=Intent.STATISTICS, conditions=(), statistics=(), unread=unread, refused="", notes=())
    told = replace(told, whether=False, always=False, holds=False, since=True, standing=True, confidence=1.0)
    return replace(told, tells_state=False, overview=False, recent=False, least=None, lasting=False, counted_as=())


def _is_of_states(phrase: str, words: set[str]) -> bool:
    """Whether a phrase says no more than the states that are told."""
    for word in sorted(words, key=len, reverse=True):
        phrase = phrase.replace(word, " ")
    return not set(phrase.replace("还是", " ").split()) - _BESIDE


def _so_far(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """ "How long is it standing already", "which one stopped first": since when it does, of what it does now."""
    if not (says(query, RUNNING) or says(query, IDLE)) or query.time or query.fields or is_brief(query):
        return query
    texts = {lexeme.text for lexeme in sentence.lexemes}
    asked = any(Kind.HOW_LONG in lexeme.senses for lexeme in sentence.lexemes)
    since = (
        query.statistics == (Statistic.DURATION,) and asked and not query.rank and (query.lasting or not query.least)
    )
    first = query.holds and texts & _FIRST
    if not first and not (since and (texts & _SO_FAR or (query.owner and texts & _PRESENT))):
        return query
    unread = tuple(each for each in query.unread if each.lower() not in _FIRST | _SO_FAR)
    told = replace(query, statistics=(), counted_as=(), unread=unread, since=True, standing=True, holds=False)
    told = replace(told, whether=False, rank=False, least=None, lasting=False, longest=0, each=False, when=False)
    return replace(told, top=1) if first else told


def with_standing(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` as one for since when machines run or stand, by the stops that last, where that is asked for."""
    if (either := _either(query, sentence)) is not None:
        return either
    query = _so_far(query, sentence)
    other = query.fields or query.interval or query.rank or query.periods or query.versus or query.refused
    if other or query.intent not in _INTENTS or set(query.statistics) - {Statistic.LAST, Statistic.DURATION}:
        return query
    if query.since and (says(query, RUNNING) or says(query, IDLE)) and not is_brief(query) and not query.least:
        return replace(query, standing=True)
    stated = any(lexeme.text.endswith(_STATE) for lexeme in sentence.lexemes)
    asked = any(kind in lexeme.senses for lexeme in sentence.lexemes for kind in _ASKING)
    changed = query.when and query.intent is Intent.TREND
    if not stated or query.conditions or query.time or not (asked or changed):
        return query
    return replace(
        query,
        intent=Intent.STATISTICS,
        statistics=(),
        unread=tuple(each for each in query.unread if each.lower() not in _SAID),
        counted_as=(),
        standing=True,
        since=True,
        when=False,
        tells_state=False,
        overview=False,
        recent=False,
    )
