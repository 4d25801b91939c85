"""Minutes to and past an hour are one time where a word says so; "from five to ten" is what is between."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import TimeRange

NOW = datetime(2026, 11, 29, 15, 20, tzinfo=UTC)
TODAY = NOW.replace(hour=0, minute=0)
YESTERDAY = TODAY - timedelta(days=1)
WORDS = {5: "five", 10: "ten", 20: "twenty", 25: "twenty-five"}
HOURS = {7: "seven", 8: "eight", 9: "nine", 10: "ten", 11: "eleven"}
CHINESE_HOURS = {7: "七", 8: "八", 9: "九", 10: "十", 11: "十一"}
MINUTES = st.sampled_from([*WORDS])
MORNING = st.integers(7, 11)


def at(day: datetime, hour: int, minutes: int) -> TimeRange:
    start = day + timedelta(hours=hour, minutes=minutes)
    return TimeRange(start=start, end=start + timedelta(minutes=1), instant=True)


@settings(deadline=None)
@given(
    minutes=MINUTES,
    hour=MORNING,
    spelled=st.booleans(),
    lead=st.sampled_from(["at", "at about", "at around"]),
    field=st.sampled_from(["gas flow", "current", "temperature"]),
)
def test_minutes_to_an_hour_are_one_time(minutes: int, hour: int, spelled: bool, lead: str, field: str) -> None:
    first, second = (WORDS[minutes], HOURS[hour]) if spelled else (str(minutes), str(hour))
    query = parse_prompt(f"{field} of WLD001 {lead} {first} to {second} this morning", NOW)
    assert (query.time, query.unread) == (at(TODAY, hour, -minutes), ())


@settings(deadline=None)
@given(minutes=MINUTES, hour=MORNING, spelled=st.booleans(), lead=st.sampled_from(["at ", "at about ", ""]))
def test_minutes_past_an_hour_are_one_time(minutes: int, hour: int, spelled: bool, lead: str) -> None:
    first, second = (WORDS[minutes], HOURS[hour]) if spelled else (str(minutes), str(hour))
    query = parse_prompt(f"voltage of WLD001 {lead}{first} past {second} this morning", NOW)
    assert (query.time, query.unread) == (at(TODAY, hour, minutes), ())


@settings(deadline=None)
@given(minutes=st.integers(1, 29), hour=MORNING, way=st.sampled_from(["to", "past"]), lead=st.sampled_from(["at ", ""]))
def test_any_number_of_minutes_that_is_called_so_is_one_time(minutes: int, hour: int, way: str, lead: str) -> None:
    query = parse_prompt(f"voltage of WLD001 {lead}{minutes} minutes {way} {hour} this morning", NOW)
    assert query.time == at(TODAY, hour, minutes if way == "past" else -minutes)


@settings(deadline=None)
@given(
    first=st.sampled_from([5, 10]),
    more=st.integers(1, 2),
    lead=st.sampled_from(["from ", "between ", ""]),
)
def test_without_such_a_word_it_is_what_is_between(first: int, more: int, lead: str) -> None:
    link = "and" if lead == "between " else "to"
    query = parse_prompt(f"gas flow of WLD001 {lead}{first} {link} {first + more} this morning", NOW)
    assert query.time == TimeRange(start=TODAY + timedelta(hours=first), end=TODAY + timedelta(hours=first + more))


@settings(deadline=None)
@given(minutes=MINUTES, hour=st.integers(1, 11), lead=st.sampled_from(["since", "after"]))
def test_a_range_begins_at_minutes_to_an_hour(minutes: int, hour: int, lead: str) -> None:
    query = parse_prompt(f"mean current of WLD001 {lead} {minutes} to {hour} am today", NOW)
    assert query.time
    assert query.time.start == TODAY + timedelta(hours=hour, minutes=-minutes)


@pytest.mark.parametrize(
    ("words", "hour", "minute"),
    [
        ("at five to twelve pm yesterday", 11, 55),
        ("at quarter to twelve pm yesterday", 11, 45),
        ("at ten to one pm yesterday", 12, 50),
        ("at twenty to eleven pm yesterday", 22, 40),
        ("yesterday afternoon at ten to four", 15, 50),
        ("yesterday at a quarter to six in the evening", 17, 45),
    ],
)
def test_the_half_of_the_day_is_that_of_the_hour_to_come(words: str, hour: int, minute: int) -> None:
    assert parse_prompt(f"current of WLD001 {words}", NOW).time == at(YESTERDAY, hour, minute)


@settings(deadline=None)
@given(minutes=st.sampled_from([5, 10, 20]), hour=st.integers(7, 11), spelled=st.booleans(), before=st.booleans())
def test_minutes_to_an_hour_are_one_time_in_chinese(minutes: int, hour: int, spelled: bool, before: bool) -> None:
    clock = f"{CHINESE_HOURS[hour] if spelled else hour}点"
    lacks = f"差{minutes}分" if not spelled else f"差{ {5: '五', 10: '十', 20: '二十'}[minutes] }分"
    words = f"{lacks}{clock}" if before else f"{clock}{lacks}"
    query = parse_prompt(f"WLD001今天上午{words}的电流是多少", NOW)
    assert (query.time, query.unread) == (at(TODAY, hour, -minutes), ())


@settings(deadline=None)
@given(minutes=MINUTES, hour=MORNING, more=st.sampled_from([5, 10, 20]), spelled=st.booleans())
def test_a_range_goes_from_minutes_to_an_hour_up_to_minutes_past_it(
    minutes: int, hour: int, more: int, spelled: bool
) -> None:
    first, second, third = (
        (WORDS[minutes], HOURS[hour], WORDS[more]) if spelled else (str(minutes), str(hour), str(more))
    )
    query = parse_prompt(
        f"mean current of WLD001 between {first} to {second} and {third} past {second} this morning", NOW
    )
    start = TODAY + timedelta(hours=hour)
    assert query.time == TimeRange(start=start - timedelta(minutes=minutes), end=start + timedelta(minutes=more))
    assert (query.periods, query.unread) == ((), ())


@settings(deadline=None)
@given(minutes=st.sampled_from([20, 25]), hour=MORNING, part=st.sampled_from(["this morning", "in the morning"]))
def test_what_would_end_before_it_begins_is_minutes_to_an_hour(minutes: int, hour: int, part: str) -> None:
    assert parse_prompt(f"current of WLD001 {WORDS[minutes]} to {hour} {part}", NOW).time == at(TODAY, hour, -minutes)


@pytest.mark.parametrize(
    ("words", "hour", "minute"),
    [
        ("at five to noon yesterday", 11, 55),
        ("at ten past noon yesterday", 12, 10),
        ("at five minutes past midnight yesterday", 0, 5),
        ("at ten after nine yesterday morning", 9, 10),
        ("ten to nine yesterday morning", 8, 50),
    ],
)
def test_minutes_to_and_past_noon_and_after_an_hour(words: str, hour: int, minute: int) -> None:
    assert parse_prompt(f"current of WLD001 {words}", NOW).time == at(YESTERDAY, hour, minute)


@pytest.mark.parametrize("words", ["差一刻四点", "四点差一刻", "差15分四点"])
def test_a_quarter_to_an_hour_is_one_time_in_chinese(words: str) -> None:
    assert parse_prompt(f"WLD001昨天下午{words}的电压", NOW).time == at(YESTERDAY, 15, 45)


@pytest.mark.parametrize("words", ["at 5 to 10 V", "at 5 to 10 minutes", "at 10 to 12 %", "at 5 to 10 litres"])
def test_a_range_of_values_is_no_time_of_minutes_to_an_hour(words: str) -> None:
    time = parse_prompt(f"how many readings of WLD001 {words} today", NOW).time
    assert time is None or time.start is None or time.start.minute == 0


@settings(deadline=None)
@given(
    hour=st.integers(5, 8),
    minute=st.sampled_from(["", ":15", ":30"]),
    day=st.sampled_from(["yesterday at {}", "at {} yesterday"]),
)
def test_the_part_of_the_day_behind_a_time_says_which_half_it_is_of(hour: int, minute: str, day: str) -> None:
    clock = (
        day.format(f"{hour}{minute} in the evening")
        if day.startswith("y")
        else f"at {hour}{minute} in the evening yesterday"
    )
    query = parse_prompt(f"current of WLD001 {clock}", NOW)
    start = YESTERDAY + timedelta(hours=12 + hour, minutes=int(minute[1:] or 0))
    assert query.time
    assert (query.time.start, query.periods) == (start, ())


@settings(deadline=None)
@given(
    first=st.integers(7, 11),
    last=st.sampled_from([(12, 0), (12, 30)]),
    form=st.sampled_from(["from {} to {} this morning", "between {} and {} this morning"]),
)
def test_a_morning_that_ends_at_twelve_ends_at_noon(first: int, last: tuple[int, int], form: str) -> None:
    closing = f"{last[0]}:{last[1]}" if last[1] else str(last[0])
    query = parse_prompt(f"current of WLD001 {form.format(first, closing)}", NOW)
    assert query.time == TimeRange(
        start=TODAY + timedelta(hours=first), end=TODAY + timedelta(hours=last[0], minutes=last[1])
    )
