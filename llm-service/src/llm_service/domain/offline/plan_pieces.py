"""All stretches of machines that are compared at one time, where one answer lists but the longest: asked in pieces."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil
from typing import Final

from llm_service.domain.offline.answer_writer import Answered
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.plan_state import PlanState, Step
from llm_service.domain.offline.query import Statistic, StructuredQuery, TimeRange
from llm_service.domain.offline.result import FittingTime, Spell
from llm_service.domain.offline.result_json import all_statistics_from_json
from llm_service.domain.offline.toolbox import DeviceTool

_MOST_PIECES: Final = 24
# Stretches that a piece is made for; it lists twice as many.
_EACH: Final = 5
# What begins so soon after what ends with a piece is the same stretch.
_SEAM: Final = timedelta(seconds=2)


def with_all_spells(plan: PlanState, answered: Sequence[Answered]) -> list[Answered] | Step:
    """Return `answered` with all stretches listed where several machines are asked at once; or the step to know them.

    Where even the pieces list but some, it stays as it is, which the answer says.
    """
    query, found = plan.query, list(answered)
    times = [each.result.fitting for each in found if each.result.fitting]
    most = max((time.spells for time in times if time.spells > len(time.listed)), default=0)
    ranges = _pieces(plan, ceil(most / _EACH)) if query.at_once and len(query.periods) < 2 else []
    if not most or not ranges:
        return found
    asked = replace(query, time=ranges[0], periods=tuple(ranges), least=None, statistics=(Statistic.DURATION,))
    gathered = plan.gathered(DeviceTool.STATISTICS, CallPlanner(plan.talk, plan.tools, asked).statistics("fitting"))
    if not isinstance(gathered, list):
        return gathered
    listed = dict[str, list[Spell]]()
    for result in (each for one in gathered for each in all_statistics_from_json(one.outcome.data)):
        if result.fitting is not None and not _is_whole(result.fitting, query):
            return found
        listed.setdefault(result.device, []).extend(result.fitting.listed if result.fitting else ())
    return [_listing(each, _joined(listed.get(each.result.device, ())), query) for each in found]


def _pieces(plan: PlanState, number: int) -> list[TimeRange]:
    """The time asked for, as far as there are readings, in so many equal parts; none where its ends are not known."""
    cards = [card for code in plan.query.devices if (card := plan.talk.card(code))]
    first = min((card.first_seen for card in cards if card.first_seen), default=None)
    last = max((card.last_seen for card in cards if card.last_seen), default=None)
    time = plan.query.time or TimeRange()
    if first is None or last is None or not 1 < number <= _MOST_PIECES:
        return []
    start, end = max(time.start or first, first), min(time.end or last, last + _SEAM)
    ends = [start + (end - start) * at / number for at in range(number + 1)]
    whole = [each.replace(microsecond=0) for each in ends]
    return [TimeRange(start=begin, end=until) for begin, until in pairwise(whole) if begin < until]


def _is_whole(fitting: FittingTime, query: StructuredQuery) -> bool:
    """Whether all stretches are listed that last as long as is asked: those that are not are shorter."""
    least = query.least.total_seconds() if query.least else 0.0
    shortest = min((spell.seconds for spell in fitting.listed), default=0.0)
    return fitting.spells <= len(fitting.listed) or shortest < least


def _joined(spells: Iterable[Spell]) -> list[Spell]:
    """The stretches in the order of time, those in one that two pieces cut."""
    joined = list[Spell]()
    for spell in sorted(spells, key=lambda each: each.start):
        if joined and spell.start - joined[-1].end <= _SEAM:
            joined[-1] = Spell(start=joined[-1].start, seconds=_seconds(joined[-1].start, spell.end))
        else:
            joined.append(spell)
    return joined


def _seconds(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds()


def _listing(answered: Answered, spells: Sequence[Spell], query: StructuredQuery) -> Answered:
    least = query.least.total_seconds() if query.least else 0.0
    lasting = tuple(each for each in spells if each.seconds > least or (each.seconds == least and not query.over))
    if answered.result.fitting is None:
        return answered
    fitting = replace(answered.result.fitting, listed=lasting, spells=len(lasting))
    return replace(answered, result=replace(answered.result, fitting=fitting))
