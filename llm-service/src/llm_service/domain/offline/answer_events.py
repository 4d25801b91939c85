"""Answers about how often, when, which device, how fields go together."""

from collections.abc import Sequence

from llm_service.domain.offline import answer_states
from llm_service.domain.offline.answer_at_once import at_once
from llm_service.domain.offline.answer_beyond import beyond
from llm_service.domain.offline.answer_fields import fields_of, limited
from llm_service.domain.offline.answer_writer import Answered, Report, in_time
from llm_service.domain.offline.field import unmatched_fields
from llm_service.domain.offline.measure_text import Measure, shown_value
from llm_service.domain.offline.number_text import number, percent
from llm_service.domain.offline.phrases import Spells, Wording
from llm_service.domain.offline.query import Intent, Statistic, StructuredQuery
from llm_service.domain.offline.result import DeviceStatistics, FittingTime
from llm_service.domain.offline.verdict import may_say_yes

EXTREMES = (Statistic.MAX, Statistic.MIN)
_TIMED = frozenset({Statistic.EVENTS, Statistic.DURATION})

BY_READINGS = frozenset({Statistic.COUNT, Statistic.SHARE, Statistic.EVENTS, Statistic.DURATION})

# More ranges than these are listed in a line each.
_MOST_SPOKEN = 2


def fitting(report: Report, query: StructuredQuery, answered: Sequence[Answered]) -> str:
    """State how many readings fit the conditions, which share they are, or when they were."""
    timed = [each for each in answered if each.result.fitting] if _TIMED & set(query.statistics) else []
    if query.doing and timed:
        return answer_states.doings(report, query, [(each.result, each.time) for each in timed])
    if query.mean_time and timed:
        return answer_states.mean_times(report, query, [(each.result, each.time) for each in timed])
    if len(query.periods) > _MOST_SPOKEN and len(timed) == len(answered):
        return "\n".join(_listed(report, query, timed))
    if len(query.periods) > _MOST_SPOKEN and Statistic.SHARE in query.statistics and not query.when:
        return "\n".join(_shares(report, query, answered))
    texts = [_fitting_of(report, query, each) for each in answered]
    if query.at_once and (both := at_once(report, query, answered)):
        return "\n\n".join([both, *texts])
    verdict = _verdict(report, query, answered)
    texts = [verdict, *texts] if verdict else texts
    return "\n\n".join([*texts, *_together(report, query, answered), *_difference(report, query, answered)])


def _difference(report: Report, query: StructuredQuery, answered: Sequence[Answered]) -> list[str]:
    """By how much two durations (or numbers of times) differ, where they are compared."""
    answered = in_time(answered)
    times = [each.result.fitting for each in answered if each.result.fitting]
    asked = query.intent is Intent.COMPARE and len(times) == len(answered) == 2
    if not asked or not _TIMED & set(query.statistics):
        return []
    first, second = (_side(report, each, answered) for each in answered)
    if Statistic.DURATION not in query.statistics:
        return [report.say.difference(first, second, str(times[1].spells - times[0].spells), "")]
    more = times[1].seconds - times[0].seconds
    share = percent(more / times[0].seconds) if times[0].seconds else ""
    return [report.say.difference(first, second, f"{'-' * (more < 0)}{report.say.length(abs(more))}", share)]


def _verdict(report: Report, query: StructuredQuery, answered: Sequence[Answered]) -> str:
    """Yes or no, where it is asked whether one duration (or number of times) is above another; of two times the "
    "later."""
    answered = in_time(answered)
    times = [each.result.fitting for each in answered if each.result.fitting]
    if query.beyond and len(answered) == 2 and Statistic.SHARE in query.statistics:
        return _share_beyond(report, query, answered)
    if not query.beyond or len(times) != 2 or len(answered) != 2 or not _TIMED & set(query.statistics):
        return ""
    lasting = Statistic.DURATION in query.statistics
    values = [time.seconds if lasting else float(time.spells) for time in times]
    sides = [_side(report, each, answered) for each in answered]
    if answered[0].result.device == answered[1].result.device:
        values, sides = values[::-1], sides[::-1]
    return counted_beyond(report, query, (sides[0], sides[1]), (values[0], values[1]), lasting=lasting)


def _share_beyond(report: Report, query: StructuredQuery, answered: Sequence[Answered]) -> str:
    """Yes or no of two shares of the readings."""
    sides = [_side(report, each, answered) for each in answered]
    shares = [each.result.row_count / each.result.rows_in_range for each in answered if each.result.rows_in_range]
    if len(shares) != 2:
        return ""
    if answered[0].result.device == answered[1].result.device:
        shares, sides = shares[::-1], sides[::-1]

    def apart(change: float) -> str:
        return f"{percent(change)} %"

    name = report.say.statistic(Statistic.SHARE)
    return beyond(report.say, query, (sides[0], sides[1]), name, (shares[0], shares[1]), apart=apart)


def counted_beyond(
    report: Report, query: StructuredQuery, sides: tuple[str, str], values: tuple[float, float], *, lasting: bool
) -> str:
    """Say yes or no of two durations, or numbers of times, with by how much they differ."""
    name = report.say.statistic(Statistic.DURATION if lasting else Statistic.EVENTS)
    apart = report.say.length if lasting else number
    return beyond(report.say, query, sides, name, values, apart=apart)


def _side(report: Report, each: Answered, answered: Sequence[Answered]) -> str:
    several = len({each.time for each in answered}) > 1
    return f"{each.result.device} {report.say.period(each.time)}" if several else each.result.device


def _together(report: Report, query: StructuredQuery, answered: Sequence[Answered]) -> list[str]:
    """How long, and how often, several devices were so, all together."""
    times = [each.result.fitting for each in answered if each.result.fitting]
    several = len({each.result.device for each in answered}) == len(times) == len(answered) > 1
    asked = query.intent is not Intent.COMPARE and not query.whether
    if not several or not asked or query.periods or not _TIMED & set(query.statistics):
        return []
    counted = Statistic.EVENTS in query.statistics or query.least is not None
    told = [report.say.times_of(sum(time.spells for time in times))] if counted else []
    if Statistic.DURATION in query.statistics:
        told.append(report.say.length_in(sum(time.seconds for time in times), query.told_in))
    return [report.say.together(", ".join(told))]


def _listed(report: Report, query: StructuredQuery, answered: Sequence[Answered]) -> list[str]:
    """One line a range, the condition and the device once."""
    say, lines, device = report.say, list[str](), ""
    for each in _in_order(query, answered):
        if each.result.device != device:
            device = each.result.device
            lines.append(say.spells_head(device, say.where(query.conditions, any_of=query.any_condition)))
        if each.result.fitting:
            told = _spells(say, query, each.result, each.result.fitting)
            lines.append(say.spells_line(say.period(each.time), told))
    return [*lines, *_averaged(report, query, answered)]


def _shares(report: Report, query: StructuredQuery, answered: Sequence[Answered]) -> list[str]:
    """The share of each range in a line, the condition and the device once."""
    say, lines, device = report.say, list[str](), ""
    shares = [(each.result.row_count / (each.result.rows_in_range or 1), each) for each in answered]
    if query.rank:
        shares.sort(key=lambda pair: pair[0], reverse=Statistic.MIN not in query.statistics)
    for share, each in shares[: query.top or len(shares)]:
        if each.result.device != device:
            device = each.result.device
            lines.append(say.shares_head(device, say.where(query.conditions, any_of=query.any_condition)))
        counts = f"{each.result.row_count}/{each.result.rows_in_range}"
        lines.append(say.shares_line(say.period(each.time), percent(share), counts))
    return lines


def _averaged(report: Report, query: StructuredQuery, answered: Sequence[Answered]) -> list[str]:
    """The mean of all ranges where that is asked for, those that were cut counted by their part."""
    times = [each.result.fitting for each in answered if each.result.fitting]
    spans = [e.time.end - e.time.start for e in answered if e.time and e.time.start and e.time.end]
    if not query.averaged or not spans or len(spans) != len(times) or len({e.result.device for e in answered}) > 1:
        return []
    whole = sum(span / max(spans) for span in spans)
    if Statistic.DURATION in query.statistics:
        return [report.say.on_average(report.say.length(sum(time.seconds for time in times) / whole))]
    mean = number(sum(time.spells for time in times) / whole, 3)
    return [report.say.on_average(report.say.times_of(mean))]


def _in_order(query: StructuredQuery, answered: Sequence[Answered]) -> list[Answered]:
    """Ranges in the order of a ranking where one is asked for, else as they follow each other."""

    def key(each: Answered) -> float:
        time = each.result.fitting
        counted = Statistic.EVENTS in query.statistics and Statistic.DURATION not in query.statistics
        return 0.0 if time is None else float(time.spells) if counted else time.seconds

    ordered = sorted(answered, key=key, reverse=Statistic.MIN not in query.statistics) if query.rank else [*answered]
    return ordered[: query.top] if query.rank and query.top else ordered


def _fitting_of(report: Report, query: StructuredQuery, each: Answered) -> str:
    """State when or how often readings fit, and whether none but single ones did."""
    text = _times_of(report, query, each)
    return "\n".join(filter(None, (text, answer_states.single_ones(report, query, each.result))))


def _times_of(report: Report, query: StructuredQuery, each: Answered) -> str:
    say, result = report.say, each.result
    period, where = say.period(each.time), say.where(query.conditions, any_of=query.any_condition)
    single = query.each or query.least is not None
    if result.fitting and (_TIMED & set(query.statistics) or (single and query.when)):
        text = say.spells(result.device, period, where, _spells(say, query, result, result.fitting))
        listed = answer_states.stretches(report, query, result.fitting) if single else ""
        listed = listed or answer_states.longest(report, query, result.fitting)
        listed = listed or answer_states.lasting_ones(report, query, result.fitting)
        listed = "\n".join(filter(None, (listed, answer_states.silent(report, query, each))))
        if listed and query.once:
            # The last one is asked for: it comes first.
            return f"{listed}\n{text}"
        return f"{text}\n{listed}" if listed else text
    if query.since and result.fitting:
        return answer_states.since(report, query, each)
    if query.when or query.since:
        times = None
        if result.first_fitting and result.last_fitting and result.row_count:
            times = (say.times.stamp(result.first_fitting), say.times.stamp(result.last_fitting))
        text = say.fitting_times(result.device, period, where, times, result.row_count)
        listed = answer_states.stretches(report, query, result.fitting) if result.fitting and times else ""
        lead = (
            answer_states.longest(report, query, result.fitting) if query.longest and result.fitting and times else ""
        )
        return "\n".join(filter(None, (lead, text, listed, answer_states.edge(report, each))))
    if Statistic.SHARE in query.statistics:
        share = percent(result.row_count / result.rows_in_range) if result.rows_in_range else "0"
        return say.fitting_share(result.device, period, where, share, (result.row_count, result.rows_in_range))
    return say.fitting_count(result.device, period, where, result.row_count, result.rows_in_range)


def _spells(say: Wording, query: StructuredQuery, result: DeviceStatistics, time: FittingTime) -> Spells:
    return Spells(
        count=time.spells,
        total=say.length_in(time.seconds, query.told_in),
        whole=say.length(time.range_seconds),
        share=percent(time.seconds / time.range_seconds) if time.range_seconds else "0",
        fitting=result.row_count,
        readings=result.rows_in_range,
        longest=say.length(time.longest_seconds),
        begin=say.times.stamp(time.longest_start) if time.longest_start else "",
        whether=query.whether and may_say_yes(query),
        least=say.length(query.least.total_seconds()) if query.least else "",
        over=query.over,
        always=query.always and may_say_yes(query),
        mean=say.length(time.seconds / time.spells) if time.spells > 1 and (query.each or query.least) else "",
    )


def extreme_times(report: Report, query: StructuredQuery, answered: Sequence[Answered]) -> str:
    """State extremes with the times they were first reached."""
    lines: list[str] = []
    for each in answered:
        existing = [one.field for one in each.result.fields]
        unknown = unmatched_fields(query.fields, existing)
        if unknown:
            lines.append(report.unknown_fields(each.result.device, unknown, existing))
        for field in fields_of(query, existing) or (() if unknown else existing):
            lines += _extremes_of(report, query, each, field)
    return "\n".join(limited(report.say, lines))


def _extremes_of(report: Report, query: StructuredQuery, each: Answered, field: str) -> list[str]:
    one = each.result.of(field)
    lines: list[str] = []
    for statistic in (statistic for statistic in EXTREMES if statistic in query.statistics):
        time = (one.max_time if statistic is Statistic.MAX else one.min_time) if one else None
        if one is None or time is None:
            continue
        measure = Measure(statistic=statistic)
        value = shown_value(query, one, measure)
        period = report.period(query, each.time)
        name = report.name(field, measure)
        lines.append(report.say.extreme_time(each.result.device, period, name, value, report.say.times.stamp(time)))
    return lines or [report.say.no_numbers(each.result.device, report.period(query, each.time))]


def correlations(report: Report, query: StructuredQuery, answered: Sequence[Answered]) -> str:
    """State how the fields asked about go together; of one field, with each other one."""
    lines: list[str] = []
    for each in answered:
        existing = [one.field for one in each.result.fields]
        fields, unknown = fields_of(query, existing), unmatched_fields(query.fields, existing)
        if unknown:
            lines.append(report.unknown_fields(each.result.device, unknown, existing))
            continue
        for left, right, value in each.result.correlations:
            asked = {left, right} <= set(fields) if len(fields) > 1 else not fields or fields[0] in (left, right)
            if asked:
                period = report.period(query, each.time)
                r = number(value, 4)
                lines.append(
                    report.say.correlation(each.result.device, period, (left, right), r, each.result.row_count)
                )
    return "\n".join(limited(report.say, lines))
