"""Two times are set side by side where it is asked how far a value moved from one to the other."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Intent, Statistic, TimeRange

NOW = datetime(2026, 11, 29, 15, 20, tzinfo=UTC)
TODAY = NOW.replace(hour=0, minute=0)
DAY = timedelta(days=1)
CODES = st.sampled_from(["WLD001", "WLD004"])
ENGLISH_FIELDS = st.sampled_from([("current", "current"), ("voltage", "voltage"), ("gas flow", "gas_flow")])
CHINESE_FIELDS = st.sampled_from([("电流", "current"), ("电压", "voltage"), ("气体流量", "gas_flow")])
HOURS = st.tuples(st.integers(0, 5), st.integers(6, 8), st.integers(9, 11), st.integers(12, 15))


def hours(start: int, end: int) -> TimeRange:
    return TimeRange(start=TODAY + timedelta(hours=start), end=TODAY + timedelta(hours=end))


@settings(deadline=None)
@given(code=CODES, field=ENGLISH_FIELDS, times=HOURS)
def test_a_change_between_two_times_tells_both(code: str, field: tuple[str, str], times: tuple[int, ...]) -> None:
    a, b, c, d = times
    text = f"how much did the mean {field[0]} of {code} change from {a}:00-{b}:00 to {c}:00-{d}:00 today?"
    query = parse_prompt(text, NOW)
    assert (query.intent, query.statistics, query.fields) == (
        Intent.COMPARE,
        (Statistic.MEAN,),
        (field[1],),
    )
    assert (query.periods, query.unread) == ((hours(a, b), hours(c, d)), ())


@settings(deadline=None)
@given(
    code=CODES,
    field=ENGLISH_FIELDS,
    days=st.sampled_from(["between yesterday and today", "from yesterday to today"]),
)
def test_a_mean_that_changed_from_day_to_day_is_told_of_both_days(code: str, field: tuple[str, str], days: str) -> None:
    query = parse_prompt(f"how much did the mean {field[0]} of {code} change {days}?", NOW)
    assert query.periods == (
        TimeRange(start=TODAY - DAY, end=TODAY),
        TimeRange(start=TODAY, end=TODAY + DAY),
    )
    assert (query.intent, query.statistics, query.unread) == (
        Intent.COMPARE,
        (Statistic.MEAN,),
        (),
    )


@settings(deadline=None)
@given(code=CODES, field=CHINESE_FIELDS)
def test_a_mean_that_changed_from_day_to_day_is_told_of_both_days_in_chinese(code: str, field: tuple[str, str]) -> None:
    query = parse_prompt(f"{code}昨天到今天平均{field[0]}变化了多少", NOW)
    assert query.periods == (
        TimeRange(start=TODAY - DAY, end=TODAY),
        TimeRange(start=TODAY, end=TODAY + DAY),
    )
    assert (query.intent, query.fields, query.unread) == (
        Intent.COMPARE,
        (field[1],),
        (),
    )


@settings(deadline=None)
@given(code=CODES, field=CHINESE_FIELDS)
def test_a_change_beside_a_comparison_is_understood(code: str, field: tuple[str, str]) -> None:
    query = parse_prompt(f"{code} 这个小时和上个小时相比{field[0]}变化多少？", NOW)
    assert (query.intent, query.fields, query.unread) == (
        Intent.COMPARE,
        (field[1],),
        (),
    )


@pytest.mark.parametrize(
    "text",
    ["{} 昨天和今天同一时段的平均电流对比", "{} 今天和昨天同时段的平均电流相比怎么样"],
)
@pytest.mark.parametrize("code", ["WLD001", "WLD003"])
def test_the_same_hours_of_two_days_are_those_up_to_now(code: str, text: str) -> None:
    query = parse_prompt(text.format(code), NOW)
    assert {each.end - each.start for each in query.periods if each.start and each.end} == {NOW - TODAY}
    assert {each.start for each in query.periods} == {TODAY, TODAY - DAY}
    assert (query.intent, query.statistics, query.fields) == (
        Intent.COMPARE,
        (Statistic.MEAN,),
        ("current",),
    )


@pytest.mark.parametrize(
    "text",
    ["trend of the current of WLD001 today", "did the current of WLD001 change today?"],
)
def test_one_time_has_a_course(text: str) -> None:
    assert parse_prompt(text, NOW).intent is Intent.TREND
