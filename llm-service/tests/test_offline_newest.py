"""What a machine is doing now, how it is doing and whose value is highest now is told from the newest readings."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Remark, Statistic

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
HALLS = {"WLD001": "A", "WLD002": "B", "WLD003": "A", "WLD004": "B"}
# The newest current (A) and temperature (°C) of each; the highest ever were all of WLD001.
NEWEST = {"WLD001": (0.5, 30.0), "WLD002": (180.0, 61.0), "WLD003": (90.0, 47.0), "WLD004": (4.0, 52.0)}
UNITS = {"current": "A", "temperature": "°C"}
COMMON = ("device_code", "fields", "start_time", "end_time", "conditions")
PARAMETERS = {
    "list_devices": ("search",),
    "device_statistics": (*COMMON, "other_device_codes", "extreme_times"),
    "device_query": (*COMMON, "limit", "newest_first", "interval", "aggregate"),
}
Answer = dict[str, Any]
ENGLISH_STATES = ["state", "status", "current state"]
CHINESE_STATES = ["什么状态", "状态", "在干什么", "在做什么"]
ENGLISH_FIELDS = {"current": "current", "voltage": "voltage", "torch temperature": "temperature"}
CHINESE_FIELDS = {"电流": "current", "电压": "voltage", "温度": "temperature"}
CODES = st.sampled_from(sorted(HALLS))


def iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def statistics(code: str, first: datetime) -> Answer:
    fields = [
        {
            "field": name,
            "unit": UNITS[name],
            "count": 9,
            "mean": 9.0,
            "max": 999.0,
            "min": 0.0,
            "last": NEWEST[code][at],
        }
        for at, name in enumerate(UNITS)
    ]
    told = {"device_code": code, "row_count": 9, "rows_in_range": 99, "statistics": fields}
    return {**told, "first_fitting_time": iso(first), "last_fitting_time": iso(NOW)}


def answer_with(first: datetime) -> Callable[[str, Answer], Answer]:
    """Tools that know four machines in two halls, whose readings fit conditions from `first` on."""

    def answer(name: str, arguments: Answer) -> Answer:
        if name == "list_devices":
            extent = {"first_seen": iso(NOW - timedelta(days=1)), "last_seen": iso(NOW)}
            shared = {"fields": [*UNITS], "units": UNITS, **extent}
            return {"devices": [{"device_code": c, "labels": {"hall": hall}, **shared} for c, hall in HALLS.items()]}
        code = arguments["device_code"]
        if name == "device_query":
            rows = [[iso(NOW - timedelta(minutes=1)), *NEWEST[code]]]
            return {"device_code": code, "columns": ["timestamp", *UNITS], "units": UNITS, "rows": rows}
        found = [statistics(each, first) for each in (code, *arguments.get("other_device_codes", ()))]
        return {"devices": found} if len(found) > 1 else found[0]

    return answer


@pytest.fixture
def start(shop_talk: Callable[..., Any]) -> Callable[..., Any]:
    """What begins a talk; conditions are met from `first` on."""

    def begin(first: datetime = NOW) -> Any:
        return shop_talk(NOW, PARAMETERS, answer_with(first))

    return begin


@pytest.fixture
def talk(start: Callable[..., Any]) -> Any:
    return start()


@settings(deadline=None)
@given(code=CODES, state=st.sampled_from(ENGLISH_STATES), field=st.sampled_from(sorted(ENGLISH_FIELDS)))
def test_a_state_asked_beside_a_field_is_not_dropped(code: str, state: str, field: str) -> None:
    for text in (f"what is the {state} and the {field} of {code} right now?", f"{field} and {state} of {code}?"):
        query = parse_prompt(text, NOW)
        assert (query.tells_state, query.statistics) == (True, (Statistic.LAST,)), text
        assert (query.devices, query.fields, query.unread) == ((code,), (ENGLISH_FIELDS[field],), ()), text


@settings(deadline=None)
@given(code=CODES, state=st.sampled_from(CHINESE_STATES), field=st.sampled_from(sorted(CHINESE_FIELDS)))
def test_a_state_asked_beside_a_field_is_not_dropped_in_chinese(code: str, state: str, field: str) -> None:
    for text in (f"{code} 现在是{state}，{field}多少？", f"{code}现在{field}多少，{state}？"):
        query = parse_prompt(text, NOW)
        assert (query.tells_state, query.statistics) == (True, (Statistic.LAST,)), text
        assert (query.devices, query.fields, query.unread) == ((code,), (CHINESE_FIELDS[field],), ()), text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("what is the state and the temperature of WLD002 now?", "- state: running (running is current >= 5 A)"),
        ("what is the state and the temperature of WLD004 now?", "- state: stopped (running is current >= 5 A)"),
        ("WLD002 现在是什么状态，温度多少？", "- 状态：运行中（以 current >= 5 A 为运行）"),
        ("WLD004 现在是什么状态，温度多少？", "- 状态：停机（以 current >= 5 A 为运行）"),
    ],
)
async def test_the_state_is_told_above_the_newest_readings(talk: Any, text: str, line: str) -> None:
    lines = (await talk.ask(text)).splitlines()
    assert lines[1] == line
    assert any(each.startswith("- temperature: ") for each in lines[2:])


async def test_a_field_that_a_device_has_not_is_named_beside_the_state(talk: Any) -> None:
    assert "WLD001 has no field pressure" in await talk.ask("what is the state and the pressure of WLD001?")


@pytest.mark.parametrize("text", ["How's {} doing?", "how is {}", "What is {} doing?", "status of {}"])
async def test_how_a_machine_is_doing_is_told_by_its_newest_readings_as_an_overview(talk: Any, text: str) -> None:
    told = await talk.ask(text.format("WLD002"))
    assert told.startswith("The last reading of WLD002 is from 2026-11-28 11:59 UTC:\n- state: running")
    assert "- current: 180 A\n- temperature: 61 °C" in told
    assert "This is an overview" in told
    assert "999" not in told


async def test_how_a_machine_is_doing_is_an_overview_in_chinese(talk: Any) -> None:
    for text in ("WLD004怎么样", "WLD004 情况如何"):
        told = await talk.ask(text)
        assert "- 状态：停机" in told, text
        assert "以上是概况" in told, text


async def test_how_all_machines_are_doing_is_told_of_each(talk: Any) -> None:
    told = await talk.ask("How are the machines doing?")
    assert [code for code in HALLS if f"The last reading of {code}" in told] == [*HALLS]


async def test_an_overview_is_followed_by_another_machines_and_by_a_days_statistics(talk: Any) -> None:
    await talk.ask("How's WLD002 doing?")
    assert "- state: stopped" in await talk.ask("and WLD004?")
    today = await talk.ask("and today?")
    assert "WLD004 on 2026-11-28 so far (9 readings)" in today
    assert "mean 9 A" in today


async def test_the_state_is_not_told_where_a_range_is_asked_about(talk: Any) -> None:
    assert not parse_prompt("how was WLD001 doing yesterday?", NOW).tells_state
    assert "- state" not in await talk.ask("how is the temperature of WLD001?")


@settings(deadline=None)
@given(
    hall=st.sampled_from("AB"),
    end=st.sampled_from([("highest", Statistic.MAX), ("lowest", Statistic.MIN), ("maximum", Statistic.MAX)]),
    field=st.sampled_from(sorted(ENGLISH_FIELDS)),
    now=st.sampled_from(["right now", "now", "at the moment"]),
)
def test_an_end_of_now_of_several_machines_ranks_the_newest(
    hall: str, end: tuple[str, Statistic], field: str, now: str
) -> None:
    said, statistic = end
    for text in (f"what's the {said} {field} in hall {hall} {now}?", f"{said} {field} of all machines {now}"):
        query = parse_prompt(text, NOW)
        assert query.rank, text
        assert set(query.statistics) == {statistic, Statistic.LAST}, text


async def test_the_highest_of_now_in_a_hall_is_of_its_newest_readings(talk: Any) -> None:
    told = await talk.ask("What's the highest torch temperature in hall B right now?")
    assert "1. WLD002: 61 °C\n2. WLD004: 52 °C" in told
    assert "1. WLD003: 47 °C\n2. WLD001: 30 °C" in await talk.ask("And in hall A?")
    assert "1. WLD004：52" in (await talk.ask("B车间现在最低温度是多少")).replace(": ", "：")


async def test_the_highest_of_now_of_one_machine_is_its_newest_reading(talk: Any) -> None:
    told = await talk.ask("highest temperature of welder 2 right now")
    assert "- temperature: 61 °C" in told
    assert "999" not in told


@pytest.mark.parametrize("said", ["Plot", "chart", "graph"])
async def test_what_would_be_drawn_is_said_not_to_be(talk: Any, said: str) -> None:
    assert f"This text holds no drawing (“{said}”)" in await talk.ask(f"{said} the current of WLD001 for the last hour")


def test_a_drawing_is_no_part_of_other_questions() -> None:
    notes = parse_prompt("mean current of WLD001 today", NOW).notes
    assert all(note.remark is not Remark.NOT_DRAWN for note in notes)


@pytest.mark.parametrize(("minutes", "edge"), [(0, True), (5, True), (6, False), (90, False)])
async def test_what_begins_with_a_range_is_said_to_be_no_sure_start(
    start: Callable[..., Any], minutes: int, edge: bool
) -> None:
    talk = start(NOW.replace(hour=6) + timedelta(minutes=minutes))
    told = await talk.ask("When did WLD002 start up this morning?")
    assert ("so this is no sure start" in told) == edge
    assert ("不能确定它是开始时刻" in await talk.ask("今天上午 WLD002 什么时候启动的？")) == edge


@pytest.mark.parametrize("this", ["这个小时", "本小时", "这一小时"])
@pytest.mark.parametrize("last", ["上个小时", "上一个小时", "上一小时", "前一小时", "前一个小时"])
def test_the_hour_before_this_one_is_one_of_the_clock_in_chinese(this: str, last: str) -> None:
    query = parse_prompt(f"WLD004 {this}和{last}相比电流变化多少？", NOW + timedelta(minutes=28))
    assert [(each.start, each.end) for each in query.periods] == [
        (NOW, NOW + timedelta(minutes=28)),
        (NOW - timedelta(hours=1), NOW),
    ]
