"""What is known while an answer is planned, and the steps every kind of answer takes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from llm_service.domain.offline.answer_fields import unconverted
from llm_service.domain.offline.answer_writer import Report
from llm_service.domain.offline.conversation import Conversation, ToolOutcome
from llm_service.domain.offline.field import match_field
from llm_service.domain.offline.gathering import Gathered, gather
from llm_service.domain.offline.heeding import missing_fields, parts_left_out
from llm_service.domain.offline.measure_text import amount_unit
from llm_service.domain.offline.partial_cover import partly_covered
from llm_service.domain.offline.query import Intent, Note, Remark, Statistic, StructuredQuery, TimeRange
from llm_service.domain.offline.toolbox import DeviceTool, PlannedCall, Toolbox

MOST_SERIES: Final = 4
_RECENT: Final = timedelta(hours=1)
_AMOUNT: Final = frozenset({Statistic.INTEGRAL})
_ENDS: Final = frozenset({Statistic.MAX, Statistic.MIN})
_TIMED: Final = frozenset({Statistic.EVENTS, Statistic.DURATION})


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTools:
    """Make these calls and come back with their results."""

    calls: tuple[PlannedCall, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Answer with this text."""

    text: str


Step = CallTools | Say


class PlanState:
    """A question with what is known about it, the notes on its reading, and the parts of it that are left out.

    `lead` is said before the answer.
    """

    def __init__(self, conversation: Conversation, tools: Toolbox, report: Report, query: StructuredQuery) -> None:
        self.talk = conversation
        self.tools = tools
        self.report = report
        self.query = query
        self.notes: list[Note] = []
        self.left_out: list[str] = []
        self.lead = ""
        self.used: list[ToolOutcome] = []

    def settle_counting(self) -> None:
        """Ask for readings in place of times, durations and amounts that no tool here can tell, and say so."""
        query = self.query
        timed = self.tools.accepts(DeviceTool.STATISTICS, "durations") and not query.interval
        added_up = self.tools.accepts(DeviceTool.STATISTICS, "integrals") and not query.interval
        untold = (frozenset[Statistic]() if timed else _TIMED) | (frozenset[Statistic]() if added_up else _AMOUNT)
        lost = untold & set(query.statistics)
        if query.intent is Intent.TREND or not lost:
            return
        kept = [each for each in query.statistics if each not in lost]
        self.query = replace(
            query, statistics=tuple(dict.fromkeys([*kept, *([Statistic.COUNT] if lost & _TIMED else [])]))
        )
        remark = Remark.READINGS if Statistic.EVENTS in lost else Remark.CANNOT
        self.notes += [Note(remark=remark, words=(written,)) for written in query.counted_as]

    def say(self, text: str) -> Say:
        """Return the answer `text` with what has to be said about the reading of the question."""
        remarks = self.report.remarks(self.query, self.notes, self.left_out)
        return Say(text=self.report.say.tidy("\n\n".join(filter(None, (self.lead, text, remarks)))))

    def nothing(self, empty: Sequence[tuple[str, TimeRange | None]]) -> str:
        """Say of each device that it has nothing in its range, and what it has."""
        lines = [self.report.no_data(code, time, self.talk.card(code)) for code, time in empty[:MOST_SERIES]]
        more = len(empty) - len(lines)
        return "\n".join([*lines, *([self.report.say.and_more(more)] if more else [])])

    def heed(self, kind: str, units: dict[str, str], codes: Sequence[str] = ()) -> None:
        """Note which parts of the question this kind of answer leaves out, and which units can't be converted."""
        query = self.query
        left_out = parts_left_out(query, kind)
        self.left_out += left_out
        self.notes += missing_fields(
            query, kind, codes=codes or query.devices, named=list(units), card_of=self.talk.card
        )
        if query.unit and "unit" not in left_out:
            asked = {field for phrase in query.fields for field in match_field(phrase, list(units))}
            if query.fields and not asked:
                return
            amounts = set(query.statistics) - _ENDS == {Statistic.INTEGRAL}
            units = {field: amount_unit(unit) for field, unit in units.items()} if amounts else units
            self.notes += unconverted(
                query, {field: unit for field, unit in units.items() if not asked or field in asked}
            )

    def latest_hour(self, codes: Sequence[str]) -> TimeRange | None:
        """Return the last hour in which one of the devices measured; None when that is not known."""
        cards = [self.talk.card(code) for code in codes]
        seen = [card.last_seen for card in cards if card and card.last_seen]
        return TimeRange(start=max(seen) - _RECENT) if seen else None

    def explain_empty(self, code: str, time: TimeRange | None) -> Step:
        """There is nothing in the range: say what range there is."""
        if self.talk.card(code) is None and not self.talk.of(DeviceTool.LIST) and self.tools.has(DeviceTool.LIST):
            return CallTools(calls=(self.tools.call(DeviceTool.LIST, search=code),))
        return self.say(self.report.no_data(code, time, self.talk.card(code)))

    def gathered(self, tool: DeviceTool, calls: Sequence[PlannedCall]) -> list[Gathered] | Step:
        """The outcomes of the calls, or the step that leads to them or explains their absence."""
        if not self.tools.has(tool):
            made = len(self.talk.outcomes)
            return Say(text=self.report.say.too_many_calls(made) if made else self.report.no_tools(self.query))
        found = gather(self.talk, calls)
        if found is None:
            return CallTools(calls=tuple(calls))
        self.used += [each.outcome for each in found]
        empty = next((each for each in found if each.outcome.empty), None)
        if empty is not None and all(each.outcome.empty for each in found):
            if len(found) > 1 and self.talk.listed_all:
                return self.say(self.nothing([(each.outcome.device, each.time(self.query.time)) for each in found]))
            return self.explain_empty(empty.outcome.device, empty.time(self.query.time))
        failed = next((each.outcome for each in found if each.outcome.error and not each.outcome.empty), None)
        if failed is not None:
            return Say(text=self.report.tool_failed(failed.tool, failed.error))
        if tool is DeviceTool.STATISTICS:
            self.notes += partly_covered(found, self.report.say.times)
        return found

    def failure_of(self, tool: DeviceTool) -> Say | None:
        """Return what to say when a call of `tool` failed, None when none did."""
        failed = next((outcome for outcome in self.talk.of(tool) if outcome.error), None)
        return Say(text=self.report.tool_failed(failed.tool, failed.error)) if failed else None
