"""What a question narrows its answer down to: shifts with their hours, so many of a ranking, digits."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from llm_service.domain.offline.clock import DAY
from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.number import number_at
from llm_service.domain.offline.period import at_seconds, midnight
from llm_service.domain.offline.query import Note, Remark, Statistic, TimeRange
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.time_range import FoundTime

# The hours of shifts by three, the last of them into the next day, and of the day's by two; and the hours in which
# shifts of the name begin.
_USUAL_SIGNS: Final = {
    (6, 14): frozenset({5, 6, 7, 4}),
    (14, 22): frozenset({12, 13, 14}),
    (22, 30): frozenset({21, 22, 23}),
    (6, 18): frozenset({8, 9, 10}),
}
_USUAL_HOURS: Final = tuple(_USUAL_SIGNS)
_MOST_RANKED: Final = 50
_RANKS: Final = frozenset({"top", "bottom", "前", "后", "best", "worst", "first", "highest", "lowest", "hottest"})
_EXTREMES: Final = frozenset({Statistic.MAX, Statistic.MIN})
_ROUNDING: Final = frozenset(
    {
        *("rounded", "round", "rounded to", "round to", "to", "with", "at", "accurate", "precision", "of", "the", "it"),
        *("保留", "保留到", "精确到", "取", "到", "小数点后", "小数点", "后", "给", "四舍五入到", "四舍五入"),
    }
)
_BARE_DECIMALS: Final = frozenset({"位", "place", "places", "digits"})
_MOST_DECIMALS: Final = 9
_COUNTERS: Final = frozenset({"名", "位", "个", "大"})


def use_shifts(sentence: Sentence, ranges: Sequence[TimeRange]) -> None:
    """Mark the name of a shift whose hours are said beside it: a night shift is none from nine to ten."""
    starts = [time.start.hour for time in ranges if time.start]
    places = list(sentence.find(Kind.SHIFT))
    # "早班(6点-14点)和中班(14点-20点)": each with hours of its own.
    paired = len(places) == len(starts)
    for order, at in enumerate(places):
        begins = sentence.senses(at)[Kind.SHIFT]
        hours = {starts[order]} if paired else set(starts)
        if isinstance(begins, frozenset) and hours and hours <= begins:
            sentence.use(at, at + 1)


def with_shifts(sentence: Sentence, times: FoundTime, now: datetime) -> FoundTime:
    """Return the usual hours of the shifts that are named in place of the days named, with a note of the hours.

    Of no day it is the last shift of the name that has begun. Hours of weeks are not cut out: the word stays unread.
    """
    now = times.now or now
    places = [at for at in sentence.find(Kind.SHIFT) if _hours(sentence, at)]
    days = [time.start for time in times.ranges if time.start and _is_day(time)]
    if not places or len(days) < len(times.ranges):
        return times
    ranges: list[TimeRange] = []
    notes: list[Note] = []
    for at in places:
        first, last = _hours(sentence, at) or (0, 0)
        for day in days or [midnight(now)]:
            start = at_seconds(day, first * 3600)
            late = timedelta(days=1 if start > now and day == midnight(now) else 0)
            ranges.append(TimeRange(start=start - late, end=at_seconds(day, last * 3600) - late))
        notes.append(Note(remark=Remark.READ_AS, words=(sentence.raw(at), f"{first:02}:00–{last % 24:02}:00")))
        sentence.use(at, at + 1)
    return replace(times, ranges=tuple(dict.fromkeys(ranges)), notes=(*times.notes, *notes), now=now)


def _hours(sentence: Sentence, at: int) -> tuple[int, int] | None:
    """The hours of the early, the late, the night and the day shift, which the answer names, as shops differ."""
    begins = sentence.senses(at).get(Kind.SHIFT)
    hours = _USUAL_HOURS if isinstance(begins, frozenset) else ()
    return next((each for each in hours if isinstance(begins, frozenset) and _USUAL_SIGNS[each] <= begins), None)


def _is_day(time: TimeRange) -> bool:
    """Whether it is one whole day."""
    start, end = time.start, time.end
    return start is not None and end is not None and start == midnight(start) and end == at_seconds(start, DAY)


def find_top(sentence: Sentence) -> int:
    """Return how many of a ranking are asked for: "top 3 machines", "three hottest devices", "前三台"; 0 for all."""
    for at in range(len(sentence)):
        counted = number_at(sentence, at)
        if counted is None or not 1 <= counted[0] <= _MOST_RANKED or counted[0] % 1:
            continue
        behind = counted[1]
        led = sentence.text(at - 1) in _RANKS
        chosen = sentence.has(at - 1, Kind.WHICH) and sentence.text(at - 1) not in {"what", "有哪些"}
        behind_end = sentence.text(at - 1) == "的" and sentence.senses(at - 2).get(Kind.STATISTIC) in _EXTREMES
        behind_end = behind_end or (sentence.text(at - 1) == "的" and sentence.has(at - 2, Kind.MORE))
        ranked = sentence.senses(behind).get(Kind.STATISTIC) in {Statistic.MAX, Statistic.MIN}
        ranked = ranked or sentence.has(behind, Kind.MORE)
        noun = behind + ranked
        counter = noun + (sentence.text(noun) in _COUNTERS)
        device = sentence.has(counter, Kind.DEVICE_WORD) or sentence.text(counter)[:1] == "台"
        ended = sentence.text(at - 1) == "top" and (behind >= len(sentence) or sentence.text(behind) in {"?", ".", "!"})
        if (led and (device or counter > noun or ended)) or (ranked and device) or ((behind_end or chosen) and device):
            # "Top" and "前" say no more than that; "highest" is what is ranked by.
            plain = sentence.text(at - 1) in {"top", "前", "first", "best"}
            sentence.use(at - plain if led else at, behind)
            if device or counter > noun:
                sentence.use(noun, counter + device)
            return int(counted[0])
    return 0


def find_decimals(sentence: Sentence) -> int | None:
    """Return the digits behind the point to answer with: "to 2 decimals", "保留两位小数", "nearest integer"."""
    for at in sentence.find(Kind.WHOLE):
        begin = at
        while begin > 0 and sentence.text(begin - 1) in _ROUNDING:
            begin -= 1
        sentence.use(begin, at + 1)
        return 0
    for at in range(len(sentence)):
        counted = number_at(sentence, at, articles=True)
        if (
            counted is None
            or not sentence.has(counted[1], Kind.DECIMALS)
            or counted[0] % 1
            or counted[0] > _MOST_DECIMALS
        ):
            continue
        begin = at
        while begin > 0 and sentence.text(begin - 1) in _ROUNDING:
            begin -= 1
        if sentence.text(counted[1]) in _BARE_DECIMALS and begin == at:
            continue
        sentence.use(begin, counted[1] + 1)
        return int(counted[0])
    return None
