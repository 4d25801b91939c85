"""Questions that set a machine's own values against what is usual: "hotter than usual", "too low", "比平时高吗"."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import (
    Intent,
    Judged,
    Remark,
    Statistic,
    StructuredQuery,
    TimeRange,
    Verdict,
)
from llm_service.domain.offline.sentence import Sentence

_USUAL: Final = ("than usual", "than normal", "比平时", "比平常", "比往常", "比正常", "比一般")
_HIGHER: Final = frozenset(
    {"more", "higher", "hotter", "warmer", "faster", "longer", "高", "热", "多", "大", "快", "更高", "更多", "更热"}
)
_LOWER: Final = frozenset(
    {"less", "lower", "colder", "cooler", "slower", "fewer", "低", "冷", "少", "小", "慢", "更低", "更少"}
)
# Of these a verdict without a value is one of the newest reading wherever it stands; "high" alone also is "how high".
_PLAINLY: Final = ("too ", "unusually ", "excessive", "太", "过", "偏", "on the ")
_ASKED: Final = frozenset({"high", "low", "高吗", "低吗", "高不高", "低不低", "大吗", "小吗", "算高", "算低"})
_FIELDS: Final = {"hot": "temperature", "cold": "temperature", "warm": "temperature", "热": "temperature"}
_AMOUNTS: Final = frozenset({Statistic.INTEGRAL, Statistic.MAX, Statistic.MIN, Statistic.LAST, Statistic.MEAN})


def with_usual(query: StructuredQuery, sentence: Sentence, now: datetime) -> StructuredQuery:
    """Return `query` as one that sets the newest readings, or those of its time, against what is usual.

    That is what was before a time that lasts until `now`, and all there is beside one that is over.
    """
    said = next(filter(None, (_verdict(sentence, at) for at in range(len(sentence)))), None)
    fields = query.fields or tuple(filter(None, (_field(sentence),)))
    if said is None or len(fields) != 1 or not _is_plain(query) or _is_of_two(query, sentence):
        return query
    spoken = {lexeme.text for lexeme in sentence.lexemes}
    unread = tuple(each for each in query.unread if not _belongs(each.lower(), spoken))
    kept = tuple(note for note in query.notes if note.remark is not Remark.OVERVIEW)
    told = replace(query, fields=fields, unread=unread, notes=kept, whether=False, recent=False, counted_as=())
    if query.time is None:
        judged = Judged(field=fields[0], value=None, unit="", verdict=said)
        return replace(told, intent=Intent.STATISTICS, judged=judged, statistics=())
    over = query.time.end is not None and query.time.end < now
    before = TimeRange() if over else TimeRange(end=query.time.start)
    statistics = (Statistic.MEAN,)
    return replace(told, intent=Intent.COMPARE, time=before, periods=(before, query.time), statistics=statistics)


def _is_of_two(query: StructuredQuery, sentence: Sentence) -> bool:
    """Whether one device is set against another, and none against what is usual: "A 的温度比 B 高吗"."""
    usual = any(each in lexeme.text for lexeme in sentence.lexemes for each in _USUAL)
    return query.intent is Intent.COMPARE and len(query.devices) + len(query.references) > 1 and not usual


def _verdict(sentence: Sentence, at: int) -> Verdict | None:
    """What the word at `at` asks of a value, None for any other word."""
    text = sentence.text(at)
    if any(each in text for each in _USUAL):
        return _direction(sentence, text)
    verdict = sentence.lexeme_senses(at).get(Kind.VERDICT)
    if not isinstance(verdict, Verdict) or verdict not in {Verdict.HIGH, Verdict.LOW}:
        return None
    return verdict if text.startswith(_PLAINLY) or (text in _ASKED and _asks(sentence, at)) else None


def _direction(sentence: Sentence, text: str) -> Verdict:
    """Which way it is asked whether a value differs: "more than usual", "比平时低"."""
    words = {*text.split(), *(lexeme.text for lexeme in sentence.lexemes), text[-1:]}
    if words & _HIGHER:
        return Verdict.HIGH
    return Verdict.LOW if words & _LOWER else Verdict.UNUSUAL


def _asks(sentence: Sentence, at: int) -> bool:
    """Whether "high" at `at` is what a value is asked to be: "is the voltage of WLD001 high"."""
    led = sentence.text(0) in {"is", "are", "was", "were"}
    return (led and sentence.text(at - 1) != "how") or not sentence.text(at).isascii()


def _field(sentence: Sentence) -> str:
    """The field that a word such as "hotter" stands for, "" without one."""
    texts = " ".join(lexeme.text for lexeme in sentence.lexemes)
    return next((field for word, field in _FIELDS.items() if word in texts), "")


def _belongs(phrase: str, spoken: set[str]) -> bool:
    """Whether an unread phrase is a part of what is asked of the value."""
    words = set(phrase.split()) | {phrase}
    plain = all(word in _HIGHER or word in _LOWER for word in phrase.split())
    verdict = phrase.startswith(_PLAINLY) or phrase in _ASKED
    return bool(words & spoken) and (plain or verdict or any(each in phrase for each in _USUAL))


def _is_plain(query: StructuredQuery) -> bool:
    """Whether no more is asked than how a value is: no limit, no other number, no ranking."""
    more = query.percentiles or query.interval or query.limit or query.judged or query.rank or query.versus
    other = query.when or query.since or query.refused or query.negation or query.periods or query.holds
    ranged = query.time is None or (query.time.start is not None and not query.time.instant)
    kinds = {Intent.STATISTICS, Intent.ANOMALY, Intent.QUERY, Intent.COMPARE}
    conditions = all(not isinstance(each.value, str) for each in query.conditions)
    plain = not more and not other and ranged and conditions and query.intent in kinds
    return plain and set(query.statistics) <= _AMOUNTS
