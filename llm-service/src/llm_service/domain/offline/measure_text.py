"""Numbers of an answer with their units, in the unit that was asked for where that is possible."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from llm_service.domain.offline.number_text import number, percent
from llm_service.domain.offline.phrases import Wording
from llm_service.domain.offline.query import Price, Statistic, StructuredQuery
from llm_service.domain.offline.result import FieldStatistics
from llm_service.domain.offline.unit import converted

# Digits of a statistic, and of a single reading; the tool's result, shown beside the answer, holds all of them.
DIGITS: Final = 4
READING_DIGITS: Final = 5
_OVERVIEW: Final = (Statistic.MEAN, Statistic.MIN, Statistic.MAX, Statistic.STD)
_NO_UNIT: Final = frozenset({Statistic.COUNT, Statistic.MISSING_RATIO, Statistic.VARIANCE})
_DIFFERENCES: Final = frozenset({Statistic.STD, Statistic.RANGE, Statistic.CHANGE})
_NOT_OF_A_FIELD: Final = frozenset({Statistic.SHARE, Statistic.CORRELATION, Statistic.EVENTS, Statistic.DURATION})
# What a rate adds up to: the seconds of its unit of time. A value without one is told in hours of it.
_RATES: Final = {"min": 60.0, "s": 1.0, "h": 3600.0}
_POWERS: Final = frozenset({"W", "kW"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A number of a field: a statistic, or the percentile `share`."""

    statistic: Statistic
    share: str = ""

    def name(self, say: Wording) -> str:
        """Return what it is called."""
        return say.percentile(self.share) if self.share else say.statistic(self.statistic)

    def value(self, one: FieldStatistics) -> float | None:
        """Return it of a field, None when the tool did not give it."""
        return one.percentiles.get(self.share) if self.share else one.value(self.statistic)


def measures_of(query: StructuredQuery) -> list[Measure]:
    """Return the numbers `query` asks for of each field; the usual ones when it names none."""
    found: list[Measure] = []
    for statistic in query.statistics:
        if statistic is Statistic.PERCENTILE:
            found += [Measure(statistic=statistic, share=f"{share:g}") for share in query.percentiles]
        elif statistic not in _NOT_OF_A_FIELD:
            found.append(Measure(statistic=statistic))
    if found:
        return found
    usual = (Statistic.LAST, *_OVERVIEW) if query.time is None and len(query.fields) == 1 else _OVERVIEW
    return [Measure(statistic=statistic) for statistic in usual]


def shown_value(query: StructuredQuery, one: FieldStatistics, measure: Measure, digits: int = DIGITS) -> str:
    """Return a number of a field with its unit."""
    value = measure.value(one)
    if value is None:
        return number(None)
    if measure.statistic is Statistic.MISSING_RATIO:
        return f"{percent(value)} %{_of_all(one, value)}"
    unit = "" if measure.statistic in _NO_UNIT else one.unit
    if measure.statistic is Statistic.INTEGRAL:
        value, unit = added_up(value, unit)
    return shown(value, unit, query, digits, difference=measure.statistic in _DIFFERENCES)


def _of_all(one: FieldStatistics, ratio: float) -> str:
    """How many values of how many are missing, "" where that is not known."""
    count = one.values.get(Statistic.COUNT)
    if count is None or ratio >= 1:
        return ""
    total = round(count / (1 - ratio))
    return f" ({total - int(count)}/{total})"


def amount_unit(unit: str) -> str:
    """Return the unit of what values in `unit` add up to."""
    return added_up(0.0, unit)[1]


def added_up(integral: float, unit: str) -> tuple[float, str]:
    """Return the integral over seconds of values in `unit` in a unit of use: L/min gives L, kW gives kWh."""
    amount, _, time = unit.rpartition("/")
    if amount and time in _RATES:
        return integral / _RATES[time], amount
    return integral / 3600, f"{unit}h" if unit in _POWERS else f"{unit}·h" if unit else "h"


def shown(
    value: float, unit: str, query: StructuredQuery | None, digits: int = DIGITS, *, difference: bool = False
) -> str:
    """Return `value` in the unit that `query` asks for, in its own when it can't be, followed by that unit.

    The answer has as many decimals as are asked for, otherwise `digits` significant ones.
    """
    into = query.unit if query else ""
    if into and unit and (changed := converted(value, unit, into, difference=difference)) is not None:
        value, unit = changed, into
    decimals = query.decimals if query else None
    text = number(value, digits) if decimals is None else f"{value:.{decimals}f}"
    return f"{text} {unit}".rstrip() + (_cost(value, unit, query.prices) if query else "")


def change_share(base: float, other: float, unit: str, query: StructuredQuery | None) -> str:
    """Return how many percent of `base` it is to `other`, in the unit that they are told in; "" of nothing."""
    into = query.unit if query else ""
    if into and unit:
        told = (converted(base, unit, into), converted(other, unit, into))
        base, other = (base, other) if told[0] is None or told[1] is None else (told[0], told[1])
    return percent((other - base) / abs(base)) if base else ""


def _cost(amount: float, unit: str, prices: Sequence[Price]) -> str:
    """What an amount costs, behind it, where a price of it was named."""
    for price in prices:
        sold = converted(amount, unit, price.unit) if unit else None
        if sold is not None:
            told = f"{number(sold * price.amount, DIGITS)} {price.currency}"
            return f" ({told})" if price.currency else f" (× {price.amount:g} = {told.rstrip()})"
    return ""


def converts(unit: str, into: str) -> bool:
    """Whether values in `unit` can be given in `into`."""
    return bool(unit) and converted(0.0, unit, into) is not None
