"""Two times, or machines, told one after the other, set side by side: "is that up or down?", "多还是少"."""

import re
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.one_of_told import ENDS
from llm_service.domain.offline.query import Intent, Statistic, StructuredQuery

_RATES: Final = {"gas_flow": "L/h", "wire_feed": "m/h"}
_MORE: Final = (
    "more|less|higher|lower|longer|shorter|better|worse|up|down|hotter|cooler|warmer|colder|fewer|increase|decrease"
)
_MORE_HAN: Final = (
    "多了?|少了?|高了?|低了?|涨了?|跌了?|升了?|降了?|长了?|短了?|增加了?|减少了?|上升了?|下降了?|好了?|差了?"
)
_EITHER: Final = re.compile(
    rf"\b(?:{_MORE}) or (?:{_MORE})\b|(?:{_MORE_HAN})还是(?:{_MORE_HAN})|\bmehr oder weniger\b|\bhöher oder niedriger\b"
)
_TIME: Final = r"(?:one|day|week|shift|hour|month|time|of (?:them|these|those|the two|both))"
_COMPARED: Final = (
    r"(?:higher|lower|more|less|longer|shorter|hotter|cooler|warmer|better|worse"
    r"|the (?:highest|most|least|lowest|hottest))"
)
_WHICH: Final = re.compile(
    rf"\bwhich(?: {_TIME})*(?: (?:was|is|had|has|did|used|it))*(?: the)? {_COMPARED}"
    r"|哪一?(?:个|天|次|段|个?班|个?小时|周|个月|个时段)(?:用得|的|是)?(?:更|比较|最)?"
    r"(?:高|低|多|少|长|短|热|冷|大|小|好)(?:一?些|一?点)?"
)
_LESS: Final = re.compile(r"\b(?:lower|less|shorter|cooler|least|lowest|worse)\b|低|少|短|冷|小")
_CHANGE: Final = re.compile(
    r"what(?:'s| is| was) the (?:change|difference)|how (?:did|has) (?:it|that) changed?|the change"
    r"|变化(?:呢|大吗)|变了多少|差别"
)
_PERCENT: Final = re.compile(
    r"(?:by )?(?:how many percent|what percent(?:age)?|how much percent|how much in percent|how much)"
    r"|in percent|百分之多少|百分之几|变化多少|变化了多少|百分比"
)
_PER_HOUR: Final = re.compile(r"\b(?:per|an|each|every) hour\b|\bhourly\b|/h\b|每个?小时|每钟头|\bpro stunde\b")
# What may stand beside it.
_QUIET: Final = re.compile(
    r"\b(?:so|and|is|was|are|were|that|it|this|now|then|a|an|the|did|does|do|go|went|gone|has|have|overall"
    r"|compared to|compared"
    r"|compared with|with|than|to|versus|vs|against|what|about|yesterday|today|day before|rate|change|or|used|use|time"
    r"|which|in|by|of|per|on|average|total|also|please|them|they|both|two|first|second|one|before|previous|last)\b"
    r"|那么?|这|是|比|跟|和|与|前|后|相比|昨天|今天|前天|的|呢|吗|了|到底|一天"
    r"|之前|上次|刚才|量|用|算|下来|还|它|时间|两|天|个|平均"
    r"|[?？,，.。!！ ]"
)
_LONGEST: Final = 120


def compared_again(
    text: str, query: StructuredQuery, before: StructuredQuery, earlier: StructuredQuery | None
) -> StructuredQuery | None:
    """Return the comparison of what `before` and the question `earlier` than it told, where `text` asks for it.

    Both are of the same but for one thing, their times or their machines. Per hour it is the rates that are compared.
    """
    plain = text.lower()
    if not _asks(plain, query, before, earlier):
        return None
    if (found := _WHICH.search(plain)) is not None:
        lone = len(before.devices) == 1 and not before.rank
        side = before if lone and len(before.periods) == 2 else _both(before, earlier) if lone else None
        end = "lowest" if _LESS.search(found[0]) else "highest"
        two = side is not None and len(side.periods) == 2
        return replace(side, intent=Intent.COMPARE, which_time=end) if two and side is not None else None
    both, said = _both(before, earlier), _PER_HOUR.search(plain)
    if both is None or said is None:
        return both
    unit = _RATES.get(both.fields[0]) if len(both.fields) == 1 else None
    if set(both.statistics) - ENDS == {Statistic.INTEGRAL} and unit:
        return replace(both, statistics=(Statistic.MEAN,), unit=unit, counted_as=())
    return replace(both, unread=(said[0],))


def _asks(plain: str, query: StructuredQuery, before: StructuredQuery, earlier: StructuredQuery | None) -> bool:
    """Whether nothing is asked but how far, and in which way, two numbers that were told differ."""
    if before.intent in {Intent.CHAT, Intent.LIST_DEVICES, Intent.ANOMALY} or len(plain) > _LONGEST:
        return False
    other = _WHICH.search(plain) or _CHANGE.search(plain) or _PERCENT.search(plain)
    asked = _EITHER.search(plain) or _WHICH.search(plain) or (other and len(before.periods) < 2)
    left = _WHICH.sub("", _CHANGE.sub("", _PERCENT.sub("", _EITHER.sub("", plain))))
    left = _QUIET.sub("", _PER_HOUR.sub("", left))
    elsewhere = query.time and query.time not in {before.time, earlier.time if earlier else None}
    return bool(asked) and not (left.strip() or query.devices or query.fields or before.interval or elsewhere)


def _both(before: StructuredQuery, earlier: StructuredQuery | None) -> StructuredQuery | None:
    """Both in one question, None where they differ by more than one thing."""
    if before.rank:
        told = tuple(each for each in before.statistics if each not in ENDS) or before.statistics
        two = len(before.devices) == 2 and len(before.periods) < 2
        return replace(before, intent=Intent.COMPARE, rank=False, statistics=told, notes=()) if two else None
    if earlier is None:
        return None
    like = replace(
        before,
        notes=earlier.notes,
        unread=earlier.unread,
        follows=earlier.follows,
        counted_as=earlier.counted_as,
        undated=earlier.undated,
        half_open=earlier.half_open,
        confidence=earlier.confidence,
        back=earlier.back,
        prices=earlier.prices,
        told=earlier.told,
        language=earlier.language,
        same_time=earlier.same_time,
    )
    times = before.time and earlier.time and before.time != earlier.time and not before.periods
    if times and replace(like, time=earlier.time) == earlier and before.time and earlier.time:
        periods = (earlier.time, before.time)
        return replace(before, intent=Intent.COMPARE, periods=periods, unread=(), notes=(), follows=False)
    devices = (*earlier.devices, *before.devices)
    if len(set(devices)) == 2 == len(devices) and replace(like, devices=earlier.devices) == earlier:
        return replace(before, intent=Intent.COMPARE, devices=devices, unread=(), notes=(), follows=False)
    return None
