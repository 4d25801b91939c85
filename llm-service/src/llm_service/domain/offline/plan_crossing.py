"""The steps to which machine passed a limit first, and when: a single odd reading told from what lasted."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from llm_service.domain.offline.answer_crossing import Crossed, crossings
from llm_service.domain.offline.lasting_stop import says
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.plan_state import PlanState, Step
from llm_service.domain.offline.query import Operator, StructuredQuery, TimeRange
from llm_service.domain.offline.result import DeviceStatistics, Spell
from llm_service.domain.offline.result_json import all_statistics_from_json
from llm_service.domain.offline.toolbox import DeviceTool
from llm_service.domain.offline.words_state import IDLE, RUNNING

_LIMITS: Final = frozenset({Operator.GT, Operator.GE, Operator.LT, Operator.LE})
# What lasts no longer is a single reading, or two, where one comes each second.
_MOMENT: Final = timedelta(seconds=2)


def asks_crossing(plan: PlanState) -> bool:
    """Whether it is asked which of several machines passed a limit first, and the tools can tell the stretches."""
    query = plan.query
    limits = bool(query.conditions) and all(
        each.operator in _LIMITS and not isinstance(each.value, str) for each in query.conditions
    )
    able = all(plan.tools.accepts(DeviceTool.STATISTICS, each) for each in ("durations", "shortest_spell"))
    state = says(query, IDLE) or says(query, RUNNING)
    other = query.fields or query.statistics or query.interval or query.periods or query.least or query.any_condition
    return bool(
        (query.first or query.rank)
        and query.when
        and len(query.devices) > 1
        and limits
        and able
        and not (state or other)
    )


def answer_crossing_of(plan: PlanState) -> Step:
    """Return the next step to when each machine first passed the limit."""
    # Who was first is the order that is asked for.
    query = plan.query = replace(plan.query, rank=False, whether=False)
    read = _read(plan, [query, _lasting(query)])
    if not isinstance(read, list):
        return read
    every, lasting = read[: len(read) // 2], read[len(read) // 2 :]
    looks = [_before(query, each) for each in lasting if _listed_in_part(each)]
    earlier = _read(plan, looks) if looks else []
    if not isinstance(earlier, list):
        return earlier
    first = {each.device: spell for each in (*lasting, *earlier) if (spell := _first(each))}
    told = [Crossed(result=each, lasting=first.get(each.device)) for each in every if each.rows_in_range]
    if not told:
        return plan.explain_empty(query.first_device, query.time)
    plan.heed("fitting", {})
    return plan.say(crossings(plan.report, plan.query, told))


def _lasting(query: StructuredQuery, look: int = 0) -> StructuredQuery:
    """What asks for stretches that lasted; a look asks for a millisecond more, which tells its call from others."""
    return replace(query, least=_MOMENT + timedelta(milliseconds=look), over=True)


def _before(query: StructuredQuery, result: DeviceStatistics) -> StructuredQuery:
    """What asks for the time before the earliest of the longest stretches."""
    begin = _first(result)
    time = TimeRange(start=query.time.start if query.time else None, end=begin.start if begin else None)
    return replace(_lasting(query, 1), devices=(result.device,), time=time)


def _listed_in_part(result: DeviceStatistics) -> bool:
    """Whether there are more stretches than are listed, the longest of them."""
    fitting = result.fitting
    return fitting is not None and bool(fitting.listed) and fitting.spells > len(fitting.listed)


def _first(result: DeviceStatistics) -> Spell | None:
    """The earliest stretch that is listed."""
    return result.fitting.listed[0] if result.fitting and result.fitting.listed else None


def _read(plan: PlanState, queries: Sequence[StructuredQuery]) -> list[DeviceStatistics] | Step:
    """The statistics that these ask for; or the step to them."""
    calls = [call for query in queries for call in CallPlanner(plan.talk, plan.tools, query).statistics("fitting")]
    gathered = plan.gathered(DeviceTool.STATISTICS, calls)
    if not isinstance(gathered, list):
        return gathered
    return [
        replace(result, device=result.device or each.outcome.device)
        for each in gathered
        for result in all_statistics_from_json(each.outcome.data)
    ]
