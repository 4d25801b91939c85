"""Lists are read as lists: days of a month, machines by their numbers, the same hours of several days, two states."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.model.message import Role, text_message
from llm_service.domain.offline.conversation import conversation_from_messages
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Operator, StructuredQuery, TimeRange

NOW = datetime(2026, 11, 28, 12, 34, tzinfo=UTC)  # a Saturday
MONTHS = {2: "February", 3: "March", 10: "October"}
GERMAN = {2: "Februar", 3: "März", 10: "Oktober"}
DAY = timedelta(days=1)
days = st.lists(st.integers(1, 28), min_size=2, max_size=4, unique=True).map(sorted)
machines = st.lists(st.integers(1, 40), min_size=2, max_size=4, unique=True).map(sorted)


def day(month: int, number: int) -> TimeRange:
    start = datetime(2026, month, number, tzinfo=UTC)
    return TimeRange(start=start, end=start + DAY)


def ranges(query: StructuredQuery) -> tuple[TimeRange, ...]:
    return query.periods or ((query.time,) if query.time else ())


def listed(words: list[str], link: str, last: str) -> str:
    return f"{link.join(words[:-1])}{last}{words[-1]}"


@settings(deadline=None)
@given(month=st.sampled_from(sorted(MONTHS)), numbers=days)
def test_days_listed_with_one_month_are_all_of_that_month(month: int, numbers: list[int]) -> None:
    words = [str(number) for number in numbers]
    english, german = listed(words, ", ", " and "), listed([f"{word}." for word in words], ", ", " und ")
    for text in (
        f"mean current of WLD001 on {english} {MONTHS[month]}",
        f"mean current of WLD001 on {MONTHS[month]} {english}",
        f"mean current of WLD001 on {english} of {MONTHS[month]} 2026",
        f"Mittlerer Strom von WLD001 am {german} {GERMAN[month]}",
        f"{month}月{listed([f'{word}日' for word in words], '、', '和')}WLD001的平均电流",
    ):
        query = parse_prompt(text, NOW)
        assert ranges(query) == tuple(day(month, number) for number in numbers), text
        assert (query.unread, query.devices) == ((), ("WLD001",)), text


@settings(deadline=None)
@given(
    month=st.sampled_from(sorted(MONTHS)), first=st.integers(1, 12), length=st.integers(1, 8), more=st.integers(2, 6)
)
def test_days_from_one_to_another_with_one_month_are_a_range(month: int, first: int, length: int, more: int) -> None:
    last = first + length
    whole = TimeRange(start=day(month, first).start, end=day(month, last).end)
    for text in (
        f"mean current of WLD001 from {first} to {last} {MONTHS[month]}",
        f"mean current of WLD001 between {first} and {last} {MONTHS[month]}",
        f"mean current of WLD001 from {MONTHS[month]} {first} to {last}",
        f"Mittlerer Strom von WLD001 vom {first}. bis {last}. {GERMAN[month]}",
        f"{month}月{first}日到{last}日WLD001的平均电流",
    ):
        query = parse_prompt(text, NOW)
        assert (ranges(query), query.unread) == ((whole,), ()), text
    both = parse_prompt(f"mean current of WLD001 from {first} to {last} and {last + more} {MONTHS[month]}", NOW)
    assert ranges(both) == (whole, day(month, last + more))


@settings(deadline=None)
@given(opening=st.integers(1, 9), length=st.integers(1, 8))
def test_hours_said_once_are_those_of_every_day_named(opening: int, length: int) -> None:
    closing = opening + length
    yesterday, today = datetime(2026, 11, 27, tzinfo=UTC), datetime(2026, 11, 28, tzinfo=UTC)
    hours = tuple(
        TimeRange(start=start + timedelta(hours=opening), end=start + timedelta(hours=closing))
        for start in (yesterday, today)
    )
    for text in (
        f"mean current of WLD001 yesterday and today from {opening}:00 to {closing}:00",
        f"mean current of WLD001 from {opening}:00 to {closing}:00 yesterday and today",
        f"mean current of WLD001 on 27 and 28 November between {opening}:00 and {closing}:00",
        f"WLD001昨天和今天{opening}:00到{closing}:00的平均电流",
    ):
        query = parse_prompt(text, NOW)
        assert (ranges(query), query.unread) == (hours, ()), text


def test_a_day_with_a_time_it_is_asked_behind_ends_with_that_day() -> None:
    yesterday = day(11, 27)
    assert yesterday.start
    for text in ("mean current of WLD001 yesterday after 8", "WLD001昨天8点以后的平均电流"):
        query = parse_prompt(text, NOW)
        assert query.time == TimeRange(start=yesterday.start + timedelta(hours=8), end=yesterday.end), text
    both = parse_prompt("mean current of WLD001 yesterday and today before noon", NOW)
    assert [each.end for each in ranges(both)] == [datetime(2026, 11, each, 12, tzinfo=UTC) for each in (27, 28)]


@settings(deadline=None)
@given(numbers=machines)
def test_machines_listed_by_number_are_no_times(numbers: list[int]) -> None:
    words = [str(number) for number in numbers]
    for text in (
        f"mean current of machines {listed(words, ', ', ' and ')} today",
        f"mean current today of welders {listed(words, ', ', ' and ')}",
        f"{listed([f'{word}号' for word in words], '、', '和')}焊机今天的平均电流",
        f"焊机{listed([f'{word}号' for word in words], '、', '和')}今天的平均电流",
    ):
        query = parse_prompt(text, NOW)
        assert [each.number for each in query.references] == numbers, text
        assert (ranges(query), query.unread) == ((day(11, 28),), ()), text


@settings(deadline=None)
@given(numbers=machines)
def test_machines_that_are_excepted_by_number_are_left_out_of_all(numbers: list[int]) -> None:
    words = listed([str(number) for number in numbers], ", ", " and ")
    for text in (f"mean current of all machines except {words} today", f"mean current except machines {words} today"):
        query = parse_prompt(text, NOW)
        assert [(each.number, each.excluded) for each in query.references] == [(each, True) for each in numbers], text
        assert (query.all_devices, query.unread) == (True, ()), text


@pytest.mark.parametrize(
    "text",
    [
        "mean current of machine 1 from 8 to 10",
        "mean current of machine 1 and the readings above 100",
        "last 3 readings of machine 2",
    ],
)
def test_one_machine_and_other_numbers_are_no_list(text: str) -> None:
    assert len(parse_prompt(text, NOW).references) == 1


@pytest.mark.parametrize(
    "text",
    [
        "how long was WLD001 idle and welding today?",
        "how long was WLD001 idle and how long was it welding today?",
        "WLD001今天停机和焊接各多久",
    ],
)
def test_two_states_that_the_same_is_asked_of_are_two_questions(text: str) -> None:
    queries = conversation_from_messages([text_message(Role.USER, text)]).queries(NOW)
    assert [each.conditions[0].operator for each in queries] == [Operator.LT, Operator.GE]
    assert {each.time for each in queries} == {day(11, 28)}
    assert {each.unread for each in queries} == {()}
