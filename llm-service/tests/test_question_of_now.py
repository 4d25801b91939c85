"""Whether machines are up, how steady a value is, the same hour of another day: asked in the words of the shop."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.answer_pooled import pooled
from llm_service.domain.offline.answer_ranking import ranking
from llm_service.domain.offline.answer_writer import Answered, Report
from llm_service.domain.offline.chinese import Chinese
from llm_service.domain.offline.english import English
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Condition, Intent, Operator, Statistic, TimeRange
from llm_service.domain.offline.result import DeviceStatistics, FieldStatistics

NOW = datetime(2026, 11, 29, 15, 20, tzinfo=UTC)
TODAY = NOW.replace(hour=0, minute=0)
DAY = timedelta(days=1)
CODES = st.sampled_from(["WLD001", "WLD004"])
FIELDS = st.sampled_from([("current", "current"), ("voltage", "voltage"), ("gas flow", "gas_flow")])
CHINESE_FIELDS = st.sampled_from([("电流", "current"), ("电压", "voltage"), ("气体流量", "gas_flow")])
RUNNING = (Condition(field="current", operator=Operator.GE, value=5.0),)
STEADY = {Statistic.STD, Statistic.RANGE}


@settings(deadline=None)
@given(who=st.sampled_from(["is WLD001", "are all machines", "are all four welders"]), tail=st.sampled_from(["", "?"]))
def test_whether_machines_are_up_is_whether_they_run(who: str, tail: str) -> None:
    for up in ("up", "up and running", "up right now"):
        query = parse_prompt(f"{who} {up}{tail}", NOW)
        assert (query.holds, query.conditions, query.unread) == (True, RUNNING, ())


def test_what_goes_up_is_no_machine() -> None:
    assert parse_prompt("is the temperature of WLD001 going up?", NOW).intent is Intent.TREND


@settings(deadline=None)
@given(code=CODES, field=FIELDS, word=st.sampled_from(["stable", "steady"]))
def test_how_stable_a_field_is_is_told_by_its_spread(code: str, field: tuple[str, str], word: str) -> None:
    query = parse_prompt(f"was the {field[0]} of {code} {word} over the last 4 hours?", NOW)
    assert (query.intent, set(query.statistics), query.fields) == (Intent.STATISTICS, STEADY, (field[1],))
    assert query.unread == ()


@settings(deadline=None)
@given(code=CODES, field=CHINESE_FIELDS, word=st.sampled_from(["稳定吗", "平稳吗", "是否稳定"]))
def test_how_stable_a_field_is_is_told_by_its_spread_in_chinese(code: str, field: tuple[str, str], word: str) -> None:
    query = parse_prompt(f"{code} 最近半小时的{field[0]}{word}", NOW)
    assert (query.intent, set(query.statistics), query.unread) == (Intent.STATISTICS, STEADY, ())


@settings(deadline=None)
@given(code=CODES, field=FIELDS)
def test_this_hour_is_set_against_the_same_hour_of_another_day(code: str, field: tuple[str, str]) -> None:
    query = parse_prompt(f"how does this hour compare with the same hour yesterday for the {field[0]} of {code}?", NOW)
    here = TimeRange(start=NOW.replace(minute=0), end=NOW)
    assert here.start is not None
    assert here.end is not None
    assert query.periods == (here, TimeRange(start=here.start - DAY, end=here.end - DAY))
    assert (query.intent, query.fields) == (Intent.COMPARE, (field[1],))


@settings(deadline=None)
@given(code=CODES, field=FIELDS, word=st.sampled_from(["creeping up", "edging up"]))
def test_what_creeps_up_has_a_course(code: str, field: tuple[str, str], word: str) -> None:
    query = parse_prompt(f"is the {field[0]} of {code} {word} over the last 6 hours?", NOW)
    assert (query.intent, query.fields, query.unread) == (Intent.TREND, (field[1],), ())


@settings(deadline=None)
@given(code=CODES, day=st.sampled_from([("今天", 0), ("昨天", 1)]), limit=st.integers(10, 300))
def test_a_share_of_a_day_is_asked_of_that_day(code: str, day: tuple[str, int], limit: int) -> None:
    query = parse_prompt(f"{code} 电流低于 {limit} 安的时间占{day[0]}的百分之几？", NOW)
    start = TODAY - day[1] * DAY
    assert (query.time, query.unread) == (TimeRange(start=start, end=start + DAY), ())


def test_the_hottest_hours_are_ranked_by_their_temperature_and_not_by_their_readings() -> None:
    query = parse_prompt("WLD002 温度最高的三个小时是哪几个？", NOW)
    assert (query.top, query.fields, Statistic.COUNT in query.statistics) == (3, ("temperature",), False)


def test_the_commonest_fault_is_counted_by_labels() -> None:
    text = "Which fault type was most common on WLD001 today: porosity, undercut or lack of fusion?"
    query = parse_prompt(text, NOW)
    counted = [(each.field, each.value) for each in query.conditions]
    assert counted == [("quality_label", each) for each in ("porosity", "undercut", "lack_of_fusion")]
    assert (query.intent, query.prevalent, query.unread) == (Intent.STATISTICS, "most", ())


@pytest.mark.parametrize("text", ["WLD001 今天有没有漏采的数据？", "WLD001 今天漏传了多少数据"])
def test_data_that_were_not_taken_are_missing(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.statistics[:1], query.unread) == ((Statistic.MISSING_RATIO,), ())


def answered(code: str, fitting: int, newest: float) -> Answered:
    one = FieldStatistics(field="temperature", unit="°C", values={Statistic.LAST: newest})
    time = TimeRange(start=TODAY, end=NOW)
    result = DeviceStatistics(device=code, row_count=fitting, fields=(one,), time=time, rows_in_range=99)
    return Answered(result=result, time=None)


@settings(deadline=None)
@given(first=st.integers(0, 40), second=st.integers(0, 40))
def test_a_hall_has_the_bad_readings_of_its_machines(first: int, second: int) -> None:
    query = parse_prompt("Which hall produced more bad readings today, A or B?", NOW)
    found = pooled(Report(English()), query, [answered("WLD001", first, 1.0), answered("WLD003", second, 1.0)])
    assert found is not None
    assert (found.value, found.text) == (first + second, str(first + second))


@settings(deadline=None)
@given(first=st.integers(20, 60), second=st.integers(61, 90))
def test_a_ranking_of_now_names_no_range(first: int, second: int) -> None:
    query = parse_prompt("which machine is hottest right now?", NOW)
    machines = [answered("WLD001", 9, first), answered("WLD002", 9, second)]
    assert ranking(Report(English()), query, machines).startswith("WLD002 has the highest last value temperature: ")
    assert ranking(Report(Chinese()), query, machines).startswith("WLD002 的 temperature")
