"""What to do next about a question: call tools, or say something."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from llm_service.domain.offline import answer_events, answer_series
from llm_service.domain.offline.answer_writer import Answered, Report, unconverted
from llm_service.domain.offline.applicable import narrowed
from llm_service.domain.offline.calendar_rows import cut_alike, cut_by_calendar
from llm_service.domain.offline.conversation import Conversation
from llm_service.domain.offline.field import match_field, unmatched_fields
from llm_service.domain.offline.gathering import Gathered, gather
from llm_service.domain.offline.heeding import missing_fields, parts_left_out
from llm_service.domain.offline.plan_calls import CallPlanner
from llm_service.domain.offline.query import Intent, Note, Remark, Statistic, StructuredQuery, TimeRange
from llm_service.domain.offline.resolve import resolve_conditions, resolve_devices
from llm_service.domain.offline.result import (
    DeviceStatistics,
    Series,
    all_statistics_from_json,
    series_from_json,
    statistics_from_json,
)
from llm_service.domain.offline.toolbox import DeviceTool, PlannedCall, Toolbox

_SURE: Final = 0.5
_MOST_DEVICES: Final = 50
_MOST_SERIES: Final = 4
_EXPLAINING: Final = frozenset({"why", "reason", "cause", "root cause", "explain", "为什么", "为何", "原因", "解释"})
_EXTREMES: Final = frozenset({Statistic.MAX, Statistic.MIN})
_COUNTING: Final = frozenset({Statistic.COUNT, Statistic.SHARE})


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTools:
    """Make these calls and come back with their results."""

    calls: tuple[PlannedCall, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Answer with this text."""

    text: str


Step = CallTools | Say


def next_step(conversation: Conversation, tools: Toolbox, report: Report, query: StructuredQuery) -> Step:
    """Return the next step towards an answer to the question; the same input gives the same step.

    Every call is made at most once a turn, so the steps come to an end.
    """
    return _Planner(conversation, tools, report, query).step()


class _Planner:
    def __init__(self, conversation: Conversation, tools: Toolbox, report: Report, query: StructuredQuery) -> None:
        self._talk = conversation
        self._tools = tools
        self._report = report
        self._query = query
        self._notes: list[Note] = []
        self._left_out: list[str] = []

    def step(self) -> Step:
        query = self._query
        if query.intent is Intent.CHAT:
            return Say(text=self._report.unconfigured())
        if not self._tools and not self._talk.outcomes:
            return Say(text=self._report.no_tools(query))
        if query.intent is Intent.LIST_DEVICES:
            return self._list()
        return self._identify() or self._refuse() or self._restrict() or self._answer()

    def _say(self, text: str) -> Say:
        remarks = self._report.remarks(self._query, self._notes, self._left_out)
        return Say(text=f"{text}\n\n{remarks}" if remarks else text)

    def _list(self) -> Step:
        if not self._talk.of(DeviceTool.LIST) and self._tools.has(DeviceTool.LIST):
            model_code = self._query.model_code or None
            return CallTools(calls=(self._tools.call(DeviceTool.LIST, model_code=model_code),))
        failed = self._failure_of(DeviceTool.LIST)
        if failed:
            return failed
        found = resolve_devices(self._query, self._talk.cards)
        self._notes += found.notes
        if found.unknown:
            return self._say(self._report.unknown_devices(found.unknown, self._talk.cards, found.near))
        self._left_out += parts_left_out(self._query, "list")
        return self._say(self._report.devices(found.codes, self._talk.cards))

    def _identify(self) -> Step | None:
        """The steps until the devices are known; None when they are."""
        query, cards = self._query, self._talk.cards
        known = {card.code for card in cards}
        doubtful = not query.devices or any(
            code not in known and (query.confidence < _SURE or self._refused(code)) for code in query.devices
        )
        needs_cards = doubtful or query.conditions or query.references or query.except_devices or query.refused
        unlisted = not query.devices or not set(query.devices) <= known
        if needs_cards and unlisted and not self._talk.listed_all and self._tools.has(DeviceTool.LIST):
            return CallTools(calls=(self._tools.call(DeviceTool.LIST),))
        if failed := self._failure_of(DeviceTool.LIST):
            return failed
        return self._settle() if cards or self._talk.listed_all else None

    def _settle(self) -> Say | None:
        """Put the devices there are in place of those named; what to say when that can't be done."""
        query, cards = self._query, self._talk.cards
        found = resolve_devices(query, cards)
        doubted = [code for code in found.unknown if self._talk.listed_all or self._refused(code)]
        if doubted and query.confidence < _SURE:
            return Say(text=self._report.unconfigured())
        self._notes += found.notes
        if doubted:
            return self._say(self._report.unknown_devices(doubted, cards, found.near))
        codes = (*found.codes, *(code for code in found.unknown if not code.startswith("#")))
        if codes:
            self._left_out += ["devices"] if len(codes) > _MOST_DEVICES else []
            self._query, notes = narrowed(replace(query, devices=codes[:_MOST_DEVICES]), cards)
            self._notes += notes
            return None
        if len(cards) == 1:
            self._query = replace(query, devices=(cards[0].code,))
            return None
        return self._say(self._report.which_device(cards))

    def _refused(self, code: str) -> bool:
        return any(outcome.not_found and outcome.device == code for outcome in self._talk.outcomes)

    def _refuse(self) -> Step | None:
        """Say what can't be done; a question for the reason is answered with what is known."""
        query = self._query
        if not query.refused:
            return None
        measurable = query.fields or query.statistics or query.intent is not Intent.STATISTICS
        if query.refused.lower() in _EXPLAINING and measurable:
            self._notes.append(Note(remark=Remark.CANNOT, words=(query.refused,)))
            return None
        return Say(text=self._report.say.cannot(query.refused))

    def _restrict(self) -> Step | None:
        """Put the conditions in the devices' own terms; what to say when they have no such field."""
        query = self._query
        if not query.conditions:
            return None
        card = self._talk.card(query.first_device)
        if card is None:
            return None
        found = resolve_conditions(query, card)
        if found.unknown_fields:
            return self._say(self._report.unknown_fields(card.code, found.unknown_fields, card.fields))
        self._notes += [
            Note(remark=Remark.NOT_CONVERTED, words=(condition.unit, unit)) for condition, unit in found.not_converted
        ]
        if found.not_converted:
            self._left_out.append("conditions")
        self._query = replace(query, conditions=found.conditions)
        return None

    def _answer(self) -> Step:
        self._cut_rows()
        query = self._query
        if query.intent is Intent.TREND and not query.interval:
            return self._trend()
        if (kind := self._series_kind()) is not None:
            return self._series(kind)
        return self._last() if self._asks_last() else self._statistics(self._kind())

    def _cut_rows(self) -> None:
        """Put ranges of the zone's days in place of the rows that the store would cut by UTC."""
        query = self._query
        card = self._talk.card(query.first_device)
        cut = cut_by_calendar(query, card.extent if card else None)
        if cut is not None:
            self._left_out += ["rank"] if query.rank else []
            self._query = replace(cut, rank=False)
        elif not cut_alike(query):
            self._left_out.append("zone")

    def _series_kind(self) -> str | None:
        """Which kind of answer from rows it is, None for one from statistics."""
        query = self._query
        if query.intent is Intent.FEATURES:
            return "features"
        if query.interval:
            return "intervals"
        return "rows" if query.intent is Intent.QUERY and Statistic.LAST not in query.statistics else None

    def _asks_last(self) -> bool:
        query = self._query
        alone = query.statistics == (Statistic.LAST,)
        return alone and not query.rank and query.intent in {Intent.QUERY, Intent.STATISTICS}

    def _kind(self) -> str:
        """Which kind of answer the statistics make."""
        query, statistics = self._query, set(self._query.statistics)
        several = len(query.devices) > 1 or len(query.periods) > 1
        counted = bool(statistics) and statistics <= _COUNTING
        kinds = (
            ("anomaly", query.intent is Intent.ANOMALY),
            ("correlation", Statistic.CORRELATION in statistics),
            ("rank", query.rank and len(query.devices) > 1),
            ("compare", query.intent is Intent.COMPARE and several and not statistics & _COUNTING),
            ("when", query.when and bool(statistics & _EXTREMES) and not query.conditions),
            ("fitting", bool(query.conditions) and (query.when or counted)),
        )
        return next((kind for kind, holds in kinds if holds), "statistics")

    def _statistics(self, kind: str) -> Step:
        query = self._query
        planner = CallPlanner(self._talk, self._tools, query)
        calls = planner.statistics(kind)
        self._left_out += planner.left_out
        gathered = self._gathered(DeviceTool.STATISTICS, calls)
        if not isinstance(gathered, list):
            return gathered
        answered = [
            Answered(result=_named(result, each.outcome.device), time=each.time(time))
            for each, time in zip(gathered, planner.times, strict=True)
            for result in all_statistics_from_json(each.outcome.data)
        ]
        there = [each for each in answered if each.result.row_count or each.result.rows_in_range]
        if len(answered) > 1 and not there:
            return self._say(self._nothing([(each.result.device, each.time) for each in answered]))
        if not there:
            return self._explain_empty(answered[0].result.device or query.first_device, answered[0].time)
        units = {one.field: one.unit for each in there for one in each.result.fields}
        self._heed(kind, units, tuple(dict.fromkeys(each.result.device for each in there)))
        text = self._written(kind, there)
        empty = [(each.result.device, each.time) for each in answered if each not in there]
        return self._say("\n\n".join([text, *([self._nothing(empty)] if empty else [])]))

    def _nothing(self, empty: Sequence[tuple[str, TimeRange | None]]) -> str:
        """Say of each device that it has nothing in its range, and what it has."""
        lines = [self._report.no_data(code, time, self._talk.card(code)) for code, time in empty[:_MOST_SERIES]]
        more = len(empty) - len(lines)
        return "\n".join([*lines, *([self._report.say.and_more(more)] if more else [])])

    def _written(self, kind: str, answered: Sequence[Answered]) -> str:
        query, report = self._query, self._report
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

    def _heed(self, kind: str, units: dict[str, str], codes: Sequence[str] = ()) -> None:
        """Note which parts of the question this kind of answer leaves out, and which units can't be converted."""
        query = self._query
        left_out = parts_left_out(query, kind)
        self._left_out += left_out
        self._notes += missing_fields(
            query, kind, codes=codes or query.devices, named=list(units), card_of=self._talk.card
        )
        if query.unit and "unit" not in left_out:
            asked = {field for phrase in query.fields for field in match_field(phrase, list(units))}
            self._notes += unconverted(
                query, {field: unit for field, unit in units.items() if not asked or field in asked}
            )

    def _explain_empty(self, code: str, time: TimeRange | None) -> Step:
        """There is nothing in the range: say what range there is."""
        if self._talk.card(code) is None and not self._talk.of(DeviceTool.LIST) and self._tools.has(DeviceTool.LIST):
            return CallTools(calls=(self._tools.call(DeviceTool.LIST, search=code),))
        return self._say(self._report.no_data(code, time, self._talk.card(code)))

    def _series(self, kind: str) -> Step:
        """Answers from rows or features, one call a device."""
        query = self._query
        planner = CallPlanner(self._talk, self._tools, query)
        tool = DeviceTool.FEATURES if kind == "features" else DeviceTool.QUERY
        codes = query.devices[:_MOST_SERIES]
        calls = planner.series(kind, codes)
        self._left_out += planner.left_out
        gathered = self._gathered(tool, calls)
        if not isinstance(gathered, list):
            return gathered
        self._heed(kind, self._units(gathered))
        texts = [self._series_text(kind, each, planner) for each in gathered]
        if len(query.devices) > len(codes):
            texts.append(self._report.say.and_more(len(query.devices) - len(codes)))
        return self._say("\n\n".join(texts))

    def _series_text(self, kind: str, each: Gathered, planner: CallPlanner) -> str:
        query, report = self._query, self._report
        time = each.time(query.time)
        if kind == "features":
            return answer_series.features(report, query, each.outcome.data, time)
        series = series_from_json(each.outcome.data)
        code = series.device or each.outcome.device
        if not series.rows:
            return report.no_data(code, time, self._talk.card(code))
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

    def _last(self) -> Step:
        """The last reading: the newest rows, or where the tool can't tell them, those at the end of the data."""
        query = self._query
        planner = CallPlanner(self._talk, self._tools, query)
        codes = query.devices[:_MOST_SERIES]
        if not self._tools.accepts(DeviceTool.QUERY, "newest_first"):
            missing = [code for code in codes if self._talk.card(code) is None]
            if missing and not self._talk.of(DeviceTool.LIST) and self._tools.has(DeviceTool.LIST):
                return CallTools(calls=(self._tools.call(DeviceTool.LIST, search=missing[0]),))
            codes = tuple(code for code in codes if (card := self._talk.card(code)) and card.last_seen)
            if not codes:
                return self._say(self._report.unknown_devices(query.devices, self._talk.cards))
        self._left_out += ["devices"] if len(query.devices) > _MOST_SERIES else []
        gathered = self._gathered(DeviceTool.QUERY, planner.last(codes))
        if not isinstance(gathered, list):
            return gathered
        self._heed("last", self._units(gathered))
        series = [series_from_json(each.outcome.data) for each in gathered]
        return self._say("\n\n".join(answer_series.last(self._report, query, each) for each in series))

    def _trend(self) -> Step:
        """First how long the data is, then its course in some dozens of points."""
        self._left_out += ["devices"] if len(self._query.devices) > _MOST_SERIES else []
        query = self._query = replace(self._query, devices=self._query.devices[:_MOST_SERIES])
        planner = CallPlanner(self._talk, self._tools, query)
        measured = self._gathered(DeviceTool.STATISTICS, planner.measured())
        if not isinstance(measured, list):
            return measured
        results = [statistics_from_json(each.outcome.data) for each in measured]
        empty = next((result for result in results if result.row_count == 0), None)
        if empty is not None:
            return self._explain_empty(empty.device or query.first_device, query.time)
        for result in results:
            names = [one.field for one in result.fields]
            if query.fields and len(unmatched_fields(query.fields, names)) == len(query.fields):
                return self._say(self._report.unknown_fields(result.device, query.fields, names))
        times = [each.time(query.time) for each in measured]
        if not self._tools.has(DeviceTool.QUERY):
            answered = [Answered(result=result, time=time) for result, time in zip(results, times, strict=True)]
            return self._say(self._report.statistics(query, answered))
        return self._course(planner, results, times)

    def _course(
        self, planner: CallPlanner, results: Sequence[DeviceStatistics], times: Sequence[TimeRange | None]
    ) -> Step:
        gathered = self._gathered(DeviceTool.QUERY, planner.courses(results))
        if not isinstance(gathered, list):
            return gathered
        self._heed("trend", {})
        series: list[Series] = [series_from_json(each.outcome.data) for each in gathered]
        texts = [
            answer_series.trend(self._report, self._query, each, time) for each, time in zip(series, times, strict=True)
        ]
        return self._say("\n\n".join(texts))

    def _gathered(self, tool: DeviceTool, calls: Sequence[PlannedCall]) -> list[Gathered] | Step:
        """The outcomes of the calls, or the step that leads to them or explains their absence."""
        if not self._tools.has(tool):
            return Say(text=self._report.no_tools(self._query))
        found = gather(self._talk, calls)
        if found is None:
            return CallTools(calls=tuple(calls))
        empty = next((each for each in found if each.outcome.empty), None)
        if empty is not None and all(each.outcome.empty for each in found):
            if len(found) > 1 and self._talk.listed_all:
                return self._say(self._nothing([(each.outcome.device, each.time(self._query.time)) for each in found]))
            return self._explain_empty(empty.outcome.device, empty.time(self._query.time))
        failed = next((each.outcome for each in found if each.outcome.error and not each.outcome.empty), None)
        if failed is not None:
            return Say(text=self._report.tool_failed(failed.tool, failed.error))
        return found

    def _failure_of(self, tool: DeviceTool) -> Say | None:
        failed = next((outcome for outcome in self._talk.of(tool) if outcome.error), None)
        return Say(text=self._report.tool_failed(failed.tool, failed.error)) if failed else None


def _named(result: DeviceStatistics, code: str) -> DeviceStatistics:
    """The result with the device it was asked of, which an error does not name."""
    return result if result.device else replace(result, device=code)
