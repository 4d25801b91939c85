"""Answers from device_statistics: numbers, counts, comparisons, rankings."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from llm_service.domain.offline import (
    answer_amounts,
    answer_beside,
    answer_events,
    answer_pooled,
    answer_ranking,
    answer_which_time,
)
from llm_service.domain.offline.answer_beyond import beyond
from llm_service.domain.offline.answer_writer import Answered
from llm_service.domain.offline.group import group_labels
from llm_service.domain.offline.measure_text import added_up, change_share, shown
from llm_service.domain.offline.number_text import percent
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.plan_labelled import among_labelled, tell_within
from llm_service.domain.offline.plan_pieces import with_all_spells
from llm_service.domain.offline.plan_spikes import tell_spikes, without_far
from llm_service.domain.offline.plan_state import PlanState, Step
from llm_service.domain.offline.plan_unbroken import tell_unbroken
from llm_service.domain.offline.query import Intent, Statistic, StructuredQuery
from llm_service.domain.offline.result import DeviceStatistics
from llm_service.domain.offline.result_json import all_statistics_from_json
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
        counting = statistics & _COUNTING
        # "In which of the two was the share higher": the end only says which of them comes first.
        ordered = query.rank and len(query.devices) == 1 and len(query.periods) > 1
        counted = bool(counting) and statistics - (_EXTREMES if ordered else frozenset()) <= _COUNTING
        # Of a text field the counts of its values are told, of each device.
        texts = CallPlanner(self._plan.talk, self._plan.tools, query).asks_values() and not query.conditions
        ranked = query.rank and len(query.devices) > 1 and not texts
        hours = query.rank and len(query.devices) == 1 and len(query.periods) > 2
        kinds = (
            ("periods", hours and Statistic.INTEGRAL in statistics),
            ("anomaly", query.intent is Intent.ANOMALY),
            ("correlation", Statistic.CORRELATION in statistics),
            ("rank", ranked),
            ("compare", query.intent is Intent.COMPARE and several and not texts and not statistics & _COUNTING),
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
        if kind == "fitting" and query.at_once:
            whole = with_all_spells(self._plan, there)
            if not isinstance(whole, list):
                return whole
            there = whole
        if len(answered) > 1 and not there:
            return self._plan.say(self._plan.nothing([(each.result.device, each.time) for each in answered]))
        if not there:
            return self._plan.explain_empty(answered[0].result.device or query.first_device, answered[0].time)
        units = {one.field: one.unit for each in there for one in each.result.fields}
        self._plan.heed(kind, units, tuple(dict.fromkeys(each.result.device for each in there)))
        texts = self._texts(kind, there)
        if not isinstance(texts, list):
            return texts
        text = "\n\n".join(filter(None, texts))
        told = {(each.result.device, each.time) for each in there}
        empty = [pair for each in answered if (pair := (each.result.device, each.time)) not in told]
        return self._plan.say("\n\n".join([text, *([self._plan.nothing(empty)] if empty else [])]))

    def _texts(self, kind: str, there: Sequence[Answered]) -> list[str] | Step:
        """The paragraphs of the answer, empty ones too; or the step to know them."""
        query = self._plan.query
        labelled = among_labelled(self._plan, there, kind)
        if not isinstance(labelled, list):
            return labelled
        there = labelled
        within = without_far(self._plan, kind, there)
        if not isinstance(within, list):
            return within
        texts = [self._written(kind, within), self._by_group(query, there)]
        spikes = tell_spikes(self._plan, kind, there)
        if not isinstance(spikes, str):
            return spikes
        shares = tell_within(self._plan, there) if kind == "fitting" else ""
        if not isinstance(shares, str):
            return shares
        beside = self._beside(there) if kind == "fitting" and query.conditions else []
        texts = [*beside, *texts] if query.whether else [*texts, *beside]
        grouped = query.by_group or query.intent is Intent.COMPARE
        grouped = grouped or (query.rank and sum(bool(each.label) for each in query.references) > 1)
        unbroken = tell_unbroken(self._plan, there)
        which = answer_which_time.which_time(self._plan.report, query, within) if query.which_time else ""
        return [which, unbroken, *(reversed(texts) if grouped else texts), shares, spikes]

    def _beside(self, answered: Sequence[Answered]) -> list[str]:
        """The fields asked about beside the conditions, of each device and of each group."""
        plan, query = self._plan, self._plan.query
        told = answer_beside.beside(plan.report, query, answered)
        if not told:
            return []
        plan.left_out = [part for part in plan.left_out if part != "fields"]
        asked = answer_beside.used_beside(query, answered)
        return [told, *filter(None, (self._by_group(each, answered) for each in asked))]

    def _by_group(self, query: StructuredQuery, answered: Sequence[Answered]) -> str:
        """The number asked for of each group of devices that a label names, of several groups over one range."""
        plan, groups, units = self._plan, list[tuple[str, str, float]](), list[str | None]()
        labels = group_labels(query, plan.talk.cards)
        for label in labels if len(labels) > 1 and len(query.periods) < 2 else ():
            members = [each for each in answered if self._has_label(each.result.device, label)]
            pooled = answer_pooled.pooled(plan.report, query, members) if members else None
            groups += [(label, pooled.text, pooled.value)] if pooled else []
            units += [pooled.unit] if pooled else []
        if not groups or len(groups) < len(labels):
            return ""
        plan.left_out = [part for part in plan.left_out if part != "groups"]
        if query.by_group or query.rank:
            groups.sort(key=lambda group: group[2], reverse=Statistic.MIN not in query.statistics)
        name = answer_pooled.name_of(plan.report, query)
        told = plan.report.say.groups(_group_texts(query, groups), name)
        told = f"{self._first_group(query, groups, name, answered)}{told}"
        if len(groups) != 2 or units[0] != units[1]:
            return told
        (first, _, more), (second, _, less) = groups
        unit = units[0]

        def apart(change: float) -> str:
            if unit is not None:
                amount = added_up(change, unit) if Statistic.INTEGRAL in query.statistics else (change, unit)
                return shown(*amount, query, difference=True)
            return answer_pooled.shown_apart(plan.report, query, change)

        name = name or plan.report.say.statistic(next(iter(answer_pooled.counted_of(query)), Statistic.COUNT))
        share = change_share(less, more, unit or "", query)
        verdict = beyond(plan.report.say, query, (first, second), name, (more, less), apart=apart)
        told = f"{verdict}\n{told}" if verdict else told
        return f"{told} {plan.report.say.difference(second, first, apart(more - less), share)}"

    def _first_group(
        self, query: StructuredQuery, groups: Sequence[tuple[str, str, float]], name: str, answered: Sequence[Answered]
    ) -> str:
        """Which of the groups that are named is first, where that is asked of them and of no machines."""
        report, named = self._plan.report, [each for each in self._plan.query.references if each.label]
        if not query.rank or len(named) < 2:
            return ""
        counted = next((each for each in query.statistics if each in _COUNTING), Statistic.COUNT)
        period, lowest = report.period(query, answered[0].time), Statistic.MIN in query.statistics
        what = name or report.say.statistic(counted)
        lead = report.say.ranking(what, period, groups[0][0], groups[0][1], lowest=lowest, count=len(groups))
        return f"{lead}\n"

    def _has_label(self, code: str, label: str) -> bool:
        card = self._plan.talk.card(code)
        return card is not None and label.lower() in map(str.lower, card.labels.values())

    def _written(self, kind: str, answered: Sequence[Answered]) -> str:
        query, report = self._plan.query, self._plan.report
        writers: dict[str, Callable[[], str]] = {
            "anomaly": lambda: report.anomalies(query, answered),
            "correlation": lambda: answer_events.correlations(report, query, answered),
            "rank": lambda: answer_ranking.ranking(report, query, answered),
            "periods": lambda: answer_ranking.periods(report, query, answered),
            "compare": lambda: report.comparison(query, answered),
            "when": lambda: answer_events.extreme_times(report, query, answered),
            "fitting": lambda: answer_events.fitting(report, query, answered),
        }
        if kind in writers and not (kind == "compare" and len(answered) == 1):
            return writers[kind]()
        if table := answer_amounts.amounts(report, query, answered):
            return table
        pooled = self._together(answered)
        return "\n\n".join([report.statistics(query, answered), *pooled])

    def _together(self, answered: Sequence[Answered]) -> list[str]:
        """What several devices have together, of each range."""
        query, report = self._plan.query, self._plan.report
        times = list(dict.fromkeys(each.time for each in answered))
        if len(times) < 2:
            return answer_pooled.together(report, query, answered)
        return [
            report.say.of_period(line, report.say.period(time))
            for time in times
            for line in answer_pooled.together(report, query, [each for each in answered if each.time == time])
        ]


def _group_texts(query: StructuredQuery, groups: Sequence[tuple[str, str, float]]) -> list[tuple[str, str]]:
    """The number of each group; of what they used with how much of it all that is."""
    whole = sum(value for _, _, value in groups)
    if not query.by_group or Statistic.INTEGRAL not in query.statistics or whole <= 0:
        return [(label, text) for label, text, _ in groups]
    return [(label, f"{text} ({percent(value / whole)} %)") for label, text, value in groups]


def _named(result: DeviceStatistics, code: str) -> DeviceStatistics:
    """The result with the device it was asked of, which an error does not name."""
    return result if result.device else replace(result, device=code)
