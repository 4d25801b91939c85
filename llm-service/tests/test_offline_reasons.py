"""Who asks why a machine stopped is told that readings hold no reasons, and then when it stopped: no "yes"."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llm_service.domain.offline.parse import parse_prompt

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
LAST = NOW - timedelta(hours=2)
Row = dict[str, Any]


def answer(name: str, arguments: Row) -> Row:
    if name == "list_devices":
        return {"devices": [{"device_code": "WLD001", "fields": ["current"], "units": {"current": "A"}}]}
    told: Row = {"device_code": "WLD001", "row_count": 3000, "rows_in_range": 36000}
    told["statistics"] = [{"field": "current", "unit": "A", "count": 9, "mean": 1.0}]
    if arguments.get("durations"):
        stop = {"start_time": LAST.isoformat(), "seconds": 600}
        fitting: Row = {"seconds": 600, "range_seconds": 36000, "spells": 1, "longest_seconds": 600}
        fitting |= {"longest_start_time": LAST.isoformat(), "last_spell": {**stop, "ongoing": False}}
        told["fitting_time"] = {**fitting, "longest_spells": [stop]}
        told |= {"first_fitting_time": LAST.isoformat(), "last_fitting_time": LAST.isoformat()}
    return told


_COMMON = ("device_code", "fields", "start_time", "end_time", "conditions")
_KEYS = {
    "list_devices": ("search",),
    "device_statistics": (*_COMMON, "other_device_codes", "extreme_times", "durations", "shortest_spell"),
    "device_query": (*_COMMON, "limit", "newest_first"),
}
WHY = (
    *(
        "Why did {} stop?",
        "why was {} idle?",
        "What is the reason {} stopped?",
        "why is {} idle?",
        "why did {} go idle",
    ),
    *("why did {} stop today?", "why was {} down today?", "what caused the stops of {} today?"),
)
WHY_HAN = (
    *("{} 为什么停了？", "{}为什么停机？", "{}今天为什么停机", "{}停机的原因是什么", "{}为何停了", "{}为什么空闲"),
    *("{}今天停机的原因",),
)


@pytest.mark.parametrize("text", [*WHY, *WHY_HAN])
async def test_why_it_stopped_begins_with_that_no_reason_is_known_and_tells_the_stop(
    shop_talk: Callable[..., Any], text: str
) -> None:
    talk = shop_talk(NOW, _KEYS, answer)
    told = await talk.ask(text.format("WLD001"))
    assert told.startswith(("I can't answer the part “", "“"))
    assert "explained" in told.splitlines()[0] or "不能解释" in told.splitlines()[0]
    assert "2026-11-28 10:00" in told
    assert "Yes" not in told
    assert "did not understand" not in told
    assert "没有理解" not in told


@pytest.mark.parametrize("text", ["why did the current of WLD001 drop below 100 A today?", "WLD001电流为什么低于100安"])
def test_why_is_no_question_for_yes_or_no(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert query.refused
    assert not query.whether


def test_a_number_beside_why_is_asked_for_as_before() -> None:
    query = parse_prompt("how often did WLD001 stop today, and why?", NOW)
    assert query.refused == "why"
    assert [each.value for each in query.statistics] == ["events"]
