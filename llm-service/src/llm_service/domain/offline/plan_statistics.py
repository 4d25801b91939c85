"""Answers from device_statistics: numbers, counts, comparisons, rankings."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from llm_service.domain.offline import answer_events
from llm_service.domain.offline.answer_writer import Answered
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.plan_state import PlanState, Step
from llm_service.domain.offline.query import Intent, Statistic
from llm_service.domain.offline.result import DeviceStatistics, all_statistics_from_json
from llm_service.domain.offline.toolbox import DeviceTool

_EXTREMES: Final = frozenset({Statistic.MAX, Statistic.MIN})
_COUNTING: Final = frozenset({Statistic.COUNT, Statistic.SHARE, Statistic.EVENTS, Statistic.DURATION})


def answer_statistics(plan: PlanState) -> Step:
    """Return the next step to an answer from statistics."""
    statistics = _Statistics(plan)
    return statistics.step()


class _Statistics:
    def __init__(self, plan: PlanState) -> None:
        self._plan = plan

    def step(self) -> Step:
        return self._statistics(self._kind())

    def _kind(self) -> str:
        """Which kind of answer the statistics make."""
        query, statistics = self._plan.query, set(self._plan.query.statistics)
        several = len(query.devices) > 1 or len(query.periods) > 1
        counted = bool(statistics) and statistics <= _COUNTING
        ranked = query.rank and len(query.devices) > 1
        kinds = (
            ("anomaly", query.intent is Intent.ANOMALY),
            ("correlation", Statistic.CORRELATION in statistics),
            ("rank", ranked),
            ("compare", query.intent is Intent.COMPARE and several and not statistics & _COUNTING),
            ("when", query.when and bool(statistics & _EXTREMES)),
            ("fitting", bool(query.conditions) and (query.when or query.since or counted)),
        )
        return next((kind for kind, holds in kinds if holds), "statistics")

    def _statistics(self, kind: str) -> Step:
        query = self._plan.query
        planner = CallPlanner(self._plan.talk, self._plan.tools, query)
        calls = planner.statistics(kind)
        self._plan.left_out += planner.left_out
        gathered = self._plan.gathered(DeviceTool.STATISTICS, calls)
        if not isinstance(gathered, list):
            return gathered
        answered = [
            Answered(result=_named(result, each.outcome.device), time=each.time(time))
            for each, time in zip(gathered, planner.times, strict=True)
            for result in all_statistics_from_json(each.outcome.data)
        ]
        there = [each for each in answered if each.result.row_count or each.result.rows_in_range]
        if len(answered) > 1 and not there:
            return self._plan.say(self._plan.nothing([(each.result.device, each.time) for each in answered]))
        if not there:
            return self._plan.explain_empty(answered[0].result.device or query.first_device, answered[0].time)
        units = {one.field: one.unit for each in there for one in each.result.fields}
        self._plan.heed(kind, units, tuple(dict.fromkeys(each.result.device for each in there)))
        text = "\n\n".join(filter(None, (self._written(kind, there), self._by_group(there))))
        empty = [(each.result.device, each.time) for each in answered if each not in there]
        return self._plan.say("\n\n".join([text, *([self._plan.nothing(empty)] if empty else [])]))

    def _by_group(self, answered: Sequence[Answered]) -> str:
        """The number asked for of each group of devices that a label names, of several groups over one range."""
        plan, groups = self._plan, list[tuple[str, str]]()
        labels = [reference.label for reference in plan.query.references if reference.label]
        for label in labels if len(labels) > 1 and len(plan.query.periods) < 2 else ():
            members = [each for each in answered if self._has_label(each.result.device, label)]
            groups.append((label, plan.report.pooled(plan.query, members) if members else ""))
        if not groups or not all(value for _, value in groups):
            return ""
        plan.left_out = [part for part in plan.left_out if part != "groups"]
        return plan.report.say.groups(groups)

    def _has_label(self, code: str, label: str) -> bool:
        card = self._plan.talk.card(code)
        return card is not None and label.lower() in map(str.lower, card.labels.values())

    def _written(self, kind: str, answered: Sequence[Answered]) -> str:
        query, report = self._plan.query, self._plan.report
        writers: dict[str, Callable[[], str]] = {
            "anomaly": lambda: report.anomalies(query, answered),
            "correlation": lambda: answer_events.correlations(report, query, answered),
            "rank": lambda: answer_events.ranking(report, query, answered),
            "compare": lambda: report.comparison(query, answered),
            "when": lambda: answer_events.extreme_times(report, query, answered),
            "fitting": lambda: answer_events.fitting(report, query, answered),
        }
        alone = kind == "compare" and len(answered) == 1
        return report.statistics(query, answered) if alone or kind not in writers else writers[kind]()


def _named(result: DeviceStatistics, code: str) -> DeviceStatistics:
    """The result with the device it was asked of, which an error does not name."""
    return result if result.device else replace(result, device=code)
