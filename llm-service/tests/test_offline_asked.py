"""Answers say yes or no of two machines, when a ranking's end was reached, from when to when the longest stop lasted,
and what power a machine draws now."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
HOT = {"WLD001": 71.0, "WLD002": 52.0, "WLD003": 33.0}
PEAK = {code: NOW - timedelta(minutes=10 + at) for at, code in enumerate(HOT)}
STOP = NOW - timedelta(hours=1)
UNITS = {"temperature": "°C", "voltage": "V", "current": "A"}
Row = dict[str, Any]


def statistics(code: str, arguments: Row) -> Row:
    mean = HOT[code]
    told: Row = {"field": "temperature", "unit": "°C", "count": 60, "mean": mean, "min": mean - 5, "max": mean + 5}
    told |= {"max_time": PEAK[code].isoformat()} if arguments.get("extreme_times") else {}
    answer: Row = {"device_code": code, "row_count": 60, "rows_in_range": 60, "statistics": [told]}
    if arguments.get("durations"):
        longest: Row = {"longest_seconds": 420, "longest_start_time": STOP.isoformat()}
        longest |= {"longest_spells": [{"start_time": STOP.isoformat(), "seconds": 420}]}
        answer |= {"first_fitting_time": STOP.isoformat(), "last_fitting_time": PEAK[code].isoformat()}
        answer["fitting_time"] = {"seconds": 600, "range_seconds": 7200, "spells": 3, **longest}
    return answer


def answer(name: str, arguments: Row) -> Row:
    if name == "list_devices":
        return {"devices": [{"device_code": code, "fields": [*UNITS], "units": UNITS} for code in HOT]}
    codes = [arguments["device_code"], *arguments.get("other_device_codes", [])]
    if name == "device_query":
        # The newest row lacks the current; the one before has both.
        last = [(NOW - timedelta(seconds=at)).isoformat() for at in (2, 1)]
        rows = [[last[0], 24.0, 150.0], [last[1], 25.0, None]]
        columns = ["timestamp", "voltage", "current"]
        return {"device_code": codes[0], "columns": columns, "rows": rows, "units": UNITS}
    told = [statistics(code, arguments) for code in codes]
    return {"devices": told} if len(told) > 1 else told[0]


_COMMON = ("device_code", "fields", "start_time", "end_time", "conditions")
_STATISTICS = (*_COMMON, "other_device_codes", "extreme_times", "durations", "correlations")
_TOOLS = {
    "list_devices": ("search",),
    "device_statistics": _STATISTICS,
    "device_query": (*_COMMON, "limit", "newest_first", "interval", "aggregate"),
}


@pytest.fixture
def talk(shop_talk: Callable[..., Any]) -> Any:
    return shop_talk(NOW, _TOOLS, answer)


@pytest.mark.parametrize("span", ["in the last four hours", "today"])
@pytest.mark.parametrize(
    ("asked", "yes"),
    [
        ("Has {} been running hotter than {}", True),
        ("Was {} hotter than {}", True),
        ("Did {} run colder than {}", False),
        ("Has the temperature of {} been lower than that of {}", False),
    ],
)
async def test_whether_one_machine_was_hotter_is_answered_by_yes_or_no(
    talk: Any, asked: str, yes: bool, span: str
) -> None:
    first = (await talk.ask(f"{asked.format('WLD001', 'WLD002')} {span}?")).splitlines()[0]
    assert first.startswith("Yes: " if yes else "No: ")
    other = (await talk.ask(f"{asked.format('WLD002', 'WLD001')} {span}?")).splitlines()[0]
    assert other.startswith("No: " if yes else "Yes: ")
    assert "current" not in first


@pytest.mark.parametrize("asked", ["{}今天是不是比{}热？", "{}今天的温度比{}高吗？", "{} 今天比 {} 热吗"])
async def test_whether_one_machine_was_hotter_is_answered_by_yes_or_no_in_chinese(talk: Any, asked: str) -> None:
    assert (await talk.ask(asked.format("WLD001", "WLD003"))).startswith("是：")
    assert (await talk.ask(asked.format("WLD003", "WLD001"))).startswith("不是：")


@pytest.mark.parametrize("text", ["how much hotter was WLD001 than WLD002 today?", "compare WLD001 and WLD002 today"])
async def test_a_comparison_that_asks_no_yes_or_no_begins_with_none(talk: Any, text: str) -> None:
    assert not (await talk.ask(text)).startswith(("Yes", "No:"))


@pytest.mark.parametrize("before", ["which machine was hottest today?", "今天哪台温度最高？"])
@pytest.mark.parametrize(
    "text",
    ["what time was that?", "when was that?", "at what time?", "是几点出现的？", "什么时候出现的？", "几点的事？"],
)
async def test_the_time_of_the_first_of_a_ranking_is_told_when_it_is_asked_for(
    talk: Any, before: str, text: str
) -> None:
    await talk.ask(before)
    told = await talk.ask(text)
    assert "2026-11-28 11:50" in told.splitlines()[0]
    assert "WLD001" in told.splitlines()[0]
    assert "Left out" not in told
    assert "未能" not in told


@pytest.mark.parametrize("before", ["max temperature of WLD002 today", "WLD002今天的最高温度"])
@pytest.mark.parametrize("text", ["what time was that?", "when did that happen?", "是几点出现的？", "什么时候的事？"])
async def test_the_time_of_an_extreme_is_told_when_it_is_asked_for(talk: Any, before: str, text: str) -> None:
    await talk.ask(before)
    assert "2026-11-28 11:49" in await talk.ask(text)


@pytest.mark.parametrize(
    ("before", "text"),
    [
        ("how long was the longest stop of WLD001 today?", "from when to when?"),
        ("how long was WLD001 idle today?", "from when to when was the longest?"),
        ("WLD001今天停机多久？", "最长的那段从几点到几点？"),
        ("WLD001今天最长的停机有多久？", "从几点到几点？"),
    ],
)
async def test_the_longest_stretch_is_told_from_its_start_to_its_end(talk: Any, before: str, text: str) -> None:
    await talk.ask(before)
    told = await talk.ask(text)
    assert "2026-11-28 11:00" in told
    assert "2026-11-28 11:07" in told


@pytest.mark.parametrize(
    "text",
    [
        "What's the power draw of WLD001 in kW right now?",
        "power of WLD001 now in kW",
        "How many kW is WLD001 drawing right now?",
        "What power is WLD001 drawing right now, in kW?",
        "what is the current power draw of WLD001 in kilowatts?",
        "WLD001 现在的功率是多少千瓦？",
        "WLD001当前功率是多少kW",
    ],
)
async def test_the_power_now_is_that_of_the_newest_row_with_both_factors(talk: Any, text: str) -> None:
    told = await talk.ask(text)
    assert "3.6 kW" in told
    assert "24 V × 150 A" in told


@pytest.mark.parametrize(
    "text",
    ["When did WLD001 go on its morning break and when was it back?", "WLD001今天上午休息是几点开始的，几点恢复的？"],
)
async def test_a_break_of_the_day_is_told_from_its_start_to_its_end(talk: Any, text: str) -> None:
    first = (await talk.ask(text)).splitlines()[0]
    assert "2026-11-28 11:00" in first
    assert "2026-11-28 11:07" in first
