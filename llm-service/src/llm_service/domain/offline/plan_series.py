"""Answers from rows: readings, rows per interval, features, the last reading, courses."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from llm_service.domain.offline import answer_anomalies, answer_moments, answer_series
from llm_service.domain.offline.answer_writer import Answered
from llm_service.domain.offline.field import unmatched_fields
from llm_service.domain.offline.gathering import Gathered
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.plan_state import MOST_SERIES, CallTools, PlanState, Step
from llm_service.domain.offline.query import Note, Remark, Statistic, TimeRange
from llm_service.domain.offline.result import DeviceStatistics, Series
from llm_service.domain.offline.result_json import series_from_json, statistics_from_json
from llm_service.domain.offline.toolbox import DeviceTool


def answer_series_of(plan: PlanState, kind: str) -> Step:
    """Return the next step to an answer from "rows", "intervals" or "features"."""
    return _Rows(plan).series(kind)


def answer_last(plan: PlanState) -> Step:
    """Return the next step to the last reading."""
    return _Rows(plan).last()


def answer_moment(plan: PlanState) -> Step:
    """Return the next step to the values at one or several moments."""
    return _Rows(plan).moment()


def answer_trend(plan: PlanState) -> Step:
    """Return the next step to how a field went."""
    return _Rows(plan).trend()


# A course of fewer points is none.
_FEW: Final = 2
_EXTREMES: Final = frozenset({Statistic.MAX, Statistic.MIN})


class _Rows:
    def __init__(self, plan: PlanState) -> None:
        self._plan = plan

    def series(self, kind: str) -> Step:
        """Answers from rows or features, one call a device."""
        query = self._plan.query
        planner = CallPlanner(self._plan.talk, self._plan.tools, query)
        tool = DeviceTool.FEATURES if kind == "features" else DeviceTool.QUERY
        codes = query.devices[:MOST_SERIES]
        calls = planner.series(kind, codes)
        self._plan.left_out += planner.left_out
        gathered = self._plan.gathered(tool, calls)
        if not isinstance(gathered, list):
            return gathered
        extremes = kind == "intervals" and bool(query.statistics) and set(query.statistics) <= _EXTREMES
        spikes = self._spikes(planner) if (kind == "rows" and query.ordered) or (extremes and query.fields) else []
        if not isinstance(spikes, list):
            return spikes
        self._plan.heed(kind, self._units(gathered))
        texts = [self._series_text(kind, each, planner) for each in gathered]
        if len(query.devices) > len(codes):
            texts.append(self._plan.report.say.and_more(len(query.devices) - len(codes)))
        return self._plan.say("\n\n".join([*texts, *spikes]))

    def _spikes(self, planner: CallPlanner) -> list[str] | Step:
        """What readings at an end lie far from the rest; or the step to know it."""
        plan = self._plan
        if not plan.tools.accepts(DeviceTool.STATISTICS, "percentiles"):
            return []
        gathered = plan.gathered(DeviceTool.STATISTICS, planner.measured())
        if not isinstance(gathered, list):
            return gathered
        results = [statistics_from_json(each.outcome.data) for each in gathered]
        told = (answer_anomalies.spikes(plan.report, plan.query, each) for each in results)
        return [text for text in told if text]

    def _series_text(self, kind: str, each: Gathered, planner: CallPlanner) -> str:
        query, report = self._plan.query, self._plan.report
        time = each.time(query.time)
        if kind == "features":
            return answer_series.features(report, query, each.outcome.data, time)
        series = series_from_json(each.outcome.data)
        code = series.device or each.outcome.device
        if not series.rows:
            return report.no_data(code, time, self._plan.talk.card(code))
        if kind == "rows" and query.ordered and query.fields and "order_by" in each.call.arguments:
            return answer_series.ends(report, query, series, time)
        if kind == "rows":
            return answer_series.rows(report, query, series, time)
        return answer_series.intervals(report, query, series, planner.aggregate_of(each.call), time)

    def _units(self, gathered: Sequence[Gathered]) -> dict[str, str]:
        series = [series_from_json(each.outcome.data) for each in gathered]
        return {
            column: each.units.get(column, "")
            for each in series
            for column in each.columns
            if any(number for number in each.points(column)[:1])
        }

    def last(self) -> Step:
        """The last reading: the newest rows, or where the tool can't tell them, those at the end of the data."""
        query = self._plan.query
        planner = CallPlanner(self._plan.talk, self._plan.tools, query)
        codes = query.devices[:MOST_SERIES]
        if not self._plan.tools.accepts(DeviceTool.QUERY, "newest_first"):
            missing = [code for code in codes if self._plan.talk.card(code) is None]
            if missing and not self._plan.talk.of(DeviceTool.LIST) and self._plan.tools.has(DeviceTool.LIST):
                return CallTools(calls=(self._plan.tools.call(DeviceTool.LIST, search=missing[0]),))
            codes = tuple(code for code in codes if (card := self._plan.talk.card(code)) and card.last_seen)
            if not codes:
                return self._plan.say(self._plan.report.unknown_devices(query.devices, self._plan.talk.cards))
        self._plan.left_out += ["devices"] if len(query.devices) > MOST_SERIES else []
        gathered = self._plan.gathered(DeviceTool.QUERY, planner.last(codes))
        if not isinstance(gathered, list):
            return gathered
        self._plan.heed("last", self._units(gathered))
        self._plan.notes += [Note(remark=Remark.NEWEST, words=())] if query.overview else []
        series = [series_from_json(each.outcome.data) for each in gathered]
        # Behind the newest rows those that have the text asked for: the last quality there is.
        series = [_last_known(newest, series[at + len(codes) :]) for at, newest in enumerate(series[: len(codes)])]
        return self._plan.say("\n\n".join(answer_series.last(self._plan.report, query, each) for each in series))

    def moment(self) -> Step:
        """The last rows at or before each moment."""
        plan = self._plan
        query = plan.query
        codes = query.devices if query.rank else query.devices[:MOST_SERIES]
        plan.left_out += ["devices"] if len(query.devices) > len(codes) else []
        times = query.periods or ((query.time,) if query.time else ())
        calls = CallPlanner(plan.talk, plan.tools, query).moments(codes, times)
        found = plan.gathered(DeviceTool.QUERY, calls)
        if not isinstance(found, list):
            return found
        plan.heed("rank" if query.rank else "at", self._units(found))
        series = [series_from_json(each.outcome.data) for each in found]
        asked = [time.start for time in times if time.start for _ in codes]
        named = [
            replace(each, device=each.device or code) for each, code in zip(series, [*codes] * len(times), strict=True)
        ]
        return plan.say(answer_moments.at_moments(plan.report, query, list(zip(named, asked, strict=True))))

    def trend(self) -> Step:
        """First how long the data is, then its course in some dozens of points."""
        self._plan.left_out += ["devices"] if len(self._plan.query.devices) > MOST_SERIES else []
        query = self._plan.query = replace(self._plan.query, devices=self._plan.query.devices[:MOST_SERIES])
        if query.recent and query.time is None:
            if not self._plan.talk.cards and self._plan.tools.has(DeviceTool.LIST):
                return CallTools(calls=(self._plan.tools.call(DeviceTool.LIST),))
            query = self._plan.query = replace(query, time=self._plan.latest_hour(query.devices))
        planner = CallPlanner(self._plan.talk, self._plan.tools, query)
        measured = self._plan.gathered(DeviceTool.STATISTICS, planner.measured())
        if not isinstance(measured, list):
            return measured
        results = [statistics_from_json(each.outcome.data) for each in measured]
        empty = next((result for result in results if result.row_count == 0), None)
        if empty is not None:
            return self._plan.explain_empty(empty.device or query.first_device, query.time)
        for result in results:
            names = [one.field for one in result.fields]
            if query.fields and len(unmatched_fields(query.fields, names)) == len(query.fields):
                return self._plan.say(self._plan.report.unknown_fields(result.device, query.fields, names))
        times = [each.time(query.time) for each in measured]
        if not self._plan.tools.has(DeviceTool.QUERY):
            answered = [Answered(result=result, time=time) for result, time in zip(results, times, strict=True)]
            return self._plan.say(self._plan.report.statistics(query, answered))
        return self._course(planner, results, times)

    def _course(
        self, planner: CallPlanner, results: Sequence[DeviceStatistics], times: Sequence[TimeRange | None]
    ) -> Step:
        gathered = self._plan.gathered(DeviceTool.QUERY, planner.courses(results))
        if not isinstance(gathered, list):
            return gathered
        series: list[Series] = [series_from_json(each.outcome.data) for each in gathered]
        thin = [
            code
            for code, each, result in zip(self._plan.query.devices, series, results, strict=True)
            if len(each.rows) < _FEW <= result.row_count
        ]
        if thin:
            # "Today" of a run that took twenty minutes: it lies within one or two points of the day's.
            gathered = self._plan.gathered(DeviceTool.QUERY, planner.courses(results, thin))
            if not isinstance(gathered, list):
                return gathered
            series = [series_from_json(each.outcome.data) for each in gathered]
        self._plan.heed("trend", {})
        texts = [
            answer_series.trend(self._plan.report, self._plan.query, each, time, result)
            for each, time, result in zip(series, times, results, strict=True)
        ]
        return self._plan.say("\n\n".join(texts))


def _last_known(newest: Series, labelled: Sequence[Series]) -> Series:
    """The newest rows, or the last one with a text where there is one and the newest have none."""
    for each in labelled[:1]:
        bare = all(row[at] is None for row in newest.rows for at in _places(newest, each.columns))
        if each.rows and bare:
            return replace(each, device=each.device or newest.device)
    return newest


def _places(series: Series, columns: Sequence[str]) -> list[int]:
    return [series.columns.index(name) for name in columns if name in series.columns]
