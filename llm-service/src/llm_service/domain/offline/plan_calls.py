"""The calls of device tools that a question needs."""

from collections.abc import Container, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from llm_service.domain.offline.conversation import Conversation
from llm_service.domain.offline.field import match_field
from llm_service.domain.offline.gathering import condition_arguments, dropped
from llm_service.domain.offline.query import Statistic, StructuredQuery, TimeRange
from llm_service.domain.offline.resolve import resolve_conditions
from llm_service.domain.offline.result import DeviceStatistics
from llm_service.domain.offline.spike import TAILS
from llm_service.domain.offline.toolbox import DeviceTool, PlannedCall, Toolbox
from llm_service.domain.offline.verdict import beside_fields

_RAW_ROWS: Final = 20
_LAST_ROWS: Final = 20
_LAST_SPAN: Final = timedelta(minutes=1)
_TREND_POINTS: Final = 48
_MOST_INTERVALS: Final = 1_000
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
_AGGREGATES: Final = {
    Statistic.MEAN: "mean",
    Statistic.MIN: "min",
    Statistic.MAX: "max",
    Statistic.FIRST: "first",
    Statistic.LAST: "last",
    Statistic.COUNT: "count",
    Statistic.SUM: "sum",
    Statistic.STD: "std",
    Statistic.MEDIAN: "median",
}
# The names of arguments by the part of a question they carry.
_TIMED: Final = frozenset({Statistic.EVENTS, Statistic.DURATION})
_PARTS: Final = {
    "conditions": "conditions",
    "any_of": "conditions",
    "percentiles": "percentiles",
    "extreme_times": "when",
    "shortest_spell": "least",
}

_EXTREMES: Final = frozenset({Statistic.MAX, Statistic.MIN, Statistic.RANGE})
# The kinds of answers that tell extremes.
_TELLING: Final = frozenset({"statistics", "when", "rank", "compare"})
_CONDITIONS: Final = {"conditions": "conditions", "any_of": "conditions"}
_NEXT: Final = timedelta(microseconds=1)


class CallPlanner:
    """Plans calls for a question whose devices are known; `left_out` names what no call can carry.

    There are none of a tool that is not offered.
    """

    def __init__(self, talk: Conversation, tools: Toolbox, query: StructuredQuery) -> None:
        self._talk = talk
        self._tools = tools
        self._query = query
        self.left_out: list[str] = []
        self.times: list[TimeRange | None] = []

    def statistics(self, kind: str) -> list[PlannedCall]:
        """Return calls of device_statistics for every device and every range; `times` are those of the calls."""
        query = self._query
        if not self._tools.has(DeviceTool.STATISTICS):
            return []
        tails = TAILS if self.tells_spikes(kind) and not query.within else ()
        wanted: dict[str, object] = {
            **condition_arguments(query),
            "percentiles": list(dict.fromkeys((*query.percentiles, *tails))) or None,
            "durations": True if self._asks_durations(kind) else None,
            "shortest_spell": _shortest(query) if self._asks_durations(kind) and query.conditions else None,
            "integrals": True if Statistic.INTEGRAL in query.statistics or self._tells_beside(kind) else None,
            "extreme_times": True if kind == "when" or tails or (kind == "rank" and query.when) else None,
            "correlations": True if kind in {"correlation", "power"} else None,
            "value_counts": True if self.asks_values() else None,
            "fields": None if kind == "correlation" or self.asks_values() else self.known_fields(query.devices),
        }
        lost = dropped(self._tools, DeviceTool.STATISTICS, {**wanted, "fields": None})
        self.left_out += [part for name, part in _PARTS.items() if name in lost]
        calls: list[PlannedCall] = []
        for time in query.periods or (query.time,):
            for codes in self._batches():
                others = list(codes[1:]) or None
                arguments = {**self._in_terms_of(codes[0], wanted), "other_device_codes": others}
                calls.append(self._tools.call(DeviceTool.STATISTICS, time=time, device_code=codes[0], **arguments))
                self.times.append(time)
        return calls

    def tells_spikes(self, kind: str) -> bool:
        """Whether an answer of this kind tells extremes, and the tool can tell those that lie far from the rest."""
        query = self._query
        asked = set(query.statistics) & _EXTREMES or (not query.statistics and kind == "statistics")
        able = all(self._tools.accepts(DeviceTool.STATISTICS, each) for each in ("percentiles", "extreme_times"))
        if self.asks_values():
            return False
        if query.robust and able and kind == "statistics":
            return True
        return (
            bool(asked)
            and able
            and kind in _TELLING
            and not (kind == "rank" and (self._ranks_otherwise() or not query.fields))
        )

    def _tells_beside(self, kind: str) -> bool:
        """Whether fields are told beside the conditions that are counted, and what flowed of them."""
        return kind == "fitting" and bool(self._query.conditions and beside_fields(self._query))

    def _ranks_otherwise(self) -> bool:
        """Whether the extreme only says which end of another number comes first: "highest mean"."""
        return bool(set(self._query.statistics) - _EXTREMES or self._query.percentiles)

    def _asks_durations(self, kind: str) -> bool:
        timed = bool(_TIMED & set(self._query.statistics))
        if (
            kind in {"statistics", "rank"}
            and Statistic.MISSING_RATIO in self._query.statistics
            and not self._query.conditions
        ):
            # Where rows are missing altogether, no field's share of missing values tells it.
            return True
        return (kind in {"fitting", "rank", "power"} and timed) or (
            kind == "fitting" and (self._query.when or self._query.since)
        )

    def _batches(self) -> list[tuple[str, ...]]:
        """The devices of each call: all in one where the tool can and they have the same fields, in the same units."""
        codes = self._query.devices
        cards = [self._talk.card(code) for code in codes]
        alike = all(cards) and len({(card.fields, frozenset(card.units.items())) for card in cards if card}) == 1
        if len(codes) > 1 and alike and self._tools.accepts(DeviceTool.STATISTICS, "other_device_codes"):
            return [codes]
        return [(code,) for code in codes]

    def asks_values(self) -> bool:
        """Whether a text field is asked about: its values are counted."""
        cards = [self._talk.card(code) for code in self._query.devices]
        texts = [name for card in cards if card for name in card.text_fields]
        usual = "quality_label" in self._query.fields and not any(cards)
        return usual or any(match_field(phrase, texts) for phrase in self._query.fields)

    def series(self, kind: str, codes: Sequence[str]) -> list[PlannedCall]:
        """Return calls for rows, rows per interval or features of `codes`."""
        query = self._query
        if not self._tools.has(DeviceTool.FEATURES if kind == "features" else DeviceTool.QUERY):
            return []
        fields = self.known_fields(codes)
        conditions = condition_arguments(query)
        if kind == "features":
            wanted: dict[str, object] = {"fields": fields, **self._windows()}
            return [self._call(DeviceTool.FEATURES, code, query.time, wanted) for code in codes]
        if kind == "rows":
            limit = query.limit or _RAW_ROWS
            wanted = {"fields": fields, "limit": limit, **self._order(fields), **conditions}
            self._note_lost(wanted, {**_CONDITIONS, "newest_first": "limit", "order_by": "ordered"})
            return [self._call(DeviceTool.QUERY, code, query.time, wanted) for code in codes]
        assert query.interval
        calls: list[PlannedCall] = []
        for aggregate in self._aggregates():
            wanted = {
                "fields": fields,
                "interval": f"{query.interval.total_seconds():g}s",
                "aggregate": aggregate,
                "limit": _MOST_INTERVALS,
                **conditions,
            }
            self._note_lost(wanted, {**_CONDITIONS, "interval": "interval"})
            calls += [self._call(DeviceTool.QUERY, code, query.time, wanted) for code in codes]
        return calls

    def _windows(self) -> dict[str, object]:
        """How the rows are cut into windows."""
        query = self._query
        if query.window_length is None:
            return {"window_size": query.window_size or None}
        if not self._tools.accepts(DeviceTool.FEATURES, "window_length"):
            self.left_out.append("window_size")
            return {}
        return {"window_length": f"{query.window_length.total_seconds():g}s"}

    def _order(self, fields: Sequence[str] | None) -> dict[str, object]:
        """The order in which the rows are cut off."""
        query = self._query
        if query.ordered and fields:
            return {"order_by": fields[0], "descending": True if query.ordered == "highest" else None}
        return {"newest_first": True if query.limit and query.newest else None}

    def _aggregates(self) -> list[str]:
        asked = [each for each in self._query.statistics if each in _AGGREGATES]
        if len(asked) < len(self._query.statistics):
            self.left_out.append("statistics")
        if self._query.rank and len(asked) > 1:
            asked = [each for each in asked if each not in {Statistic.MAX, Statistic.MIN}][:1] or asked[:1]
        return [_AGGREGATES[each] for each in asked] or ["mean"]

    def aggregate_of(self, call: PlannedCall) -> Statistic:
        """Return what a call reduces each interval to."""
        name = call.arguments.get("aggregate", "mean")
        return next((each for each, aggregate in _AGGREGATES.items() if aggregate == name), Statistic.MEAN)

    def last(self, codes: Sequence[str]) -> list[PlannedCall]:
        """Return calls for the newest rows of `codes`."""
        query = self._query
        if not self._tools.has(DeviceTool.QUERY):
            return []
        fields = self.known_fields(codes)
        if fields and query.conditions:
            fields = list(dict.fromkeys([*fields, *(each.field for each in query.conditions if each.field)]))
        if self._tools.accepts(DeviceTool.QUERY, "newest_first"):
            newest: dict[str, object] = {
                "fields": fields,
                "limit": _LAST_ROWS,
                "newest_first": True,
                **condition_arguments(query),
            }
            calls = [self._call(DeviceTool.QUERY, code, query.time, newest) for code in codes]
            return [*calls, *self._labelled(codes)]
        calls: list[PlannedCall] = []
        for code in codes:
            card = self._talk.card(code)
            seen = card.last_seen if card else None
            end = query.time.end if query.time else None
            until = min(moment for moment in (seen, end) if moment)
            wanted: dict[str, object] = {"fields": fields}
            calls.append(self._call(DeviceTool.QUERY, code, TimeRange(start=until - _LAST_SPAN), wanted))
        return calls

    def _labelled(self, codes: Sequence[str]) -> list[PlannedCall]:
        """Calls for the last row that has a text where one is asked for: machines at rest have no quality."""
        query = self._query
        cards = [card for code in codes if (card := self._talk.card(code))]
        texts = {name for card in cards for phrase in query.fields for name in match_field(phrase, card.text_fields)}
        if len(texts) != 1 or query.conditions or not self._tools.accepts(DeviceTool.QUERY, "conditions"):
            return []
        name = next(iter(texts))
        wanted: dict[str, object] = {
            "fields": [name],
            "limit": 1,
            "newest_first": True,
            "conditions": [{"field": name, "operator": "!=", "value": ""}],
        }
        return [self._call(DeviceTool.QUERY, code, query.time, wanted) for code in codes]

    def moments(self, codes: Sequence[str], times: Sequence[TimeRange]) -> list[PlannedCall]:
        """Return calls for the last rows of `codes` at or before each of the moments `times` begin with."""
        if not self._tools.has(DeviceTool.QUERY):
            return []
        wanted: dict[str, object] = {"fields": self.known_fields(codes), "limit": _LAST_ROWS, "newest_first": True}
        ends = [TimeRange(end=time.start + _NEXT) for time in times if time.start]
        return [self._call(DeviceTool.QUERY, code, end, wanted) for end in ends for code in codes]

    def measured(self) -> list[PlannedCall]:
        """Return a call of device_statistics for each device, to learn what range there is."""
        wanted: dict[str, object] = {
            "fields": self.known_fields(self._query.devices),
            "extreme_times": True,
            "percentiles": list(TAILS) if self._tools.accepts(DeviceTool.STATISTICS, "percentiles") else None,
            **condition_arguments(self._query),
        }
        if not self._tools.has(DeviceTool.STATISTICS):
            return []
        return [self._call(DeviceTool.STATISTICS, code, self._query.time, wanted) for code in self._query.devices]

    def courses(self, results: Sequence[DeviceStatistics], finer: Container[str] = ()) -> list[PlannedCall]:
        """Return calls for the course of the fields asked for, in some dozens of points.

        Of `finer` devices the readings fill a small part of the range alone: theirs are as many times closer.
        """
        query = self._query
        if not self._tools.has(DeviceTool.QUERY):
            return []
        asked = query.time or TimeRange()
        calls: list[PlannedCall] = []
        for code, result in zip(query.devices, results, strict=True):
            existing = [one.field for one in result.fields]
            fields = [field for phrase in query.fields for field in match_field(phrase, existing)]
            start, end = asked.start or result.time.start, asked.end or result.time.end
            wanted: dict[str, object] = {
                "fields": list(dict.fromkeys(fields)) or None,
                "interval": _interval(start, end, _TREND_POINTS if code in finer else 1),
                "aggregate": "mean",
                **condition_arguments(query),
            }
            self._note_lost(wanted, _CONDITIONS)
            calls.append(self._call(DeviceTool.QUERY, code, query.time, wanted))
        return calls

    def _call(self, tool: DeviceTool, code: str, time: TimeRange | None, wanted: dict[str, object]) -> PlannedCall:
        return self._tools.call(tool, time=time, device_code=code, **self._in_terms_of(code, wanted))

    def _in_terms_of(self, code: str, wanted: dict[str, object]) -> dict[str, object]:
        """`wanted` with the question's conditions as a device has them: its spelling of a field, and its unit."""
        card, usual = self._talk.card(code), condition_arguments(self._query)
        if card is None or not self._query.conditions or any(wanted.get(name) != usual[name] for name in usual):
            return wanted
        found = resolve_conditions(self._query, card)
        if found.unknown_fields or found.not_converted:
            return wanted
        return {**wanted, **condition_arguments(replace(self._query, conditions=found.conditions))}

    def _note_lost(self, wanted: dict[str, object], parts: dict[str, str]) -> None:
        lost = dropped(self._tools, DeviceTool.QUERY, wanted)
        self.left_out += [part for name, part in parts.items() if name in lost and part not in self.left_out]

    def known_fields(self, codes: Sequence[str]) -> list[str] | None:
        """The fields by their exact names when all the devices have the same; otherwise all, and the report picks."""
        if self._query.tells_state:
            return None
        cards = [self._talk.card(code) for code in codes]
        fields: list[str] = []
        for phrase in self._query.fields:
            matches = [match_field(phrase, card.fields) for card in cards if card]
            if len(matches) < len(cards) or not all(matches) or len(set(matches)) > 1:
                return None
            fields += matches[0]
        return list(dict.fromkeys(fields)) or None


def _shortest(query: StructuredQuery) -> str | None:
    """The length that spells have to have, a millisecond more where they have to be longer."""
    if query.least is None:
        return None
    return f"{query.least.total_seconds() + (0.001 if query.over else 0):.10g}s"


def _interval(start: datetime | None, end: datetime | None, closer: int = 1) -> str:
    seconds = (end - start).total_seconds() / _TREND_POINTS / closer if start and end else 60
    return next((name for width, name in _INTERVALS.items() if width >= seconds), "7d")
