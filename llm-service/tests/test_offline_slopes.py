"""Machines are ranked by trends as the slopes of their courses say, not by two readings; where none goes that way, it
is said."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llm_service.domain.model.request import ToolDefinition
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Statistic
from llm_service.providers.fallback import FallbackProvider
from penstock_testkit.clock import ManualClock

NOW = datetime(2026, 11, 28, 16, 0, tzinfo=UTC)
FIRST = NOW - timedelta(hours=4)
Row = dict[str, Any]
# What rises an hour, and what the last reading alone is off by.
RISING = {"WLD001": (0.0, 90.0), "WLD002": (2.0, 0.0), "WLD003": (5.0, -60.0)}
FALLING = {code: (-slope, -off) for code, (slope, off) in RISING.items()}
LEVEL = {"WLD001": (0.0, 90.0), "WLD002": (-1.0, 0.0), "WLD003": (0.0, -60.0)}


def points(slopes: dict[str, tuple[float, float]], code: str) -> list[tuple[datetime, float]]:
    """Every five minutes a value on the line, a tenth of a degree to either side; the last is off."""
    slope, off = slopes[code]
    values = [50.0 + slope * at / 12 + (0.1 if at % 2 else -0.1) for at in range(48)]
    values[-1] += off / 12
    return [(FIRST + timedelta(minutes=5 * at), value) for at, value in enumerate(values)]


def answer(slopes: dict[str, tuple[float, float]], name: str, arguments: Row) -> Row:
    if name == "list_devices":
        cards = {"fields": ["temperature", "current"], "units": {"temperature": "°C"}}
        cards |= {"first_seen": FIRST.isoformat(), "last_seen": NOW.isoformat()}
        return {"devices": [{"device_code": code, **cards} for code in slopes]}
    code = arguments["device_code"]
    course = points(slopes, code)
    if name == "device_query":
        rows = [[time.isoformat(), value] for time, value in course]
        units = {"temperature": "°C"}
        return {"device_code": code, "columns": ["timestamp", "temperature"], "rows": rows, "units": units}
    values = [value for _, value in course]
    told: Row = {"field": "temperature", "unit": "°C", "count": 48, "mean": sum(values) / 48, "first": values[0]}
    off = slopes[code][1]
    told |= {"last": values[-1] + off, "min": min(values), "max": max(values)}
    return {"device_code": code, "row_count": 48, "rows_in_range": 48, "statistics": [told]}


def tools() -> tuple[ToolDefinition, ...]:
    common = ["device_code", "fields", "start_time", "end_time", "conditions"]
    parameters = {
        "list_devices": ["search"],
        "device_statistics": [*common, "other_device_codes", "percentiles", "extreme_times"],
        "device_query": [*common, "limit", "interval", "aggregate", "newest_first"],
    }
    schemas = {
        name: json.dumps({"type": "object", "properties": {each: {} for each in keys}})
        for name, keys in parameters.items()
    }
    return tuple(ToolDefinition(name=name, parameters=schema) for name, schema in schemas.items())


Ask = Callable[..., Any]


@pytest.fixture
def start(new_id: Callable[[str], str], tool_talk: Callable[..., Any]) -> Ask:
    def started(slopes: dict[str, tuple[float, float]]) -> Any:
        provider = FallbackProvider(clock=ManualClock(start=NOW), new_id=new_id)
        return tool_talk(provider, tools(), lambda name, arguments: answer(slopes, name, arguments))

    return started


@pytest.mark.parametrize(
    "text",
    [
        "which machine's temperature has the steepest upward trend today?",
        "whose temperature rose the most today?",
        "Which machine heated up fastest today?",
        "which machine warmed up the most today?",
        "今天哪台机器温度升得最快？",
        "今天哪台机器的温度上升最快？",
        "今天哪台焊机温度上升趋势最强？",
    ],
)
async def test_the_steepest_course_leads_whatever_its_last_reading_is(start: Ask, text: str) -> None:
    told = await start(RISING).ask(text)
    head = told.splitlines()[0]
    assert "WLD003" in head
    assert "WLD001" not in head
    assert "°C/h" in head
    assert told.index("1. WLD003") < told.index("2. WLD002") < told.index("3. WLD001")


@pytest.mark.parametrize(
    "text",
    [
        "which machine cooled down the most today?",
        "whose temperature fell the most today?",
        "今天哪台机器的温度跌得最快？",
    ],
)
async def test_of_what_falls_the_steepest_fall_leads(start: Ask, text: str) -> None:
    told = await start(FALLING).ask(text)
    assert "WLD003" in told.splitlines()[0]
    assert "-" in told.splitlines()[0]


async def test_where_no_course_goes_the_way_asked_for_it_is_said(start: Ask) -> None:
    told = await start(LEVEL).ask("which machine's temperature rose the most today?")
    assert told.startswith("No device's temperature clearly rises")
    assert "has the strongest" not in told
    assert "没有设备的 temperature 明显上升" in await start(LEVEL).ask("今天哪台机器的温度上升最快？")


async def test_a_later_question_about_the_first_of_them_is_of_the_one_that_was_told(start: Ask) -> None:
    talk = start(RISING)
    await talk.ask("which machine's temperature rose the most today?")
    assert "WLD003" in await talk.ask("and what is its mean temperature today?")


@pytest.mark.parametrize(
    ("text", "falls"),
    [
        ("which machine shows the strongest downward trend in current today?", True),
        ("which machine showed the sharpest drop in current today?", True),
        ("which machine had the biggest drop in current today?", True),
        ("今天哪台机器的电流降幅最大", True),
        ("which machine shows the strongest upward trend in current today?", False),
        ("今天哪台机器的电流下降趋势最明显", True),
        ("今天哪台机器的电流上升趋势最明显", False),
    ],
)
def test_the_way_of_a_trend_is_read(text: str, falls: bool) -> None:
    query = parse_prompt(text, NOW)
    assert (Statistic.CHANGE in query.statistics, query.rank, query.unread) == (True, True, ())
    assert (Statistic.MIN in query.statistics) is falls


@pytest.mark.parametrize("text", ["which machine's temperature is rising fastest?", "哪台机器的温度上升最快？"])
async def test_without_a_time_the_slopes_are_those_of_the_last_hour(
    tool_talk: Callable[..., Any], new_id: Callable[[str], str], text: str
) -> None:
    calls: list[Row] = []

    def answered(name: str, arguments: Row) -> Row:
        calls.append(arguments)
        return answer(RISING, name, arguments)

    provider = FallbackProvider(clock=ManualClock(start=NOW), new_id=new_id)
    assert "WLD003" in (await tool_talk(provider, tools(), answered).ask(text)).splitlines()[0]
    hour_ago = (NOW - timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    assert {call["start_time"] for call in calls if "interval" in call} == {hour_ago}
