"""Which machine passed a limit first, and when: what lasted is told apart from single odd readings."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.parse import parse_prompt

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
BEGIN = NOW - timedelta(hours=2)
LISTED = 10
Row = dict[str, Any]
# Begins in minutes after the begin of the range, and seconds: WLD001 has single readings first and a short stretch
# before its many long ones, WLD002 begins beyond the limit, WLD003 has single readings alone, WLD004 none.
SPELLS = {
    "WLD001": [(1, 1.0), (5, 4.0), *((at, 30.0 + at) for at in range(20, 35))],
    "WLD002": [(0, 600.0), (50, 1.0)],
    "WLD003": [(3, 1.0), (7, 1.0)],
    "WLD004": [],
}


def told(code: str, arguments: Row) -> Row:
    least = float(arguments.get("shortest_spell", "0s")[:-1])
    end = datetime.fromisoformat(arguments["end_time"])
    every = [(BEGIN + timedelta(minutes=at), seconds) for at, seconds in SPELLS[code]]
    every = [(start, seconds) for start, seconds in every if start < end]
    kept = [(start, seconds) for start, seconds in every if seconds >= least]
    longest = sorted(kept, key=lambda spell: -spell[1])[:LISTED]
    time: Row = {"seconds": sum(each for _, each in kept), "range_seconds": 7200.0, "spells": len(kept)}
    time["longest_spells"] = [{"start_time": start.isoformat(), "seconds": seconds} for start, seconds in longest]
    answer: Row = {"device_code": code, "row_count": len(every), "rows_in_range": 7200, "statistics": []}
    answer |= {"fitting_time": time, "first_fitting_time": every[0][0].isoformat() if every else None}
    return answer


def answer(name: str, arguments: Row) -> Row:
    if name == "list_devices":
        common = {"fields": ["temperature"], "units": {"temperature": "°C"}}
        return {"devices": [{"device_code": code, **common} for code in SPELLS]}
    codes = [arguments["device_code"], *arguments.get("other_device_codes", [])]
    answers = [told(code, arguments) for code in codes]
    return {"devices": answers} if len(answers) > 1 else answers[0]


KEYS = {
    "list_devices": ("search",),
    "device_statistics": (
        *("device_code", "other_device_codes", "fields", "start_time", "end_time", "conditions"),
        *("durations", "shortest_spell", "extreme_times"),
    ),
}


@pytest.fixture
def ask(shop_talk: Callable[..., Any]) -> Callable[[str], Any]:
    return lambda text: shop_talk(NOW, KEYS, answer).ask(text)


def from_head(text: str, words: str) -> list[str]:
    """The lines from the one that names the first machine on."""
    lines = text.splitlines()
    return lines[next(at for at, line in enumerate(lines) if words in line) :]


ENGLISH = (
    "did the temperature of any machine cross 60 degrees in the last 2 hours? Which one and when first?",
    "which machine first exceeded 60 degrees in the last 2 hours, and when?",
)


@pytest.mark.parametrize("text", ENGLISH)
async def test_the_first_machine_is_named_and_single_readings_come_last(ask: Callable[[str], Any], text: str) -> None:
    lines = from_head(await ask(text), "first on")
    assert lines[0].startswith("Yes: temperature > 60 °C on 3 of 4 devices")
    assert lines[0].endswith("first on WLD002 at 2026-11-28 10:00:")
    assert [line[:8] for line in lines[1:5]] == ["- WLD002", "- WLD001", "- WLD003", "- WLD004"]
    assert ("maybe before" in lines[1], lines[1].endswith("for 10 minutes.")) == (True, True)
    assert lines[2] == (
        "- WLD001: first at 2026-11-28 10:05 UTC, for 4 seconds; a single reading before that at 2026-11-28 10:01."
    )
    assert ("single readings alone" in lines[3], "2026-11-28 10:03" in lines[3]) == (True, True)
    assert (lines[4], any("Left out" in line for line in lines)) == ("- WLD004: in no reading.", False)


async def test_the_first_machine_is_named_in_chinese(ask: Callable[[str], Any]) -> None:
    lines = from_head(await ask("过去两小时哪台机器的温度最先超过60度，什么时候？"), "最早是")
    assert ("4 台设备中有 3 台" in lines[0], "最早是 WLD002（2026-11-28 10:00）" in lines[0]) == (True, True)
    assert ("个别数据" in lines[3], lines[4]) == (True, "- WLD004：没有。")


@settings(deadline=None)
@given(
    limit=st.integers(20, 90),
    text=st.sampled_from(
        [
            "which machine first exceeded {} degrees today, and when?",
            "did the temperature of any machine exceed {} degrees today? Which one and when first?",
            "今天有没有哪台机器温度超过{}度？哪台？最早什么时候？",
        ]
    ),
)
def test_the_first_time_of_several_machines_is_asked_for(limit: int, text: str) -> None:
    query = parse_prompt(text.format(limit), NOW)
    assert (query.first, query.when, query.all_devices, query.unread) == (True, True, True, ())
    assert [each.value for each in query.conditions] == [float(limit)]
