"""Short words beside machines and fields are understood: "四台机", "送丝最快", "降没降", bad "seams", "同一时段"."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.follow_up import completed
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Intent, Statistic

NOW = datetime(2026, 11, 28, 14, 20, tzinfo=UTC)
MACHINES = st.sampled_from(["四台机", "三台机", "所有机", "每台机", "哪台机", "各机"])
ASKED = st.sampled_from(["今天的平均电流", "今天停了几次", "今天的不良率", "昨天的最高温度"])


@settings(deadline=None)
@given(machines=MACHINES, asked=ASKED)
def test_a_machine_is_counted_by_one_character(machines: str, asked: str) -> None:
    query = parse_prompt(machines + asked, NOW)
    longer = parse_prompt(f"{machines}器{asked}", NOW)
    assert query.unread == ()
    assert (query.statistics, query.conditions, query.rank) == (longer.statistics, longer.conditions, longer.rank)


@pytest.mark.parametrize("text", ["WLD001这机今天的平均电流", "这台机今天停了几次"])
def test_a_machine_is_pointed_to_by_one_character(text: str) -> None:
    assert parse_prompt(text, NOW).unread == ()


@pytest.mark.parametrize(
    ("text", "statistic"),
    [
        ("哪台机器今天送丝最快", Statistic.MAX),
        ("今天哪台机器送丝最慢", Statistic.MIN),
        ("which machine has the fastest wire feed today?", Statistic.MAX),
        ("which machine has the slowest wire feed today?", Statistic.MIN),
    ],
)
def test_the_fastest_wire_is_the_highest_wire_feed(text: str, statistic: Statistic) -> None:
    query = parse_prompt(text, NOW)
    assert (query.fields, query.statistics, query.rank, query.unread) == (("wire_feed",), (statistic,), True, ())


@pytest.mark.parametrize("text", ["哪台机器温度降得最快", "哪台机器今天温度升得最快"])
def test_the_fastest_course_is_no_highest_value_of_wire(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.fields, query.unread) == (("temperature",), ())
    assert Statistic.CHANGE in query.statistics


@pytest.mark.parametrize(
    "text",
    [
        *("WLD001今天送丝快不快", "WLD001今天送丝快还是慢", "WLD003 温度降得快吗", "WLD001 送丝速度比昨天快还是慢"),
        *("is WLD001's wire feed fast or slow today?", "share of bad seams on WLD001 today"),
        *(
            "which machine had the most bad seams today?",
            "WLD001 温度什么时候降到40度以下",
            "WLD001 气体流量最低降到多少",
        ),
    ],
)
def test_what_is_told_anyway_is_not_called_not_understood(text: str) -> None:
    assert parse_prompt(text, NOW).unread == ()


def test_how_quick_a_machine_is_stays_named() -> None:
    assert parse_prompt("WLD001今天跑得快还是慢", NOW).unread


@settings(deadline=None)
@given(
    field=st.sampled_from([("电流", "current"), ("温度", "temperature"), ("气体流量", "gas_flow")]),
    course=st.sampled_from(["降", "涨", "跌", "升"]),
    form=st.sampled_from(["{0}没{0}", "有没有{0}"]),
)
def test_whether_it_went_up_or_down_asks_for_the_course(field: tuple[str, str], course: str, form: str) -> None:
    query = parse_prompt(f"WLD001 今天{field[0]}{form.format(course)}", NOW)
    assert (query.intent, query.fields, query.unread, query.negation) == (Intent.TREND, (field[1],), (), "")


def test_a_litre_is_no_course() -> None:
    assert parse_prompt("WLD001 今天气体用了多少升", NOW).intent is not Intent.TREND


SAME_CHINESE = st.sampled_from(["同一时段", "同时段", "相同时段", "同期", "同一段时间", "同一时间段"])
SAME = st.sampled_from(
    ["in the same period", "in the same time", "over the same time span", "during the same hours", "at the same time"]
)


@settings(deadline=None)
@given(same=SAME_CHINESE, device=st.sampled_from(["WLD002", "WLD003"]))
def test_the_same_time_is_that_of_the_question_before_in_chinese(same: str, device: str) -> None:
    before = parse_prompt("WLD001 昨天上午10点到12点的合格率", NOW)
    query = completed(parse_prompt(f"那{same}{device}的合格率呢？", NOW), before)
    assert (query.time, query.conditions, query.statistics) == (before.time, before.conditions, before.statistics)
    assert (query.devices, query.unread) == ((device,), ())


@settings(deadline=None)
@given(same=SAME, device=st.sampled_from(["WLD002", "WLD003"]))
def test_the_same_time_is_that_of_the_question_before(same: str, device: str) -> None:
    before = parse_prompt("pass rate of WLD001 yesterday from 10 to 12", NOW)
    query = completed(parse_prompt(f"and the pass rate of {device} {same}?", NOW), before)
    assert (query.time, query.conditions, query.statistics) == (before.time, before.conditions, before.statistics)
    assert (query.devices, query.unread) == ((device,), ())


@settings(deadline=None)
@given(same=SAME)
def test_a_whole_question_takes_nothing_but_the_time(same: str) -> None:
    before = parse_prompt("pass rate of WLD001 yesterday from 10 to 12", NOW)
    query = completed(parse_prompt(f"what was the mean current of WLD003 {same}?", NOW), before)
    assert (query.time, query.conditions, query.statistics) == (before.time, (), (Statistic.MEAN,))
    assert (query.devices, query.unread) == (("WLD003",), ())


def test_the_same_time_as_nothing_is_named() -> None:
    query = completed(parse_prompt("同一时间段WLD002的平均电流是多少", NOW), None)
    assert query.unread == ("同一时间段",)
