"""Answers about the power of the arc, voltage times current, and about its energy.

The mean of a product is the product of the means and the covariance: mean(UI) = mean(U) mean(I) + r s(U) s(I) (n-1)/n
with Pearson's r and the standard deviations s of samples, all of which the statistics of a range tell.
"""

from collections.abc import Mapping, Sequence

from llm_service.domain.offline.answer_fields import limited
from llm_service.domain.offline.answer_writer import Answered, Report
from llm_service.domain.offline.field import match_field
from llm_service.domain.offline.measure_text import shown
from llm_service.domain.offline.query import Statistic, StructuredQuery
from llm_service.domain.offline.result import DeviceStatistics, Series

_KILO = 1000.0
_HOUR = 3600.0


def power(
    report: Report,
    query: StructuredQuery,
    answered: Sequence[Answered],
    *,
    groups: Mapping[str, Sequence[str]],
    energy: bool,
) -> str:
    """State the mean power in W or kW, or the energy in kWh, of each device and range; in their order of a ranking.

    Of `groups` of devices the energies are added up.
    """
    say = report.say
    told: list[tuple[float, str]] = []
    used: dict[str, float] = {}
    for each in answered:
        watts = mean_power(each.result)
        seconds = each.result.fitting.seconds if each.result.fitting else 0.0
        if watts is None:
            told.append((float("-inf"), say.no_numbers(each.result.device, report.period(query, each.time))))
            continue
        amount = watts * seconds / _HOUR if energy else watts
        used[each.result.device] = amount
        period = report.period(query, each.time)
        text = say.arc_power(each.result.device, period, _shown(query, amount, energy=energy), energy=energy)
        told.append((amount, text))
    if query.rank:
        told.sort(key=lambda pair: pair[0], reverse=Statistic.MIN not in query.statistics)
    lines = [text for _, text in told[: query.top or len(told)]]
    head = [say.energy_estimated()] if energy and used else []
    whole = sum(amount for amount, _ in told)
    together = [say.together(_shown(query, whole, energy=True))] if energy and len(told) > 1 and not query.rank else []
    sums = [
        (label, _shown(query, sum(used.get(code, 0.0) for code in codes), energy=True))
        for label, codes in groups.items()
    ]
    return "\n".join([*head, *limited(say, lines), *together, *([say.groups(sums, "")] if sums else [])])


def power_now(report: Report, query: StructuredQuery, series: Series, code: str) -> str:
    """State the power by the newest row that has both voltage and current."""
    names = [next(iter(match_field(each, series.columns)), "") for each in ("voltage", "current")]
    if not all(names):
        return report.no_data(code, query.time, None)
    volts, amps = (dict(series.points(name)) for name in names)
    moment = max(volts.keys() & amps.keys(), default=None)
    if moment is None:
        return report.no_data(code, query.time, None)
    factors = [(volts[moment], names[0]), (amps[moment], names[1])]
    told = " × ".join(shown(value, series.units.get(name, ""), None) for value, name in factors)
    value = _shown(query, volts[moment] * amps[moment], energy=False)
    return report.say.power_now(series.device or code, report.say.times.stamp(moment), value, told)


def _shown(query: StructuredQuery, amount: float, *, energy: bool) -> str:
    """The amount in kWh, or in W and from a thousand of them on in kW, where no other unit is asked for."""
    if energy:
        return shown(amount / _KILO, "kWh", query)
    kilo = not query.unit and abs(amount) >= _KILO
    return shown(amount / _KILO, "kW", query) if kilo else shown(amount, "W", query)


def mean_power(result: DeviceStatistics) -> float | None:
    """Return the mean of voltage times current in W, None where the statistics do not tell it."""
    existing = [one.field for one in result.fields]
    names = [next(iter(match_field(each, existing)), "") for each in ("voltage", "current")]
    volts, amps = (result.of(name) for name in names)
    pair = set(names)
    related = next((r for left, right, r in result.correlations if {left, right} == pair), None)
    if volts is None or amps is None:
        return None
    means = [one.values.get(Statistic.MEAN) for one in (volts, amps)]
    spreads = [one.values.get(Statistic.STD) or 0.0 for one in (volts, amps)]
    count = min(one.values.get(Statistic.COUNT, 0.0) for one in (volts, amps))
    if means[0] is None or means[1] is None or count < 1 or (related is None and spreads[0] * spreads[1]):
        return None
    return means[0] * means[1] + (related or 0.0) * spreads[0] * spreads[1] * (count - 1) / count
