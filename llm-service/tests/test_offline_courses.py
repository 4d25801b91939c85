"""A question for yes or no about a course is answered with yes or no first, by the course of the readings."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llm_service.domain.offline.parse import parse_prompt

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
Row = dict[str, Any]
COURSES = {"up": range(60), "down": range(60, 0, -1), "": [5 + at % 2 for at in range(60)]}
RISING = (
    *("Is the temperature of WLD001 rising?", "was the temperature of WLD001 increasing today?"),
    *("has the temperature of WLD001 gone up today?", "WLD001 的温度是不是在上升？", "WLD001今天温度在升高吗"),
)
FALLING = (
    *("Is the temperature of WLD001 falling?", "was the temperature of WLD001 dropping today?"),
    *("WLD001 的温度是不是在下降？", "WLD001今天温度在下降吗"),
)
_COMMON = ("device_code", "fields", "start_time", "end_time", "conditions")
_KEYS = {
    "list_devices": ("search",),
    "device_statistics": (*_COMMON, "other_device_codes", "extreme_times", "durations", "shortest_spell"),
    "device_query": (*_COMMON, "limit", "newest_first", "interval", "aggregate"),
}


def answers(course: str) -> Callable[[str, Row], Row]:
    def answer(name: str, arguments: Row) -> Row:
        card = {"device_code": "WLD001", "fields": ["temperature"], "units": {"temperature": "°C"}}
        if name == "list_devices":
            return {"devices": [card]}
        if name == "device_statistics":
            told = [{"field": "temperature", "unit": "°C", "count": 60, "mean": 30.0, "min": 0.0, "max": 60.0}]
            return {"device_code": "WLD001", "row_count": 60, "rows_in_range": 60, "statistics": told}
        rows = [[(NOW - timedelta(minutes=60 - at)).isoformat(), value] for at, value in enumerate(COURSES[course])]
        return {"device_code": "WLD001", "columns": ["timestamp", "temperature"], "rows": rows, "units": card["units"]}

    return answer


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize(("text", "asked"), [*((each, "up") for each in RISING), *((each, "down") for each in FALLING)])
async def test_yes_or_no_comes_first_and_is_that_of_the_readings(
    shop_talk: Callable[..., Any], text: str, asked: str, course: str
) -> None:
    talk = shop_talk(NOW, _KEYS, answers(course))
    told = await talk.ask(text)
    assert told.startswith(("Yes: ", "是：") if course == asked else ("No: ", "不是："))


@pytest.mark.parametrize(
    "text",
    [
        *("how did the temperature of WLD001 develop today?", "is the temperature of WLD001 rising or falling?"),
        *(
            "trend of the temperature of WLD001",
            "WLD001的温度在升还是在降",
            "WLD001 温度的趋势",
            "rising temperature of WLD001",
        ),
    ],
)
def test_a_course_that_is_asked_for_itself_has_no_yes_or_no(text: str) -> None:
    assert parse_prompt(text, NOW, known_devices=("WLD001",), known_fields=("temperature",)).course == ""


@pytest.mark.parametrize("minutes", [20, 600])
async def test_a_run_that_fills_a_small_part_of_the_day_is_followed_closer(
    shop_talk: Callable[..., Any], minutes: int
) -> None:
    widths: list[str] = []

    def answer(name: str, arguments: Row) -> Row:
        if name != "device_query":
            return answers("up")(name, arguments)
        widths.append(arguments["interval"])
        points = minutes // 30 + 1 if arguments["interval"] == "30m" else minutes
        rows = [[(NOW - timedelta(minutes=points - at)).isoformat(), at] for at in range(points)]
        return {"device_code": "WLD001", "columns": ["timestamp", "temperature"], "rows": rows}

    talk = shop_talk(NOW, _KEYS, answer)
    told = await talk.ask("trend of the temperature of WLD001 today")
    assert widths == (["30m", "1m"] if minutes == 20 else ["30m"])
    assert "rises" in told or "rose" in told or "up" in told
