"""What to do next about a question: call tools, or say something."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from llm_service.domain.offline.answer_writer import Report
from llm_service.domain.offline.conversation import Conversation, ToolOutcome
from llm_service.domain.offline.field import match_field
from llm_service.domain.offline.query import Intent, Statistic, StructuredQuery, TimeRange
from llm_service.domain.offline.result import series_from_json, statistics_from_json
from llm_service.domain.offline.toolbox import DeviceTool, PlannedCall, Toolbox

_SURE: Final = 0.5
_MOST_DEVICES: Final = 8
_RAW_ROWS: Final = 20
_LAST_SPAN: Final = timedelta(minutes=1)
_TREND_POINTS: Final = 48
_INTERVALS: Final = {
    1: "1s",
    5: "5s",
    10: "10s",
    30: "30s",
    60: "1m",
    300: "5m",
    600: "10m",
    1800: "30m",
    3600: "1h",
    21600: "6h",
    86400: "1d",
    604800: "7d",
}


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

    def step(self) -> Step:
        query = self._query
        if query.intent is Intent.CHAT:
            return Say(text=self._report.unconfigured())
        if not self._tools and not self._talk.outcomes:
            return Say(text=self._report.no_tools(query))
        if query.intent is Intent.LIST_DEVICES:
            return self._list()
        return self._identify() or self._answer()

    def _list(self) -> Step:
        if not self._talk.of(DeviceTool.LIST) and self._tools.has(DeviceTool.LIST):
            model_code = self._query.model_code or None
            return CallTools(calls=(self._tools.call(DeviceTool.LIST, model_code=model_code),))
        failed = self._failure(self._talk.of(DeviceTool.LIST))
        return failed or Say(text=self._report.devices(self._query.devices, self._talk.cards))

    def _identify(self) -> Step | None:
        """The steps until the devices are known; None when they are."""
        devices, known = self._query.devices, {card.code for card in self._talk.cards}
        unknown = [code for code in devices if code not in known]
        doubtful = not devices or (unknown and (self._query.confidence < _SURE or self._refused(unknown)))
        if not doubtful:
            return None
        if not self._talk.listed_all and self._tools.has(DeviceTool.LIST):
            return CallTools(calls=(self._tools.call(DeviceTool.LIST),))
        return self._failure(self._talk.of(DeviceTool.LIST)) or self._ask_back(unknown, known)

    def _ask_back(self, unknown: list[str], known: set[str]) -> Say | None:
        """What to say when the devices stay unknown after looking; None when only one can be meant."""
        if unknown and self._query.confidence < _SURE:
            return Say(text=self._report.unconfigured())
        if unknown:
            return Say(text=self._report.unknown_devices(unknown, self._talk.cards))
        if len(known) == 1:
            self._query = replace(self._query, devices=tuple(known))
            return None
        return Say(text=self._report.which_device(self._talk.cards))

    def _refused(self, codes: list[str]) -> bool:
        return any(outcome.not_found and outcome.device in codes for outcome in self._talk.outcomes)

    def _answer(self) -> Step:
        match self._query.intent:
            case Intent.FEATURES:
                return self._features()
            case Intent.TREND:
                return self._trend()
            case Intent.QUERY if Statistic.LAST in self._query.statistics:
                return self._last()
            case Intent.QUERY:
                return self._rows()
            case _:
                return self._statistics()

    def _statistics(self) -> Step:
        outcomes = self._gathered(DeviceTool.STATISTICS, fields=self._known_fields())
        if not isinstance(outcomes, list):
            return outcomes
        results = [statistics_from_json(outcome.data) for outcome in outcomes]
        empty = [result.device or self._query.devices[0] for result in results if result.row_count == 0]
        if empty:
            return self._explain_empty(empty[0])
        match self._query.intent:
            case Intent.COMPARE:
                return Say(text=self._report.comparison(self._query, results))
            case Intent.ANOMALY:
                return Say(text=self._report.anomalies(self._query, results))
            case _:
                return Say(text=self._report.statistics(self._query, results))

    def _explain_empty(self, code: str) -> Step:
        """There is nothing in the range: say what range there is."""
        if self._talk.card(code) is None and not self._talk.of(DeviceTool.LIST) and self._tools.has(DeviceTool.LIST):
            return CallTools(calls=(self._tools.call(DeviceTool.LIST, search=code),))
        return Say(text=self._report.no_data(code, self._query.time, self._talk.card(code)))

    def _features(self) -> Step:
        wanted = {"fields": self._known_fields(), "window_size": self._query.window_size or None}
        outcomes = self._gathered(DeviceTool.FEATURES, **wanted)
        if not isinstance(outcomes, list):
            return outcomes
        return Say(text=self._report.features(self._query, [outcome.data for outcome in outcomes]))

    def _rows(self) -> Step:
        outcomes = self._gathered(DeviceTool.QUERY, fields=self._known_fields(), limit=_RAW_ROWS)
        if not isinstance(outcomes, list):
            return outcomes
        results = [series_from_json(outcome.data) for outcome in outcomes]
        if not results[0].rows:
            return self._explain_empty(self._query.devices[0])
        return Say(text=self._report.rows(self._query, results))

    def _last(self) -> Step:
        """The last reading: list_devices knows when it was, device_query what it was."""
        code = self._query.devices[0]
        card = self._talk.card(code)
        if not self._talk.of(DeviceTool.LIST) and self._tools.has(DeviceTool.LIST):
            return CallTools(calls=(self._tools.call(DeviceTool.LIST, search=code),))
        if card is None or card.last_seen is None:
            return Say(text=self._report.unknown_devices([code], self._talk.cards))
        until = min(filter(None, (card.last_seen, self._query.time and self._query.time.end)))
        self._query = replace(self._query, time=TimeRange(start=until - _LAST_SPAN), devices=(code,))
        outcomes = self._gathered(DeviceTool.QUERY, fields=self._known_fields())
        if not isinstance(outcomes, list):
            return outcomes
        return Say(text=self._report.last(self._query, series_from_json(outcomes[0].data)))

    def _trend(self) -> Step:
        """First how long the data is, then its course in some dozens of points."""
        self._query = replace(self._query, devices=self._query.devices[:1])
        measured = self._gathered(DeviceTool.STATISTICS, fields=self._known_fields())
        if not isinstance(measured, list):
            return measured
        result = statistics_from_json(measured[0].data)
        if result.row_count == 0:
            return self._explain_empty(self._query.devices[0])
        if not self._tools.has(DeviceTool.QUERY):
            return Say(text=self._report.statistics(self._query, [result]))
        asked = self._query.time or TimeRange()
        fields = self._report.fields_of(self._query, result)
        outcomes = self._gathered(
            DeviceTool.QUERY,
            fields=list(fields) or None,
            interval=_interval(asked.start or result.time.start, asked.end or result.time.end),
            aggregate="mean",
        )
        if not isinstance(outcomes, list):
            return outcomes
        return Say(text=self._report.trend(self._query, series_from_json(outcomes[0].data)))

    def _gathered(self, tool: DeviceTool, **arguments: object) -> list[ToolOutcome] | Step:
        """The outcomes of `tool` for every device, or the step that leads to them or explains their absence."""
        codes = self._query.devices[:_MOST_DEVICES]
        done = {outcome.device: outcome for outcome in self._talk.of(tool)}
        missing = [code for code in codes if code not in done]
        if missing and not self._tools.has(tool):
            return Say(text=self._report.no_tools(self._query))
        if missing:
            time = self._query.time
            calls = (self._tools.call(tool, time=time, device_code=code, **arguments) for code in missing)
            return CallTools(calls=tuple(calls))
        outcomes = [done[code] for code in codes]
        empty = next((outcome for outcome in outcomes if outcome.empty), None)
        return self._explain_empty(empty.device) if empty else self._failure(outcomes) or outcomes

    def _failure(self, outcomes: list[ToolOutcome]) -> Say | None:
        failed = next((outcome for outcome in outcomes if outcome.error), None)
        return Say(text=self._report.tool_failed(failed.tool, failed.error)) if failed else None

    def _known_fields(self) -> list[str] | None:
        """The fields by their exact names when the devices' are known; otherwise all, and the report picks."""
        cards = [self._talk.card(code) for code in self._query.devices]
        fields: list[str] = []
        for phrase in self._query.fields:
            matches = [match_field(phrase, card.fields) for card in cards if card]
            if len(matches) < len(cards) or not all(matches):
                return None
            fields += [field for match in matches for field in match if field not in fields]
        return fields or None


def _interval(start: datetime | None, end: datetime | None) -> str:
    seconds = (end - start).total_seconds() / _TREND_POINTS if start and end else 60
    return next((name for width, name in _INTERVALS.items() if width >= seconds), "7d")
