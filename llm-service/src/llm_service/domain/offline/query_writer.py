"""The query that a reading comes to."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from llm_service.domain.offline.counted_interval import counting_intervals
from llm_service.domain.offline.period import midnight
from llm_service.domain.offline.quality_question import graded
from llm_service.domain.offline.query import (
    Intent,
    Language,
    Note,
    Operator,
    Remark,
    Statistic,
    StructuredQuery,
    TimeRange,
)
from llm_service.domain.offline.reading import Reading
from llm_service.domain.offline.two_times import now_against, set_side_by_side, until_this_time
from llm_service.domain.offline.unit import field_of_unit

# The units of what flows together of a usual field.
_AMOUNTS: Final = {"gas_flow": ("L", "mL", "m3", "m³"), "wire_feed": ("m", "cm", "mm", "km")}
# What is used in an hour, by field.
_RATES: Final = {"gas_flow": "L/h", "wire_feed": "m/h"}
_PER_MINUTE: Final = {"gas_flow": "L/min", "wire_feed": "m/min"}
# What tells how values are spread.
_SPREAD: Final = (5.0, 25.0, 50.0, 75.0, 95.0)
_USED: Final = {unit: field for field, units in _AMOUNTS.items() for unit in units}
_MORE_THAN: Final = frozenset(
    {
        *(
            "more than",
            "less than",
            "longer than",
            "shorter than",
            "more often than",
            "less often than",
            "more",
            "longer",
        ),
        *("more frequently than", "fewer than", "than", "比"),
    }
)
_BEGUN: Final = frozenset({"start", "started", "begin", "began", "开始"})
_NOT_RUNNING: Final = "current < 5"
_TURNED: Final = ("hasn", "haven", "didn", "has not", "have not", "did not", "not ", "没", "未")
_ENDS: Final = frozenset({Statistic.MAX, Statistic.MIN})
_COUNTED: Final = frozenset({Statistic.COUNT, Statistic.SHARE, Statistic.EVENTS, Statistic.DURATION})


def query_of(reading: Reading, language: Language, unread: tuple[str, ...]) -> StructuredQuery:
    """Return the query of a reading."""
    query = set_side_by_side(graded(_query_of(reading, language, unread)), reading)
    query = _idle_ones(_held_now(_hour_of_use(query, reading), reading))
    query = _more_than(_longest_one(query))
    return counting_intervals(query, reading.counted_width) if reading.counted_width else query


def _hour_of_use(query: StructuredQuery, reading: Reading) -> StructuredQuery:
    """ "几点用气最多", "when did it use the most gas": the hour in which most was used, no moment."""
    ends = set(query.statistics) - {Statistic.INTEGRAL}
    flows = len(query.fields) == 1 and query.fields[0] in _AMOUNTS and len(query.devices) == 1
    if not query.when or not reading.topic.uses or not flows or query.conditions or len(ends) != 1 or not ends <= _ENDS:
        return query
    statistics = (Statistic.INTEGRAL, *ends)
    return replace(query, when=False, rank=True, interval=timedelta(hours=1), statistics=statistics)


def _held_now(query: StructuredQuery, reading: Reading) -> StructuredQuery:
    """ "List all machines with a temperature above 50 now": which of them are so at the moment."""
    numeric = query.conditions and all(not isinstance(each.value, str) for each in query.conditions)
    conditioned = {each.field for each in query.conditions}
    plain = query.statistics == (Statistic.LAST,) and set(query.fields) <= conditioned and not query.time
    if not numeric or not plain or not query.all_devices:
        return query
    return replace(query, intent=Intent.STATISTICS, statistics=(), fields=(), holds=True, whether=True)


def _idle_ones(query: StructuredQuery) -> StructuredQuery:
    """ "Is there a machine that hasn't welded in the last 30 minutes": how long each did, the least first."""
    states = [note.words[0] for note in query.notes if note.remark is Remark.READ_AS and note.words[1] == _NOT_RUNNING]
    turned = any(each.lower().startswith(_TURNED) for each in states)
    named = query.devices or query.references or query.follows
    if not turned or not query.whether or query.holds or named or len(query.conditions) != 1 or not query.time:
        return query
    running = replace(query.conditions[0], operator=Operator.GE)
    statistics = (Statistic.DURATION, Statistic.MIN)
    asked = replace(query, conditions=(running,), statistics=statistics, whether=False, always=False)
    return replace(asked, rank=True, all_devices=True)


def _longest_one(query: StructuredQuery) -> StructuredQuery:
    """ "Which machine had the longest break, and when did it start": told with when each began."""
    if query.longest == 1 and query.when and query.conditions and not query.rank:
        # "What was the longest stop, and when did it start": told from when to when.
        return replace(query, unread=tuple(phrase for phrase in query.unread if phrase.lower() not in _BEGUN))
    if not query.rank or query.longest != 1 or not query.conditions:
        return query
    unread = tuple(phrase for phrase in query.unread if phrase.lower() not in _BEGUN)
    return replace(query, statistics=(Statistic.DURATION,), when=False, each=False, unread=unread)


def _more_than(query: StructuredQuery) -> StructuredQuery:
    """ "Did A weld more than B": both are told with how long, or how often, they did."""
    said = next((phrase for phrase in query.unread if phrase.lower() in _MORE_THAN), "")
    two = len(query.devices) == 2 and query.conditions and not query.fields
    if not said or not two or not (query.whether or query.statistics == (Statistic.EVENTS,)):
        return query
    often = "often" in said or "frequent" in said
    statistics = (Statistic.EVENTS if often else Statistic.DURATION,)
    unread = tuple(phrase for phrase in query.unread if phrase != said)
    return replace(query, intent=Intent.COMPARE, statistics=statistics, unread=unread, whether=False, always=False)


def _query_of(reading: Reading, language: Language, unread: tuple[str, ...]) -> StructuredQuery:
    topic, devices = reading.topic, reading.devices
    intent = _intent(reading)
    ranges = _compared(reading, intent)
    everywhere = intent is Intent.ANOMALY and not _about_devices(reading) and not topic.fields
    if everywhere and unread:
        intent, everywhere = Intent.CHAT, False
    statistics = topic.statistics or _amount(reading)
    percentiles = reading.percentiles or (_SPREAD if topic.spread else ())
    if percentiles:
        statistics = (*statistics, Statistic.PERCENTILE)
    rank = topic.which and reading.measures and intent is not Intent.LIST_DEVICES and not topic.holds
    missing = Statistic.MISSING_RATIO in topic.statistics and bool(ranges) and not topic.fields
    if Statistic.INTEGRAL in statistics and "/" in reading.unit:
        # "How many litres a minute did it use" is how fast it flowed.
        statistics = tuple(Statistic.MEAN if each is Statistic.INTEGRAL else each for each in statistics)
    chosen = rank or topic.holds or missing or (intent is Intent.ANOMALY and topic.which)
    interval = reading.interval
    unit = reading.unit
    if (rate := _hourly(reading, statistics)) and interval:
        unit, interval, statistics = rate, None, (Statistic.MEAN,)
    if rank and {Statistic.STD, Statistic.RANGE} <= set(statistics):
        # "Which fluctuates more" is decided by one number.
        statistics = tuple(each for each in statistics if each is not Statistic.RANGE)
    if rank and {Statistic.STD, Statistic.MEAN} <= set(statistics):
        # "The mean of each, and which is steadiest": the last one decides.
        statistics = (Statistic.STD, *(each for each in statistics if each is not Statistic.STD))
    if rank and intent is Intent.TREND and topic.varies:
        # "Whose current changed the most": by how it varied, whichever way it went.
        intent, statistics = Intent.STATISTICS, (*(s for s in statistics if s is Statistic.MIN), Statistic.STD)
    elif rank and intent is Intent.TREND:
        # "Whose temperature rose the most": by how far each one went; what fell the most comes first as the lowest.
        lowest = (Statistic.MIN in statistics) != topic.falls
        intent, statistics = Intent.STATISTICS, (*((Statistic.MIN,) if lowest else ()), Statistic.CHANGE)
    ranked = bool(interval and interval.which and reading.topic.fields and not reading.conditions)
    if ranked and Statistic.COUNT in statistics:
        # "The three hours with the highest temperature: which ones" counts no readings.
        statistics = tuple(Statistic.MEAN if each is Statistic.COUNT else each for each in statistics)
    latest = reading.latest if reading.conditions else 0
    # "Gaps longer than 30 seconds" last as well.
    timed = bool(reading.conditions) or Statistic.MISSING_RATIO in statistics
    return StructuredQuery(
        intent=intent,
        language=language,
        devices=devices.codes,
        fields=_fields(reading, statistics),
        statistics=statistics or ((Statistic.EVENTS,) if latest and not reading.when else ()),
        time=ranges[0] if ranges else None,
        periods=ranges if len(ranges) > 1 else (),
        model_code=reading.model_code,
        window_size=reading.window_size,
        window_length=reading.window_length,
        confidence=_confidence(reading, intent),
        conditions=reading.conditions,
        percentiles=percentiles,
        interval=interval.width if interval else None,
        limit=reading.rows.limit if reading.rows else 0,
        newest=reading.rows.newest if reading.rows else True,
        when=reading.when,
        rank=rank or bool(interval and interval.which),
        all_devices=devices.everyone
        or everywhere
        or (chosen and not devices.codes and not devices.references and not _is_of_it(reading, intent)),
        everywhere=everywhere and not devices.everyone,
        except_devices=devices.left_out,
        references=devices.references,
        unit=unit,
        zone=reading.times.zone,
        unread=() if intent is Intent.CHAT else unread,
        notes=(*reading.notes, *reading.times.notes, *topic.notes, *_overview(reading, intent), *_amount_note(reading)),
        refused=topic.refused,
        follows=topic.follows,
        any_condition=reading.any_condition and len(reading.conditions) > 1,
        whether=topic.whether,
        top=reading.top or (interval.top if interval else 0),
        asks_unit=topic.asks_unit,
        recent=topic.recent and not ranges and interval is None,
        counted_as=topic.counted_as,
        once=topic.once and not latest and not reading.spells.longest,
        latest=latest,
        since=topic.since,
        holds=topic.holds,
        versus=topic.versus,
        beyond=topic.beyond if intent is Intent.COMPARE and not topic.versus else "",
        ordered=reading.rows.ordered if reading.rows else "",
        decimals=reading.decimals,
        least=reading.spells.least if timed or topic.follows else None,
        over=reading.spells.over and bool(timed or topic.follows),
        each=topic.each or latest > 0,
        by_group=devices.by_group,
        robust=topic.robust,
        back=reading.times.back,
        undated=reading.times.undated,
        half_open=reading.times.half_open,
        another=devices.another,
        same_time=reading.same_time,
        narrows=reading.narrows,
        adds=reading.adds,
        owner=reading.owner,
        again=reading.again,
        others=devices.others and topic.follows,
        judged=reading.judged,
        always=topic.always,
        averaged=topic.averaged,
        of_them=topic.of_them and not devices.codes and not devices.references,
        longest=reading.spells.longest if reading.conditions else 0,
        first=topic.first,
        negation="" if intent is Intent.CHAT else reading.negation,
    )


def _is_of_it(reading: Reading, intent: Intent) -> bool:
    """Whether "it" is the machine that a question whether something holds is about."""
    topic = reading.topic
    return topic.holds and not topic.which and (bool(reading.owner) or intent is Intent.CHAT)


def _amount_note(reading: Reading) -> tuple[Note, ...]:
    """The remark of what an amount without a name was taken to be of: "how many metres" is of the wire."""
    taken = not reading.topic.fields and not reading.conditions and _USED.get(reading.unit)
    return (Note(remark=Remark.READ_AS, words=(reading.unit, taken)),) if taken else ()


def _overview(reading: Reading, intent: Intent) -> tuple[Note, ...]:
    """The remark that an overview is given for want of anything else: "is WLD001 ready" is no question for one."""
    topic = reading.topic
    named = reading.measures or topic.named or topic.refused or reading.when or topic.follows or topic.which
    plain = intent is Intent.STATISTICS and not named and not topic.since and topic.asks
    return (Note(remark=Remark.OVERVIEW, words=()),) if plain else ()


def _compared(reading: Reading, intent: Intent) -> tuple[TimeRange, ...]:
    """The ranges, with now or today behind the one that they are compared with: "hotter than yesterday"."""
    ranges, now, devices = reading.times.ranges, reading.times.now, reading.devices
    if intent is Intent.COMPARE and now is not None and len(ranges) == 2:
        ranges = until_this_time(ranges, now) if reading.same_time else _until_now(ranges, now)
    if intent is Intent.COMPARE and len(reading.topic.statistics) > 1 and len(ranges) == 1:
        # "The mean and the median, how far apart": the two numbers are set side by side, no two times.
        return ranges
    alone = len(devices.codes) + len(devices.references) < 2 and not devices.everyone
    if intent is not Intent.COMPARE or len(ranges) != 1 or now is None or not alone or reading.topic.follows:
        return ranges
    there = now_against(ranges[0], now)
    return (*ranges, there) if there else ranges


def _until_now(ranges: tuple[TimeRange, ...], now: datetime) -> tuple[TimeRange, ...]:
    """ "Today … yesterday at the same time": both days up to this time of day, where one is whole and one a moment."""
    moments = [each for each in ranges if each.instant and each.start]
    today = [each for each in ranges if not each.instant and each.start == midnight(now)]
    if len(moments) != 1 or len(today) != 1:
        return ranges
    moment = moments[0].start or now
    both = {id(moments[0]): TimeRange(start=midnight(moment), end=moment), id(today[0]): replace(today[0], end=now)}
    return tuple(both[id(each)] for each in ranges)


def _fields(reading: Reading, statistics: tuple[Statistic, ...]) -> tuple[str, ...]:
    """The fields asked for; of "mean current above 100" the one of the condition, unless readings are counted."""
    counted = set(statistics) <= _COUNTED or reading.when
    if reading.topic.common:
        return reading.topic.fields
    if reading.judged:
        return (reading.judged.field,)
    if reading.rows and reading.rows.by:
        return tuple(dict.fromkeys((reading.rows.by, *reading.topic.fields)))
    labels = {condition.field for condition in reading.conditions if isinstance(condition.value, str)}
    fields = tuple(field for field in reading.topic.fields if field not in labels)
    if not fields and not reading.conditions and (named := field_of_unit(reading.unit) or _USED.get(reading.unit)):
        # "How many amps is it pulling", "how many metres did it weld".
        return (named,)
    conditional = [condition.field for condition in reading.conditions if not isinstance(condition.value, str)]
    if counted:
        kept = tuple(field for field in fields if field not in conditional)
        return kept if statistics or reading.when else fields
    return fields or tuple(dict.fromkeys(field for field in conditional if field))


def _amount(reading: Reading) -> tuple[Statistic, ...]:
    """The amount, where the unit asked for is one of it and no flow's: "how many litres of gas"."""
    fields = reading.topic.fields or tuple(field for field in (_USED.get(reading.unit),) if field)
    asked = fields and all(reading.unit in _AMOUNTS.get(field, ()) for field in fields)
    return (Statistic.INTEGRAL,) if asked and not reading.percentiles and not reading.conditions else ()


def _hourly(reading: Reading, statistics: tuple[Statistic, ...]) -> str:
    """The unit of "on average per hour" of what is used, "" for anything else: no rows are asked for then."""
    fields, width = reading.topic.fields, reading.interval
    used = Statistic.INTEGRAL in statistics or reading.topic.uses
    if width is not None and width.of_state and len(fields) == 1:
        return (_RATES if width.width == timedelta(hours=1) else _PER_MINUTE).get(fields[0], "")
    hourly = width is not None and not width.which and width.width == timedelta(hours=1)
    return _RATES.get(fields[0], "") if used and hourly and Statistic.MEAN in statistics and len(fields) == 1 else ""


def _about_devices(reading: Reading) -> bool:
    devices = reading.devices
    named = devices.codes or devices.references or devices.everyone or devices.left_out
    return (
        bool(named)
        or reading.topic.speaks
        or ((reading.topic.which or reading.topic.counts_devices) and bool(reading.conditions))
    )


def _intent(reading: Reading) -> Intent:
    topic = reading.topic
    if _asks_who_belongs(reading) or (topic.listing and not (reading.devices.codes and topic.statistics)):
        return Intent.LIST_DEVICES
    about = _about_devices(reading)
    asks = topic.statistics or reading.times.ranges or topic.named or reading.conditions or reading.interval
    measured = (topic.fields or reading.judged) and (
        reading.judged or asks or reading.percentiles or reading.when or reading.rows
    )
    # "Any anomalies today?" is about every device.
    everywhere = topic.named is Intent.ANOMALY and bool(reading.times.ranges)
    everywhere = everywhere or (bool(reading.conditions) and bool(reading.times.ranges))
    everywhere = everywhere or (Statistic.MISSING_RATIO in topic.statistics and bool(reading.times.ranges))
    leans = reading.measures or reading.spells.least is not None
    follows = topic.follows and (leans or (topic.named is Intent.COMPARE and reading.times.ranges))
    if not about and not measured and not everywhere and not follows:
        return Intent.CHAT
    if (
        topic.named is not None
        and not reading.judged
        and (topic.named is not Intent.STATISTICS or not topic.statistics)
    ):
        return topic.named
    if reading.rows:
        return Intent.QUERY
    if reading.devices.codes or topic.refused or reading.measures or reading.devices.references or reading.when:
        return Intent.QUERY if topic.statistics == (Statistic.LAST,) else Intent.STATISTICS
    return Intent.LIST_DEVICES if reading.devices.everyone else Intent.CHAT


def _asks_who_belongs(reading: Reading) -> bool:
    """Whether the machines of a group are asked for and nothing of them: "which machines are in hall A?"."""
    topic = reading.topic
    grouped = any(reference.label for reference in reading.devices.references) and not reading.devices.codes
    more = topic.fields or topic.named or topic.refused or topic.holds or topic.since or topic.versus
    return bool(
        (topic.which or topic.counts_devices or topic.lists)
        and grouped
        and not more
        and not reading.measures
        and not reading.when
        and not _timed(reading)
    )


def _timed(reading: Reading) -> bool:
    return bool(reading.times.ranges or reading.rows or reading.interval)


def _confidence(reading: Reading, intent: Intent) -> float:
    """How sure it is that this is about devices: a code-like word alone ("GPT4") is not enough."""
    if intent is Intent.CHAT:
        return 0.5
    if intent is Intent.LIST_DEVICES:
        return 1.0
    topic, devices = reading.topic, reading.devices
    evidence = (
        devices.codes or devices.references or devices.everyone,
        topic.fields,
        topic.statistics or reading.percentiles,
        reading.times.ranges,
        topic.named or reading.interval or reading.rows or reading.when,
        topic.speaks,
        reading.conditions,
        topic.follows,
    )
    return round(min(1.0, 0.2 + 0.2 * sum(map(bool, evidence))), 1)
