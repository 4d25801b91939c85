"""The offline provider tells first what lasted: times in which a text field was not as usual."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from llm_service.domain.model.request import ToolDefinition
from llm_service.providers.fallback import FallbackProvider
from penstock_testkit.clock import ManualClock

NOW = datetime(2026, 11, 21, 14, 30, tzinfo=UTC)
SCHEMA = json.dumps({"type": "object", "properties": {key: {} for key in ("device_code", "start_time", "end_time")}})
TOOLS = (ToolDefinition(name="device_anomalies", parameters=SCHEMA),)
STATE = {
    "start_time": "2026-11-21T06:15:00Z",
    "end_time": "2026-11-21T06:30:00Z",
    "field": "quality_label",
    "value": "porosity",
    "usual_value": "good",
    "shifts": [
        {"name": "gas_flow", "level": 7.689, "usual_level": 14.0, "unit": "L/min"},
        {"name": "voltage", "level": 21.9, "usual_level": 20.0},
    ],
}


def strange(hour: int, **more: Any) -> dict[str, Any]:
    span = {"start_time": f"2026-11-21T{hour:02}:00:00Z", "end_time": f"2026-11-21T{hour:02}:01:00Z"}
    return {**span, "windows": 2, "score": 12.3, "fields": [{"name": "gas_flow", "contribution": 1}], **more}


SINGLE = [strange(hour, single_readings=True) for hour in (7, 8)]
ENGLISH, CHINESE = "anything odd with WLD002 since six this morning?", "WLD002今天有什么异常吗"


@pytest.fixture
def ask(new_id: Callable[[str], str], tool_talk: Callable[..., Any]) -> Callable[..., Any]:
    async def asked(text: str, **told: Any) -> str:
        answer = {"device_code": "WLD002", "threshold": 1.35, "window_count": 96, "anomalies": [], **told}
        provider = FallbackProvider(clock=ManualClock(start=NOW), new_id=new_id)
        return await tool_talk(provider, TOOLS, lambda name, arguments: answer).ask(text)

    return asked


async def test_a_time_in_which_a_text_was_not_as_usual_is_told_with_what_differed(ask: Any) -> None:
    english = await ask(ENGLISH, stretches=[STATE], stretch_count=1)
    assert english == (
        "On WLD002 since 2026-11-21 06:00 UTC this was not as usual (levels are medians, pauses left out):\n"
        "- 2026-11-21 06:15 to 2026-11-21 06:30 UTC (15 minutes): quality_label porosity instead of good; "
        "gas_flow 7.689 instead of 14 L/min; voltage 21.9 instead of 20"
    )
    chinese = await ask(CHINESE, stretches=[STATE], stretch_count=1)
    assert "有以下持续的异常" in chinese
    assert "持续 15 分钟）：quality_label 为 porosity（平时为 good）；gas_flow 为 7.689（平时为 14 L/min）" in chinese
    assert "没有明显异常" not in chinese


async def test_single_odd_readings_are_one_line_behind_what_lasted(ask: Any) -> None:
    told = {"stretches": [STATE], "anomalies": SINGLE, "anomaly_count": 21, "single_reading_count": 21}
    english = await ask(ENGLISH, **told)
    end = "Besides, 21 single odd readings of a moment (96 windows compared with its baseline, limit 1.35)."
    assert english.endswith(f"\n\n{end}")
    assert "score" not in english
    assert (await ask(CHINESE, **told)).endswith("此外还有 21 处瞬时的单个异常读数（96 个窗口与基线比较，阈值 1.35）。")


async def test_where_nothing_lasted_single_odd_readings_are_said_to_be_all_there_is(ask: Any) -> None:
    told = {"anomalies": SINGLE[:1], "anomaly_count": 1, "single_reading_count": 1}
    english = await ask(ENGLISH, **told)
    assert english.startswith("Nothing that lasts stands out on WLD002 since 2026-11-21 06:00 UTC, only 1 single odd ")
    assert "没有持续的异常，只有 1 处瞬时的单个异常读数" in await ask(CHINESE, **told)


async def test_windows_that_are_strange_as_a_whole_are_listed_without_those_of_single_readings(ask: Any) -> None:
    told = {"anomalies": [strange(10), *SINGLE], "anomaly_count": 3, "single_reading_count": 2, "brief_count": 3}
    english = await ask(ENGLISH, **told)
    assert "1 time stands out (96 windows" in english
    assert english.count("score") == 1
    assert "It is so short" in english
    assert english.endswith("Besides, 2 single odd readings of a moment.")
    chinese = await ask(CHINESE, **told)
    assert "有 1 处异常" in chinese
    assert chinese.endswith("此外还有 2 处瞬时的单个异常读数。")


async def test_more_times_than_there_was_room_for_are_counted(ask: Any) -> None:
    assert "13 more" in await ask(ENGLISH, stretches=[STATE], stretch_count=14)
