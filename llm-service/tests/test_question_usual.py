"""A machine's own value is set against what is usual for it: the newest, or the mean of a time against another."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.answer_judged import judged
from llm_service.domain.offline.answer_writer import Answered, Report
from llm_service.domain.offline.chinese import Chinese
from llm_service.domain.offline.english import English
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Intent, Judged, Statistic, TimeRange, Verdict
from llm_service.domain.offline.result import DeviceStatistics, FieldStatistics
from llm_service.domain.offline.shown_zone import IN_UTC

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
TODAY = TimeRange(start=NOW.replace(hour=0), end=NOW.replace(hour=0) + timedelta(days=1))
CODES = st.sampled_from(["WLD001", "WLD004"])
ENGLISH_FIELDS = st.sampled_from([("current", "current"), ("voltage", "voltage"), ("gas flow", "gas_flow")])
CHINESE_FIELDS = st.sampled_from([("电流", "current"), ("电压", "voltage"), ("气体流量", "gas_flow")])
ENGLISH_VERDICTS = st.sampled_from(
    [
        *(("higher than usual", Verdict.HIGH), ("lower than normal", Verdict.LOW), ("too high", Verdict.HIGH)),
        *(("too low", Verdict.LOW), ("unusually high", Verdict.HIGH), ("high", Verdict.HIGH), ("low", Verdict.LOW)),
    ]
)
CHINESE_VERDICTS = st.sampled_from(
    [
        *(("是不是太低了", Verdict.LOW), ("是不是太高了", Verdict.HIGH), ("偏高吗", Verdict.HIGH)),
        *(("比平时高吗", Verdict.HIGH), ("比平时低吗", Verdict.LOW), ("高不高", Verdict.HIGH)),
    ]
)


@settings(deadline=None)
@given(code=CODES, field=ENGLISH_FIELDS, verdict=ENGLISH_VERDICTS)
def test_a_field_that_may_be_out_of_the_usual_is_judged_by_its_newest_reading(
    code: str, field: tuple[str, str], verdict: tuple[str, Verdict]
) -> None:
    query = parse_prompt(f"is the {field[0]} of {code} {verdict[0]}?", NOW)
    assert query.judged == Judged(field=field[1], value=None, unit="", verdict=verdict[1])
    assert (query.intent, query.devices, query.unread) == (Intent.STATISTICS, (code,), ())


@settings(deadline=None)
@given(code=CODES, field=CHINESE_FIELDS, verdict=CHINESE_VERDICTS)
def test_a_field_is_judged_by_its_newest_reading_in_chinese(
    code: str, field: tuple[str, str], verdict: tuple[str, Verdict]
) -> None:
    query = parse_prompt(f"{code}的{field[0]}{verdict[0]}？", NOW)
    assert query.judged == Judged(field=field[1], value=None, unit="", verdict=verdict[1])
    assert query.unread == ()


@settings(deadline=None)
@given(
    code=CODES,
    text=st.sampled_from(
        ["is {} using more gas than usual today?", "{} 今天用气比平时多吗", "{} 今天气体流量比平时低吗"]
    ),
)
def test_a_time_is_set_against_what_was_before_it(code: str, text: str) -> None:
    query = parse_prompt(text.format(code), NOW)
    assert (query.intent, query.statistics, query.fields) == (Intent.COMPARE, (Statistic.MEAN,), ("gas_flow",))
    assert query.periods == (TimeRange(end=TODAY.start), TODAY)
    assert (query.devices, query.unread) == ((code,), ())


def test_a_time_that_is_over_is_set_against_all_there_is() -> None:
    query = parse_prompt("was WLD001 hotter than usual yesterday?", NOW)
    assert query.periods[0] == TimeRange()
    assert (query.fields, query.statistics) == (("temperature",), (Statistic.MEAN,))


@pytest.mark.parametrize("text", ["how high is the current of WLD001", "WLD001 电流最高是多少", "is WLD001 as usual?"])
def test_other_questions_judge_nothing(text: str) -> None:
    assert parse_prompt(text, NOW).judged is None


def told(newest: float, verdict: Verdict, say: Any) -> str:
    values = {Statistic.LAST: newest, Statistic.MEAN: 12.0}
    shares = {"5": 10.0, "50": 12.0, "95": 14.0}
    one = FieldStatistics(field="gas_flow", unit="L/min", values=values, percentiles=shares)
    result = DeviceStatistics(device="WLD001", row_count=9, fields=(one,), time=TimeRange(), rows_in_range=9)
    query = parse_prompt("is the gas flow of WLD001 too low?", NOW)
    value = Judged(field="gas_flow", value=None, unit="", verdict=verdict)
    return judged(Report(say), query, value, Answered(result=result, time=None))


@settings(deadline=None)
@given(newest=st.floats(1.0, 30.0))
def test_the_newest_reading_is_told_with_where_it_lies(newest: float) -> None:
    answer = told(newest, Verdict.LOW, English(times=IN_UTC))
    assert answer.startswith("Yes" if newest < 10.0 else "No")
    assert "the newest reading" in answer
    assert told(newest, Verdict.HIGH, Chinese(times=IN_UTC)).startswith("是" if newest > 14.0 else "否")
