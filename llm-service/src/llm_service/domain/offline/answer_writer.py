"""Answers written from what the tools returned: which numbers, in which order, for which question."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from llm_service.domain.offline.answer_beyond import beyond
from llm_service.domain.offline.answer_fields import fields_of, limited
from llm_service.domain.offline.field import match_field, unmatched_fields
from llm_service.domain.offline.measure_text import (
    DIGITS,
    Measure,
    added_up,
    change_share,
    measures_of,
    shown,
    shown_value,
)
from llm_service.domain.offline.number_text import number, percent
from llm_service.domain.offline.phrases import Wording
from llm_service.domain.offline.phrases_states import Stretch
from llm_service.domain.offline.query import Note, Remark, Statistic, StructuredQuery, TimeRange
from llm_service.domain.offline.ratio import ratio_unit
from llm_service.domain.offline.result import DeviceCard, DeviceStatistics, FieldStatistics
from llm_service.domain.offline.small_talk import SmallTalk
from llm_service.domain.offline.words_question import ABSENT, COSTS, PIECES, TO_COME

_MOST_DEVICES: Final = 40
_SIGMAS: Final = 4.0
_MISSING: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Statistics of a device over the range they were asked for."""

    result: DeviceStatistics
    time: TimeRange | None


def in_time(answered: Sequence[Answered]) -> Sequence[Answered]:
    """Return two ranges of a device with the earlier first, as a change goes from it to the later."""
    times = [each.time.start for each in answered if each.time and each.time.start]
    devices = {each.result.device for each in answered}
    return (
        answered[::-1] if len(answered) == len(times) == 2 and len(devices) == 1 and times[0] > times[1] else answered
    )


class Report:
    """Writes answers in the language of `say`; `degraded` says that models are configured and could not answer.

    With `begun` something was answered before, and how to get a model is told to who asks for that alone.
    """

    def __init__(self, say: Wording, *, degraded: bool = False, begun: bool = False) -> None:
        self.say = say
        self._degraded = degraded
        self._begun = begun

    def unconfigured(self) -> str:
        """Say that no model answers: none is configured, or those that are can't."""
        return self.say.models_failed() if self._degraded else self.say.unconfigured()

    def talk(self, talk: SmallTalk) -> str:
        """Answer what asks nothing of devices."""
        say = self.say
        match talk:
            case SmallTalk.THANKS | SmallTalk.FAREWELL | SmallTalk.NICETY:
                said = {SmallTalk.THANKS: say.thanked, SmallTalk.FAREWELL: say.farewell}
                return said.get(talk, say.at_service)()
            case SmallTalk.CLOCK if say.times.now is not None:
                return say.clock(say.times.stamp(say.times.now))
            case SmallTalk.HELP | SmallTalk.GREETING:
                return f"{say.identity()} {self.unconfigured()}"
            case SmallTalk.OTHER:
                rest = say.examples() if self._begun and not self._degraded else self.unconfigured()
                return f"{say.not_of_devices()} {rest}".strip()
            case _:
                return self.unconfigured()

    def unanswerable(self, query: StructuredQuery) -> str:
        """Say why readings can't tell what was asked, "" where that is not known of its words."""
        words = query.refused.lower()
        if words in COSTS:
            return self.say.no_price(words)
        if words in ABSENT or words.startswith(("who", "谁", "是谁", "哪位", "什么人")):
            return self.say.absent(query.refused)
        if words in PIECES:
            return self.say.no_pieces(query.refused)
        now, start = self.say.times.now, query.time.start if query.time else None
        later = bool(words and now and start and start > now)
        return self.say.to_come(query.refused) if words in TO_COME or later else ""

    def no_tools(self, query: StructuredQuery) -> str:
        """Say that nothing here can read the telemetry the question needs."""
        return self.say.models_failed() if self._degraded else self.say.no_tools()

    def tool_failed(self, tool: str, message: str) -> str:
        """Explain a tool's error in its own words."""
        return self.say.tool_failed(tool, message)

    def which_device(self, cards: Sequence[DeviceCard], near: Sequence[str] = ()) -> str:
        """Ask back for the device, by those whose name a word of the question is near to."""
        text = self.say.which_device([card.code for card in cards])
        return f"{text} {self.say.did_you_mean(near)}" if near else text

    def unknown_devices(self, codes: Sequence[str], cards: Sequence[DeviceCard], near: Sequence[str] = ()) -> str:
        """Say which devices there are instead of `codes`, and which of them may be meant."""
        text = self.say.unknown_devices(codes, [card.code for card in cards])
        return f"{text} {self.say.did_you_mean(near)}" if near else text

    def unknown_fields(self, device: str, fields: Sequence[str], existing: Sequence[str]) -> str:
        """Say which fields there are instead."""
        return self.say.unknown_fields(device, fields, existing)

    def no_data(self, code: str, time: TimeRange | None, card: DeviceCard | None) -> str:
        """Say that the range is empty and which is not."""
        return self.say.no_data(code, time, card.extent if card else None)

    def devices(self, codes: Sequence[str], cards: Sequence[DeviceCard]) -> str:
        """List all devices, or the ones asked for."""
        chosen = [card for card in cards if card.code in codes]
        listed = (chosen or cards)[:_MOST_DEVICES]
        more = len(chosen or cards) - len(listed)
        text = self.say.device_list(listed, len(listed) + more)
        return f"{text}\n{self.say.and_more(more)}" if more else text

    def units(self, query: StructuredQuery, codes: Sequence[str], cards: Sequence[DeviceCard]) -> str:
        """Tell the units of the fields asked for, of all fields without any; devices that are alike in one line."""
        lines: dict[tuple[tuple[str, str], ...], list[str]] = {}
        for card in [each for each in cards if each.code in codes] or cards:
            names = fields_of(query, card.fields) or (() if query.fields else card.fields)
            numeric = tuple((name, card.units.get(name, "")) for name in names if name not in card.text_fields)
            if numeric:
                lines.setdefault(numeric, []).append(card.code)
        if not lines:
            existing = list(dict.fromkeys(name for card in cards for name in card.fields))
            return self.unknown_fields(", ".join(codes), query.fields, existing)
        told = [self.say.units(", ".join(each), numeric) for numeric, each in lines.items()]
        return "\n".join(limited(self.say, told))

    def remarks(self, query: StructuredQuery, notes: Sequence[Note], left_out: Sequence[str]) -> str:
        """Say how the question was read, and name what of it was left out; "" for nothing to say."""
        lines = [self._remark(note) for note in (*query.notes, *notes)]
        if query.unread:
            lines.append(self.say.unread(query.unread))
        if left_out:
            lines.append(self.say.left_out([self.say.slot(name) for name in left_out]))
        return "\n".join(dict.fromkeys(filter(None, lines)))

    def _remark(self, note: Note) -> str:
        say = self.say
        told: dict[Remark, Callable[..., str]] = {
            Remark.READ_AS: say.read_as,
            Remark.DAY_FIRST: say.read_as,
            Remark.CANNOT: say.cannot_part,
            Remark.NOT_CONVERTED: say.not_converted,
            Remark.NOT_MEASURED: say.not_measured,
            Remark.READINGS: say.readings_counted,
            Remark.OVERVIEW: say.overview,
            Remark.NO_FIELD: say.no_field,
            Remark.NEWEST: say.newest_overview,
            Remark.NOT_DRAWN: say.not_drawn,
            Remark.NOT_TABLED: say.not_tabled,
            Remark.ONCE_MORE: say.once_more,
            Remark.STARTS: say.starts_told,
            Remark.LASTING: say.lasting_told,
            Remark.OEE: say.oee_told,
            Remark.LABELLED: say.of_labelled,
            Remark.UNLABELLED: say.unlabelled,
            Remark.PARTLY: say.partly,
        }
        return told[note.remark](*note.words)

    def statistics(self, query: StructuredQuery, answered: Sequence[Answered]) -> str:
        """State what was asked of each device: one number as a sentence, several as a list."""
        return "\n\n".join(self._statistics_of(query, each) for each in answered)

    def period(self, query: StructuredQuery, time: TimeRange | None, where: bool = True) -> str:
        """Name the range and, where nothing else does, the conditions."""
        period = self.say.period(time)
        return (
            f"{period} {self.say.where(query.conditions, any_of=query.any_condition)}".rstrip()
            if where and query.conditions
            else period
        )

    def _statistics_of(self, query: StructuredQuery, each: Answered) -> str:
        result, period = each.result, self.period(query, each.time)
        if query.statistics == (Statistic.COUNT,) and not query.fields:
            return self.say.row_count(result.device, period, result.row_count)
        if result.row_count == 0:
            return self._none_fits(query, each)
        text = self._values(query, each)
        numeric = fields_of(query, [one.field for one in result.fields])
        if not text or (numeric and query.statistics):
            # Beside the labels' counts the numbers that were asked for.
            text = "\n".join(filter(None, (self._numbers(query, result, period), text)))
        gaps = self._gaps(query, result) if Statistic.MISSING_RATIO in query.statistics else ""
        gaps = "\n".join(filter(None, (gaps, self._lost(result)))) if gaps else ""
        return f"{text}\n{gaps}" if gaps else text

    def _gaps(self, query: StructuredQuery, result: DeviceStatistics) -> str:
        """Where rows are missing altogether, of gaps that last as long as is asked; "" when that is not known."""
        told = result.fitting
        if told is None:
            return ""
        stamp, length = self.say.times.stamp, self.say.length
        least = query.least.total_seconds() if query.least and not query.conditions else 0.0
        chosen = [gap for gap in told.longest_gaps if gap.seconds > least or (gap.seconds == least and not query.over)]
        lines = [Stretch(begin=stamp(gap.start), end=stamp(gap.end), length=length(gap.seconds)) for gap in chosen]
        most = max(zip(chosen, lines, strict=True), key=lambda pair: pair[0].seconds, default=None)
        longest = most[1] if most else None
        if len(chosen) < len(told.longest_gaps):
            return self.say.gaps(result.device, len(chosen), length(sum(gap.seconds for gap in chosen)), lines, longest)
        return self.say.gaps(result.device, told.gaps, length(told.gap_seconds), lines, longest)

    def _lost(self, result: DeviceStatistics) -> str:
        """About how many readings the gaps are, by how many there are in the rest of the time; "" without gaps."""
        told = result.fitting
        if told is None or not told.gap_seconds or not told.range_seconds or not result.row_count:
            return ""
        rate = result.row_count / told.range_seconds
        lost = round(told.gap_seconds * rate)
        return self.say.lost_readings(lost, number(1 / rate, 2)) if lost > 0 else ""

    def _numbers(self, query: StructuredQuery, result: DeviceStatistics, period: str) -> str:
        existing = [one.field for one in result.fields]
        fields = fields_of(query, existing)
        unknown = unmatched_fields(query.fields, existing)
        if unknown and not fields:
            return self.unknown_fields(result.device, unknown, existing)
        chosen = [one for one in (map(result.of, fields) if fields else result.fields) if one]
        if query.ratio and len(chosen) == 2 and (ratio := self._ratio(query, result, chosen, period)):
            return ratio
        if not chosen:
            return self.say.no_numbers(result.device, period)
        measures = measures_of(query)
        if len(chosen) == 1 and len(measures) == 1:
            return self._sentence(query, measures[0], result, chosen[0], period)
        head = self.say.statistics_head(result.device, period, result.row_count)
        lines = [self._line(query, measures, one) for one in chosen]
        unmatched = [self.unknown_fields(result.device, unknown, existing)] if unknown else []
        return "\n".join([head, *limited(self.say, lines), *unmatched])

    def _ratio(
        self, query: StructuredQuery, result: DeviceStatistics, chosen: Sequence[FieldStatistics], period: str
    ) -> str:
        """State the ratio of two means, "" where the second is nothing."""
        above, below = (one.values.get(Statistic.MEAN) for one in chosen)
        if above is None or not below:
            return ""
        value = shown(above / below, ratio_unit(chosen[0].unit, chosen[1].unit), query)
        means = [shown(mean, one.unit, query) for mean, one in zip((above, below), chosen, strict=True)]
        fields = (chosen[0].field, chosen[1].field)
        return self.say.ratio(result.device, period, fields, value, (means[0], means[1]))

    def _none_fits(self, query: StructuredQuery, each: Answered) -> str:
        where = self.say.where(query.conditions, any_of=query.any_condition)
        period = self.say.period(each.time)
        return self.say.fitting_count(each.result.device, period, where, 0, each.result.rows_in_range)

    def _values(self, query: StructuredQuery, each: Answered) -> str:
        """How often a text field has each value, when that is what is asked about."""
        for phrase in query.fields:
            for field in match_field(phrase, list(each.result.value_counts)):
                counts = each.result.value_counts[field]
                total = sum(counts.values()) or 1
                head = self.say.values_head(each.result.device, self.period(query, each.time), field, total)
                lines = [
                    f"- {value or self.say.no_value()}: {count} ({percent(count / total)} %)"
                    for value, count in sorted(counts.items(), key=lambda pair: -pair[1])
                ]
                return "\n".join([head, *limited(self.say, lines)])
        return ""

    def _sentence(
        self, query: StructuredQuery, measure: Measure, result: DeviceStatistics, one: FieldStatistics, period: str
    ) -> str:
        count = int(one.values.get(Statistic.COUNT, result.row_count))
        name = self.name(one.field, measure)
        return self.say.one_value(result.device, period, name, shown_value(query, one, measure), count)

    def name(self, field: str, measure: Measure) -> str:
        """Name a number of a field."""
        return self.say.named(field, measure.name(self.say))

    def _line(self, query: StructuredQuery, measures: Sequence[Measure], one: FieldStatistics) -> str:
        digits = DIGITS
        values = (f"{measure.name(self.say)} {shown_value(query, one, measure, digits)}" for measure in measures)
        return f"- {one.field}: {', '.join(values)}"

    def comparison(self, query: StructuredQuery, answered: Sequence[Answered]) -> str:
        """Put devices (or ranges) side by side, by the mean when no statistic is named."""
        measures = measures_of(query) if query.statistics else [Measure(statistic=Statistic.MEAN)]
        first = answered[0].result
        shared = [one.field for one in first.fields if all(each.result.of(one.field) for each in answered)]
        fields = fields_of(query, shared)
        unknown = unmatched_fields(query.fields, shared)
        if unknown and not fields:
            return self.unknown_fields(first.device, unknown, shared)
        lines = [self._compared(query, field, each, answered) for field in fields or shared for each in measures]
        names = self._sides(answered)
        several = len({each.time for each in answered}) > 1
        period = (
            self.say.where(query.conditions, any_of=query.any_condition)
            if several
            else self.period(query, answered[0].time)
        )
        told = "\n".join([self.say.comparison_head(names, period).replace(" :", ":"), *limited(self.say, lines)])
        verdict = self._verdict(query, (fields or shared)[0], measures[0], answered)
        return f"{verdict}\n{told}" if verdict else told

    def _verdict(self, query: StructuredQuery, field: str, measure: Measure, answered: Sequence[Answered]) -> str:
        """Whether the first of two devices is above (or below) the second, "" where that is not asked."""
        ones = [one for each in answered if (one := each.result.of(field))]
        values = [value for one in ones if (value := measure.value(one)) is not None]
        if not query.beyond or len(values) != 2 or len(answered) != 2 or len({one.unit for one in ones}) > 1:
            return ""
        # Of two times it is asked of the later.
        same = answered[0].result.device == answered[1].result.device
        asked, other = reversed(in_time(answered)) if same else answered
        first, second = values if asked is answered[0] else values[::-1]
        names, unit = self._sides([asked, other]), ones[0].unit
        name, sides = self.name(field, measure), (names[0], names[1])
        return beyond(self.say, query, sides, name, (first, second), apart=self._apart(query, measure, unit))

    def _apart(self, query: StructuredQuery, measure: Measure, unit: str) -> Callable[[float], str]:
        """How a difference of a number is told."""

        def told(change: float) -> str:
            amount = added_up(change, unit) if measure.statistic is Statistic.INTEGRAL else (change, unit)
            return shown(*amount, query, difference=True)

        return told

    def _sides(self, answered: Sequence[Answered]) -> list[str]:
        if len({each.time for each in answered}) == 1:
            return [each.result.device for each in answered]
        return [f"{each.result.device} {self.say.period(each.time)}" for each in answered]

    def _compared(self, query: StructuredQuery, field: str, measure: Measure, answered: Sequence[Answered]) -> str:
        answered = in_time(answered)
        names = self._sides(answered)
        ones = [one for each in answered if (one := each.result.of(field))]
        texts = [shown_value(query, one, measure) for one in ones]
        line = f"- {field} {measure.name(self.say)}: {', '.join(map(' '.join, zip(names, texts, strict=True)))}"
        base, other = measure.value(ones[0]), measure.value(ones[-1])
        if len(ones) != 2 or base is None or other is None:
            return line
        share = change_share(base, other, ones[0].unit, query)
        change = self._apart(query, measure, ones[0].unit)(other - base)
        return f"{line}; {self.say.difference(names[0], names[1], change, share)}"

    def anomalies(self, query: StructuredQuery, answered: Sequence[Answered]) -> str:
        """Name the fields with values beyond 4 standard deviations or with more than 1 % missing."""
        return "\n\n".join(self._anomalies_of(query, each) for each in answered)

    def _anomalies_of(self, query: StructuredQuery, each: Answered) -> str:
        period, result = self.period(query, each.time), each.result
        existing = [one.field for one in result.fields]
        fields = fields_of(query, existing) or tuple(existing)
        lines = [line for field in fields if (one := result.of(field)) for line in self._odd(one)]
        if not lines:
            return self.say.steady(result.device, period)
        return "\n".join([self.say.anomalies_head(result.device, period), *limited(self.say, lines)])

    def _odd(self, one: FieldStatistics) -> list[str]:
        mean, std = one.values.get(Statistic.MEAN), one.values.get(Statistic.STD)
        lines: list[str] = []
        for extreme in (one.values.get(Statistic.MIN), one.values.get(Statistic.MAX)):
            if mean is None or not std or extreme is None or abs(extreme - mean) <= _SIGMAS * std:
                continue
            sigmas = number(abs(extreme - mean) / std, 3)
            lines.append(self.say.extreme(one.field, shown(extreme, one.unit, None), sigmas, number(mean, DIGITS)))
        missing = one.values.get(Statistic.MISSING_RATIO, 0.0)
        return [*lines, self.say.missing(one.field, percent(missing))] if missing > _MISSING else lines
