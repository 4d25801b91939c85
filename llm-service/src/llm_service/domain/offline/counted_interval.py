"""How many hours or days fit: "in how many hours was it above 55 on average", "有几天平均温度超过50"."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.number import UNIT_LENGTH
from llm_service.domain.offline.query import Condition, Intent, Operator, Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence

_HOURS: Final = frozenset({"how many hours", "几个小时", "几小时", "有几个小时", "有几小时", "多少个小时", "多少小时"})
_LEADS: Final = frozenset({"in", "during", "on"})
_COUNTS: Final = frozenset({"how many", "几", "有几", "多少", "几个", "多少个"})
_WIDTHS: Final = frozenset({"h", "d", "w"})
_REDUCED: Final = (Statistic.MEAN, Statistic.MEDIAN, Statistic.MAX, Statistic.MIN)
_UPWARDS: Final = frozenset({Operator.GT, Operator.GE})


def find_counted_interval(sentence: Sentence) -> timedelta | None:
    """Return the length of the intervals whose number is asked for, and mark its words; None for anything else.

    "How many hours" alone is a time. It counts hours where "in" leads to it or a mean of each is spoken of.
    """
    places = range(len(sentence))
    if not any(sentence.has(at, kind) for at in places for kind in (Kind.OPERATOR, Kind.SUFFIX)):
        return None
    averaged = any(sentence.senses(at).get(Kind.STATISTIC) in _REDUCED for at in places)
    if any(sentence.has(at, Kind.EVERY) for at in places):
        return None
    for at in places:
        led = sentence.text(at - 1) in _LEADS
        unit = sentence.senses(at + 1).get(Kind.TIME_UNIT)
        if sentence.text(at) in _HOURS and (led or averaged):
            sentence.use(at - led, at + 1)
            return UNIT_LENGTH["h"]
        days = unit in _WIDTHS and sentence.text(at) in _COUNTS
        if days and (led or averaged or unit != "h"):
            sentence.use(at - led, at + 2)
            return UNIT_LENGTH[str(unit)]
    return None


def counting_intervals(query: StructuredQuery, width: timedelta) -> StructuredQuery:
    """Return `query` as one for the number of intervals of this width whose number fits its limits."""
    limits = limits_of(query)
    if not limits or query.any_condition:
        return replace(query, interval=None, unread=(*query.unread, f"{width.total_seconds() / 3600:g} h"))
    upwards = limits[0].operator in _UPWARDS
    usual = Statistic.MAX if upwards else Statistic.MIN
    reduced = next((each for each in _REDUCED if each in query.statistics), usual)
    return replace(
        query,
        intent=Intent.STATISTICS,
        fields=tuple(dict.fromkeys(each.field for each in limits if each.field)) or query.fields,
        statistics=(reduced,),
        interval=width,
        counts_intervals=True,
        counted_as=(),
        whether=False,
        each=False,
        averaged=False,
        when=False,
    )


def limits_of(query: StructuredQuery) -> tuple[Condition, ...]:
    """Return the conditions that are limits of numbers."""
    return tuple(each for each in query.conditions if not isinstance(each.value, str))


def with_limits(query: StructuredQuery) -> StructuredQuery:
    """Return `query` with its limits as those of the intervals; no single reading is left out by them."""
    limits = limits_of(query)
    others = tuple(each for each in query.conditions if each not in limits)
    fields = tuple(dict.fromkeys(each.field for each in limits))
    return replace(query, limits=limits, conditions=others, fields=fields, counts_intervals=False)


def fits(value: float, limit: Condition) -> bool:
    """Return whether a number is on the side of the limit that is asked for."""
    bound = float(limit.value)
    match limit.operator:
        case Operator.GT:
            return value > bound
        case Operator.GE:
            return value >= bound
        case Operator.LT:
            return value < bound
        case Operator.LE:
            return value <= bound
        case Operator.EQ:
            return value == bound
        case Operator.NE:
            return value != bound
