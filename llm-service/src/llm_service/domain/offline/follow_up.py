"""Questions that lean on the one before: "and yesterday?", "of WLD002?", "in fahrenheit"."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from llm_service.domain.offline.another_asked import of_another, of_place
from llm_service.domain.offline.clock_again import on_clock
from llm_service.domain.offline.one_of_told import ENDS, one_of_told, told_with_ends
from llm_service.domain.offline.period import midnight, moved
from llm_service.domain.offline.query import Intent, Language, Remark, Statistic, StructuredQuery, TimeRange
from llm_service.domain.offline.reason_asked import EXPLAINING
from llm_service.domain.offline.standing_asked import standing_again
from llm_service.domain.offline.words_state import SAME_TIME

_HELD: Final = frozenset({Statistic.SHARE, Statistic.EVENTS, Statistic.DURATION})
_WHICH: Final = {Language.ENGLISH: "which", Language.CHINESE: "哪个"}
_LONGEST: Final = "longest"
_DAY: Final = timedelta(days=1)
_NO_SUBJECT: Final = frozenset({Intent.CHAT, Intent.LIST_DEVICES})


def completed(query: StructuredQuery, before: StructuredQuery | None, spoken: Sequence[str] = ()) -> StructuredQuery:
    """Return `query` with what it leaves out taken from `before`, when it is no question by itself.

    `spoken` are the devices that were named before.
    """
    whole = _whole(query, before, spoken)
    return standing_again(whole, before) if before else whole


def _whole(query: StructuredQuery, before: StructuredQuery | None, spoken: Sequence[str]) -> StructuredQuery:
    if before is None or query.refused:
        return timeless(query)
    return _refused_again(query, before) or _of_before(query, before, spoken)


def _refused_again(query: StructuredQuery, before: StructuredQuery) -> StructuredQuery | None:
    """ "And WLD002?" behind when WLD001 needs service: what can't be told of one can't of another; else None."""
    refused = before.refused and before.refused.lower() not in EXPLAINING and query.follows
    bare = names_devices(query) and not _says_what(query) and not query.unread
    return replace(query, refused=before.refused, time=query.time or before.time) if refused and bare else None


def _of_before(query: StructuredQuery, before: StructuredQuery, spoken: Sequence[str]) -> StructuredQuery:
    query = _in_same_time(of_place(_behind(query, before.time), before), before)
    if query.another:
        named = of_another(query, before, spoken)
        leans = query.follows or not _says_what(query)
        return timeless(_merged(query, before, devices=named) if leans else named)
    if query.owner and before.rank and len(before.devices) != 1 and not names_devices(query) and not query.longest:
        # "And its voltage?" of the first of a ranking, which is found once more.
        single = not before.interval and len(before.periods) < 2 and not query.rank
        if single and query.conditions:
            # "When did it stop last?" says all but the device, and mostly the time.
            time = query if query.time or query.since or query.holds else before
            intent = Intent.STATISTICS if query.intent in _NO_SUBJECT else query.intent
            return timeless(replace(query, intent=intent, winner=before, time=time.time, periods=time.periods))
        if single and (query.fields or query.statistics):
            return timeless(replace(_merged(query, before, devices=query), winner=before))
        query = replace(query, unread=(*query.unread, query.owner))
    if query.others:
        named = tuple(spoken) or before.devices
        return timeless(_merged(query, before, devices=replace(query, all_devices=True, except_devices=named)))
    chosen = one_of_told(query, before, spoken, lambda one, told, of: _merged(one, told, devices=of))
    if query.of_them and chosen is None and not query.fields:
        # "Which was the longest?" of what one device did.
        lone = bool(query.statistics) and set(query.statistics) <= ENDS and before.interval is None
        unread = (*query.unread, *((_WHICH[query.language],) if lone else ()))
        query = replace(query, rank=False, all_devices=False, of_them=False, unread=unread)
    return timeless(chosen or _completed(query, before))


def _in_same_time(query: StructuredQuery, before: StructuredQuery) -> StructuredQuery:
    """ "And the pass rate of WLD003 in the same period?": the time that was spoken of, and no more of the question."""
    if not query.same_time or query.time or before.time is None or not _says_what(before):
        return query
    unread = tuple(each for each in query.unread if each.lower() not in SAME_TIME)
    if not (_says_what(query) and names_devices(query)):
        return replace(query, follows=True, unread=unread)
    zone = query.zone or before.zone
    return replace(query, follows=False, unread=unread, time=before.time, periods=before.periods, zone=zone)


def timeless(query: StructuredQuery) -> StructuredQuery:
    """Return `query` with a duration or a number of times named as not understood where nothing says of what."""
    lost = tuple(each for each in query.statistics if each in _HELD)
    if not lost or query.conditions or query.versus:
        return query
    unread = tuple(dict.fromkeys((*query.unread, *query.counted_as)))
    kept = tuple(each for each in query.statistics if each not in lost)
    return replace(query, statistics=kept, unread=unread, counted_as=())


def _behind(query: StructuredQuery, time: TimeRange | None) -> StructuredQuery:
    """The query with "the day before" counted from the time the question before was about."""
    own = query.time
    if not query.back or not time or not time.start or not own or not own.start:
        return query
    whole = own.end is not None and own.end - own.start == query.back
    by = midnight(time.start) - query.back - midnight(own.start)
    return replace(query, time=moved(time, -query.back) if whole else moved(own, by))


def _on_day(query: StructuredQuery, time: TimeRange | None) -> StructuredQuery:
    """The query with "in the morning" on the day that was spoken of, where that is an earlier one."""
    own = query.time
    if query.same_time and own and own.start and time and time.start and time.end and time.end - time.start < _DAY:
        # "And at the same time yesterday?"
        return replace(query, time=moved(time, midnight(own.start) - midnight(time.start)))
    if not query.undated or not own or not own.start or not time or not time.start or not time.end:
        return query
    day = midnight(time.start)
    by = day - midnight(own.start)
    single = time.end - day <= _DAY and by < timedelta()
    return replace(query, time=moved(own, by)) if single else query


def _completed(query: StructuredQuery, before: StructuredQuery) -> StructuredQuery:
    if query.everywhere and query.follows and names_devices(before) and not before.winner:
        # "What about nonsense values?" behind a question about one machine.
        time = query.time or before.time
        named = replace(query, devices=before.devices, references=before.references, time=time, everywhere=False)
        return replace(named, all_devices=before.all_devices, except_devices=before.except_devices, recent=not time)
    if query.intent is Intent.LIST_DEVICES and not query.follows:
        return query
    if _sets_beside(query) and names_devices(before) and not before.rank and _says_what(before):
        # "Vs hall A", "compared to WLD004": beside what was told before.
        both = replace(
            query,
            devices=tuple(dict.fromkeys((*before.devices, *query.devices))),
            references=tuple(dict.fromkeys((*before.references, *query.references))),
        )
        return _merged(query, before, devices=both)
    if names_devices(query):
        bare = not _says_what(query)
        return _merged(query, before, devices=query) if (bare or query.follows) and _says_what(before) else query
    leans = _says_what(query) or query.time is not None
    return _merged(query, before, devices=before) if leans and names_devices(before) else query


def names_devices(query: StructuredQuery) -> bool:
    """Whether `query` says which devices it is about."""
    named = query.devices or query.references or query.all_devices or query.except_devices
    return bool(named or query.winner)


def _sets_beside(query: StructuredQuery) -> bool:
    """Whether a device is named to compare with, and nothing of what."""
    one = len(query.devices) + len(query.references) == 1 and not query.all_devices
    measured = query.fields or query.statistics or query.conditions or query.percentiles or query.interval
    return query.intent is Intent.COMPARE and one and not measured and not query.periods


def _says_what(query: StructuredQuery) -> bool:
    named = query.intent not in {Intent.CHAT, Intent.STATISTICS, Intent.LIST_DEVICES, Intent.QUERY}
    measured = (
        query.judged or query.fields or query.statistics or query.conditions or query.percentiles or query.interval
    )
    return bool(named or measured or query.unit or query.when or query.since or query.limit or query.top or query.least)


def _merged(query: StructuredQuery, before: StructuredQuery, *, devices: StructuredQuery) -> StructuredQuery:
    """What `query` leaves out from `before`; naming a statistic asks for numbers, of one device or compared."""
    if query.holds and query.conditions and not query.time:
        # "Is it running now?" says all but the device.
        named = replace(query, intent=Intent.STATISTICS, devices=devices.devices, references=devices.references)
        confidence = max(query.confidence, before.confidence)
        return replace(named, all_devices=devices.all_devices, winner=devices.winner, confidence=confidence)
    if before.overview and (query.time or query.conditions):
        # "And yesterday?" behind "how is it doing": the statistics of that day.
        before = replace(before, statistics=())
    before = _counted_of(query, before)
    query = _without_lost(query, before)
    if query.adds and query.statistics and not before.rank:
        query = replace(query, statistics=tuple(dict.fromkeys((*before.statistics, *query.statistics))))
    if before.once and query.statistics == (Statistic.DURATION,) and query.time is None:
        # "And for how long?": of the time the question before was about.
        unread = (*query.unread, *query.counted_as) if before.first else query.unread
        query = replace(query, statistics=(), when=True, once=True, counted_as=(), unread=unread)
    if query.statistics == (Statistic.SHARE,) and _timed(before) and not query.conditions:
        # "What share of the time is that?" is told with how long it was.
        query = replace(query, statistics=(Statistic.DURATION,))
    if query.whether and query.conditions and (before.when or set(before.statistics) & ENDS):
        # "Was that during welding?" asks of a moment, the answer tells of the range.
        query = replace(query, unread=(*query.unread, "that"))
    ends = bool(query.statistics) and set(query.statistics) <= ENDS
    if query.time and query.time.instant and ends and not before.rank and not query.fields:
        # "Was it higher an hour ago?": the value of that moment, which has no highest one.
        query = replace(query, statistics=(), whether=False)
    again = Statistic.LAST in before.statistics and bool(query.references) and query.follows
    keeps_rank = before.rank and (devices is before or before.interval is not None or again)
    query = on_clock(_on_day(query, before.time), before)
    statistics = query.statistics or (() if ends and not query.statistics else before.statistics)
    if keeps_rank and query.follows:
        statistics = told_with_ends(query, before) or before.statistics
    elif before.rank and not keeps_rank and not query.rank and not query.statistics and set(statistics) - ENDS:
        # "And of WLD002?" behind the highest mean of all: its mean.
        statistics = tuple(each for each in statistics if each not in ENDS)
    if query.when and not query.statistics and before.conditions:
        # "When?" of what was counted: the times are told.
        statistics = tuple(each for each in statistics if each not in {Statistic.EVENTS, Statistic.DURATION})
    # "From when to when?" behind how long the longest one lasted.
    longest_told = int(query.when and any(_LONGEST in each.lower() or "最长" in each for each in before.counted_as))
    conditions = query.conditions or before.conditions
    if query.narrows and query.conditions and not query.any_condition and not before.any_condition:
        own = {each.field for each in query.conditions}
        conditions = (*(each for each in before.conditions if each.field not in own), *query.conditions)
    if not conditions and not query.statistics:
        statistics = tuple(each for each in statistics if each is not Statistic.SHARE)
    # "In m3" behind litres of gas is no word for the gas.
    said = {(query.unit, field) for field in before.fields} if query.unit else set[tuple[str, ...]]()
    return replace(
        query,
        intent=_intent(query, before),
        notes=tuple(each for each in query.notes if each.remark is not Remark.READ_AS or each.words not in said),
        devices=devices.devices,
        references=devices.references,
        all_devices=devices.all_devices,
        except_devices=devices.except_devices,
        another=devices.another,
        winner=devices.winner,
        owner=query.owner or (devices.owner if devices.winner else ""),
        fields=query.fields or before.fields or _measured(query, before),
        statistics=() if query.since else statistics,
        time=(_periods(query, before) or (query.time or before.time,))[0],
        periods=_periods(query, before),
        conditions=conditions,
        judged=query.judged or (None if query.statistics or query.conditions or query.when else before.judged),
        percentiles=query.percentiles or (() if query.statistics and not keeps_rank else before.percentiles),
        interval=query.interval or (None if query.statistics and not query.follows else before.interval),
        **_kind(query, before),
        rank=query.rank or keeps_rank,
        top=query.top or (before.top if keeps_rank and not query.rank else 0),
        by_group=query.by_group or (before.by_group and devices is before),
        limit=query.limit or before.limit,
        newest=query.newest if query.limit else before.newest,
        ordered=query.ordered if query.limit else before.ordered,
        any_condition=(query if query.conditions else before).any_condition,
        unit=query.unit or ("" if query.fields else before.unit),
        zone=query.zone or before.zone,
        **_least(query, before),
        doing=query.doing
        or (before.doing and not (query.conditions or query.statistics or query.when or query.fields)),
        at_once=query.at_once or (before.at_once and not (query.conditions or query.statistics or query.fields)),
        told_in=query.told_in or before.told_in,
        prevalent=query.prevalent or ("" if query.conditions or query.statistics or query.when else before.prevalent),
        latest=query.latest or (0 if query.conditions else before.latest),
        mean_time=query.mean_time or ("" if query.conditions or query.statistics or query.when else before.mean_time),
        longest=query.longest or (0 if query.conditions else before.longest or longest_told),
        each=query.each or (not query.conditions and (before.each or longest_told > 0)),
        beyond=query.beyond or _beyond(query, before, devices),
        which_time=query.which_time or _which_time(query, before),
        **_state(query, before),
        again=query.again or (None if query.statistics else before.again),
        confidence=max(query.confidence, before.confidence),
    )


def _counted_of(query: StructuredQuery, before: StructuredQuery) -> StructuredQuery:
    """The question before without its fields: "how often did that happen" behind what was read at the last one."""
    counts = set(query.statistics) & _HELD and (query.conditions or before.conditions)
    return replace(before, fields=()) if before.once and counts else before


def _least(query: StructuredQuery, before: StructuredQuery) -> dict[str, Any]:
    """How long stretches have to last: "how long did it stop in all" behind stops over 5 minutes is of these."""
    same = query.conditions == before.conditions and before.least is not None and not before.lasting
    if not query.conditions or (same and (query.lasting or not query.least)):
        kept = query if query.least and not query.lasting else before
        return {"least": kept.least, "over": kept.over, "lasting": kept.lasting}
    return {"least": query.least, "over": query.over, "lasting": query.lasting}


def _beyond(query: StructuredQuery, before: StructuredQuery, devices: StructuredQuery) -> str:
    """Of what yes or no is asked: "and today?" behind "was WLD001 hotter than WLD002?"."""
    return before.beyond if devices is before and not (query.statistics or query.conditions or query.when) else ""


def _which_time(query: StructuredQuery, before: StructuredQuery) -> str:
    """Which of the two times is asked for: "and WLD002?" behind "was WLD001 hotter yesterday or today?"."""
    return "" if query.statistics or query.conditions or query.when or query.time else before.which_time


def _state(query: StructuredQuery, before: StructuredQuery) -> dict[str, bool]:
    """Whether the state is told: "and WLD002?" behind "how is WLD001 doing"."""
    more = query.statistics or query.fields or query.time or query.conditions or query.when
    carried = before.tells_state and not more
    return {
        "tells_state": query.tells_state or carried,
        "overview": query.overview or (carried and before.overview),
    }


def _without_lost(query: StructuredQuery, before: StructuredQuery) -> StructuredQuery:
    """The query without a share or a duration of nothing: "and in percent?" of a total leaves the total asked for."""
    held = set(query.statistics) and set(query.statistics) <= _HELD
    if not held or query.conditions or before.conditions or query.versus or before.versus:
        return query
    return replace(query, statistics=(), unread=tuple(dict.fromkeys((*query.unread, *query.counted_as))), counted_as=())


def _timed(query: StructuredQuery) -> bool:
    """Whether a time is what was asked for."""
    return Statistic.DURATION in query.statistics or query.when or query.since


def _measured(query: StructuredQuery, before: StructuredQuery) -> tuple[str, ...]:
    """The fields of the conditions before, where a number is asked for: "did it exceed 60?", "how high was it?"."""
    numeric = set(query.statistics) - _HELD - {Statistic.COUNT}
    fields = (each.field for each in before.conditions if not isinstance(each.value, str) and each.field)
    return tuple(dict.fromkeys(fields)) if numeric and not query.conditions else ()


def _kind(query: StructuredQuery, before: StructuredQuery) -> dict[str, bool]:
    """The kind of question where the later one names none: when, since when, whether, the last or the first time."""
    other_end = before.when and query.statistics and {*query.statistics, *before.statistics} <= ENDS
    if other_end and not (query.since or query.holds or query.whether):
        # "And the coldest?" behind when it was hottest.
        return {"when": True, "once": query.once or before.once, "first": query.first or before.first}
    named = query.statistics or query.since or query.holds or query.whether or (query.when and not before.when)
    if named:
        return {"when": query.when}
    since = before.since and not query.when and not query.time
    holds = before.holds and not query.when and not query.conditions
    return {
        "when": query.when or before.when or (before.since and not since),
        "since": since,
        "holds": holds,
        "whether": before.whether and not query.when,
        "always": before.always and not query.when,
        "once": query.once or before.once,
        "first": query.first if query.once else before.first,
    }


def _periods(query: StructuredQuery, before: StructuredQuery) -> tuple[TimeRange, ...]:
    """Both ranges of "and compared with yesterday?", else those that the later question names."""
    if query.intent is Intent.COMPARE and query.time and before.time and not query.periods and not before.periods:
        return (before.time, query.time) if before.time != query.time else ()
    return query.periods if query.time else before.periods


def _intent(query: StructuredQuery, before: StructuredQuery) -> Intent:
    keeps = query.intent in {Intent.CHAT, Intent.STATISTICS, Intent.LIST_DEVICES} and not query.statistics
    compared = before.intent is Intent.COMPARE and query.intent in {*_NO_SUBJECT, Intent.STATISTICS}
    intent = before.intent if (keeps or compared) and not query.when else query.intent
    return Intent.STATISTICS if intent in _NO_SUBJECT else intent
