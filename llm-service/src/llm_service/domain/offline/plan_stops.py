"""Which of the times that stand out are stops and the warming up behind them, and no faults by themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from llm_service.domain.offline.anomaly_result import Anomaly, AnomalyResult
from llm_service.domain.offline.lasting_stop import LASTING
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.plan_state import CallTools, PlanState
from llm_service.domain.offline.query import Condition, Intent, Statistic
from llm_service.domain.offline.result import Spell
from llm_service.domain.offline.result_json import all_statistics_from_json
from llm_service.domain.offline.toolbox import DeviceTool
from llm_service.domain.offline.words_state import IDLE

_MOST: Final = 20
_BEFORE: Final = timedelta(minutes=2)
_WARMING: Final = timedelta(minutes=20)
_WARM: Final = "temperature"
_MAINLY: Final = 0.6


def without_stops(plan: PlanState, results: Sequence[AnomalyResult]) -> list[AnomalyResult] | CallTools:
    """Return `results` without the times that stops explain, which are counted; or the step to know the stops."""
    strange = [each.device for each in results if any(_is_warmth(anomaly) for anomaly in each.anomalies)]
    cards = {code: plan.talk.card(code) for code in strange}
    codes = tuple(code for code, card in cards.items() if card is None or IDLE.field in card.fields)[:_MOST]
    able = all(plan.tools.accepts(DeviceTool.STATISTICS, each) for each in ("durations", "shortest_spell"))
    if not codes or not able or not set(codes) <= set(plan.query.devices):
        return [*results]
    asked = replace(
        plan.query,
        intent=Intent.STATISTICS,
        devices=codes,
        fields=(),
        conditions=(Condition(field=IDLE.field, operator=IDLE.operator, value=IDLE.value),),
        statistics=(Statistic.DURATION,),
        percentiles=(),
        least=LASTING,
        lasting=True,
        each=True,
        rank=False,
    )
    step = plan.gathered(DeviceTool.STATISTICS, CallPlanner(plan.talk, plan.tools, asked).statistics("fitting"))
    if isinstance(step, CallTools):
        return step
    stops = dict[str, list[Spell]]()
    for found in step if isinstance(step, list) else ():
        for result in all_statistics_from_json(found.outcome.data):
            device = result.device or found.outcome.device
            stops.setdefault(device, []).extend(result.fitting.listed if result.fitting else ())
    return [_without(each, stops) for each in results]


def _is_warmth(anomaly: Anomaly) -> bool:
    """Whether the temperature is what stands out."""
    return any(name == _WARM and share >= _MAINLY for name, share in anomaly.fields) and not anomaly.single


def _without(result: AnomalyResult, stops: Mapping[str, Sequence[Spell]]) -> AnomalyResult:
    explained = [
        each for each in result.anomalies if _is_warmth(each) and _is_of_stop(each, stops.get(result.device, ()))
    ]
    kept = tuple(each for each in result.anomalies if each not in explained)
    return replace(result, anomalies=kept, count=result.count - len(explained), stops=len(explained))


def _is_of_stop(anomaly: Anomaly, stops: Sequence[Spell]) -> bool:
    """Whether it lies in a stop, or in the time that a torch takes to become warm behind it."""
    return any(stop.start - _BEFORE <= anomaly.start and anomaly.end <= stop.end + _WARMING for stop in stops)
