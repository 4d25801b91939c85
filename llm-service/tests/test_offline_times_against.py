"""Whether a value is higher in one time than in another is answered with yes or no first, whichever way it is asked."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from llm_service.domain.offline.parse import parse_prompt

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
Row = dict[str, Any]
_COMMON = ("device_code", "fields", "start_time", "end_time", "conditions")
_KEYS = {
    "list_devices": ("search",),
    "device_statistics": (*_COMMON, "other_device_codes", "extreme_times", "durations", "integrals"),
}
# What is asked, and whether that holds where the value of today is the higher one.
ASKED = (
    ("was WLD001 hotter today than yesterday?", True),
    ("was WLD001 hotter yesterday than today?", False),
    ("is WLD001 colder today than yesterday?", False),
    ("was the mean temperature of WLD001 lower yesterday than today?", True),
    ("WLD001今天的平均温度比昨天高吗", True),
    ("WLD001昨天的平均温度比今天高吗", False),
    ("WLD001昨天的平均温度比今天低吗", True),
)


def answers(today: float, yesterday: float) -> Callable[[str, Row], Row]:
    def answer(name: str, arguments: Row) -> Row:
        if name == "list_devices":
            return {"devices": [{"device_code": "WLD001", "fields": ["temperature"], "units": {"temperature": "°C"}}]}
        mean = today if arguments["start_time"].startswith("2026-11-28") else yesterday
        told = [{"field": "temperature", "unit": "°C", "count": 9, "mean": mean, "min": mean, "max": mean}]
        return {"device_code": "WLD001", "row_count": 9, "rows_in_range": 9, "statistics": told}

    return answer


@pytest.mark.parametrize("means", [(40.0, 30.0), (30.0, 40.0)])
@pytest.mark.parametrize(("text", "holds"), ASKED)
async def test_yes_or_no_is_that_of_the_two_times(
    shop_talk: Callable[..., Any],
    text: str,
    holds: bool,
    means: tuple[float, float],
) -> None:
    talk = shop_talk(NOW, _KEYS, answers(*means))
    told = await talk.ask(text)
    yes = holds == (means[0] > means[1])
    assert told.startswith(("Yes", "是") if yes else ("No", "不是", "否")), told


@pytest.mark.parametrize(
    "text",
    [
        *("compared with yesterday, is WLD001 hotter today?", "how much hotter was WLD001 today than yesterday?"),
        "compare the temperature of WLD001 today and yesterday",
    ],
)
def test_without_a_plain_than_between_the_times_no_side_is_taken(text: str) -> None:
    assert parse_prompt(text, NOW, known_devices=("WLD001",), known_fields=("temperature",)).beyond == ""
