"""A pause of seconds between two seams is no stop: neither of what runs now nor of since when it does."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.parse import parse_prompt

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
FIRST = NOW - timedelta(hours=10)
# The last current, and the begins (in minutes before now) and seconds of the stops, the last of which may go on.
LAST = {"WLD001": 120.0, "WLD002": 0.3, "WLD003": 0.2, "WLD004": 150.0}
STOPS = {"WLD001": [(300, 3600.0)], "WLD002": [(200, 600.0), (0.2, 12.0)], "WLD003": [(90, 5400.0)], "WLD004": []}
Row = dict[str, Any]
Ask = Callable[[str], Any]


def spells_of(code: str, arguments: Row) -> list[Row]:
    least = float(arguments.get("shortest_spell", "0s")[:-1])
    since = datetime.fromisoformat(arguments["start_time"]) if "start_time" in arguments else FIRST
    found: list[Row] = []
    for minutes, seconds in STOPS[code]:
        start = NOW - timedelta(minutes=minutes)
        begin, end = max(start, since), start + timedelta(seconds=seconds)
        length = (end - begin).total_seconds()
        if length > 0 and length >= least:
            found.append({"start_time": begin.isoformat(), "seconds": length, "ongoing": end == NOW})
    return found


def statistics(code: str, arguments: Row) -> Row:
    spells = spells_of(code, arguments)
    time: Row = {"seconds": sum(each["seconds"] for each in spells), "range_seconds": 36000.0, "spells": len(spells)}
    if spells:
        time["last_spell"] = spells[-1]
    return {"device_code": code, "row_count": 100, "rows_in_range": 36000, "statistics": [], "fitting_time": time}


def answer(name: str, arguments: Row) -> Row:
    if name == "list_devices":
        common = {"fields": ["current"], "units": {"current": "A"}, "first_seen": FIRST.isoformat()}
        return {"devices": [{"device_code": code, "last_seen": NOW.isoformat(), **common} for code in LAST]}
    codes = [arguments["device_code"], *arguments.get("other_device_codes", [])]
    if name == "device_query":
        rows = [[NOW.isoformat(), LAST[codes[0]]]]
        return {"device_code": codes[0], "columns": ["timestamp", "current"], "rows": rows, "units": {"current": "A"}}
    answers = [statistics(code, arguments) for code in codes]
    return {"devices": answers} if len(answers) > 1 else answers[0]


KEYS = {
    "list_devices": ("search",),
    "device_statistics": (
        *("device_code", "other_device_codes", "fields", "start_time", "end_time", "conditions"),
        *("durations", "shortest_spell"),
    ),
    "device_query": ("device_code", "fields", "start_time", "end_time", "conditions", "limit", "newest_first"),
}


@pytest.fixture
def ask_with(shop_talk: Callable[..., Any]) -> Callable[..., Any]:
    def answered(text: str, *left_out: str) -> Any:
        kept = {name: [key for key in keys if key not in left_out] for name, keys in KEYS.items()}
        return shop_talk(NOW, kept, answer).ask(text)

    return answered


@pytest.mark.parametrize(
    ("text", "head", "paused"),
    [
        ("is everything running?", "3 of 4 devices are running: WLD001, WLD002, WLD004.", "Yes: WLD002"),
        ("which machines are running?", "3 of 4 devices are running: WLD001, WLD002, WLD004.", "Yes: WLD002"),
        ("are any machines stopped right now?", "1 of 4 devices is stopped: WLD003.", "No: WLD002"),
        ("哪台机器在运行？", "4 台设备中有 3 台在运行：WLD001、WLD002、WLD004。", "是：WLD002"),
        ("哪些机器停着？", "4 台设备中有 1 台停机：WLD003。", "否：WLD002"),
    ],
)
async def test_a_machine_in_a_short_pause_runs_and_is_said_to_pause(
    ask_with: Callable[..., Any], text: str, head: str, paused: str
) -> None:
    lines = (await ask_with(text)).splitlines()
    told = next(line for line in lines if "WLD002" in line and line is not lines[0])
    assert (lines[0], paused in told, "12 s" in told or "12 秒" in told) == (head, True, True)
    assert sum("short pause" in line or "短暂停顿" in line for line in lines) == 1


async def test_whether_it_welds_is_a_question_of_the_arc(ask_with: Callable[..., Any]) -> None:
    assert (await ask_with("is WLD002 welding?")).startswith("No: WLD002 has current 0.3 A")


async def test_pauses_are_told_where_the_tool_knows_no_durations(ask_with: Callable[..., Any]) -> None:
    assert (await ask_with("is WLD002 running?", "durations")).startswith("No: WLD002 has current 0.3 A")


SINCE = {
    "WLD001": ("has been running", "since 2026-11-28 08:00 UTC, for 4 hours", "stood still for 1 hour."),
    "WLD002": ("has been running", "since 2026-11-28 08:50 UTC, for 3 hours 10 minutes", "in a short pause."),
    "WLD003": ("has stood still", "since 2026-11-28 10:30 UTC, for 1 hour 30 minutes", "(2026-11-28 12:00 UTC)."),
    "WLD004": ("has been running", "since its first reading, 2026-11-28 02:00 UTC, for 10 hours", "12:00 UTC)."),
}


@pytest.mark.parametrize("code", LAST)
@pytest.mark.parametrize(
    "text",
    [
        "how long has {} been in its current state?",
        "when did the state of {} last change?",
        "since when is {} running?",
    ],
)
async def test_the_state_lasts_since_the_last_change_that_lasted(
    ask_with: Callable[..., Any], code: str, text: str
) -> None:
    line = (await ask_with(text.format(code))).splitlines()[0]
    assert ([part in line for part in SINCE[code]], line.startswith(code)) == ([True] * 3, True)


@pytest.mark.parametrize(
    ("text", "begin"),
    [
        ("WLD001现在的状态持续多久了？", "WLD001 自 2026-11-28 08:00（UTC）起一直处于运行状态"),
        ("WLD003停了多久了？", "WLD003 自 2026-11-28 10:30（UTC）起一直处于停机状态"),
    ],
)
async def test_the_state_lasts_since_the_last_change_in_chinese(
    ask_with: Callable[..., Any], text: str, begin: str
) -> None:
    assert (await ask_with(text)).startswith(begin)


async def test_without_lengths_of_stops_the_newest_state_is_told(ask_with: Callable[..., Any]) -> None:
    told = await ask_with("how long has WLD001 been running?", "shortest_spell")
    assert "Pauses shorter" not in told


@settings(deadline=None)
@given(
    code=st.sampled_from([*LAST]),
    state=st.sampled_from(["its current state", "this state", "its present state", "the same state"]),
    lead=st.sampled_from(["how long has {} been in {}?", "since when has {} been in {}?"]),
)
def test_since_when_a_state_lasts_is_understood(code: str, state: str, lead: str) -> None:
    query = parse_prompt(lead.format(code, state), NOW)
    assert (query.standing, query.devices, query.unread) == (True, (code,), ())


@settings(deadline=None)
@given(
    code=st.sampled_from([*LAST]),
    state=st.sampled_from(["现在的状态", "当前状态", "目前的状态", "这个状态"]),
    lasting=st.sampled_from(["持续多久了", "从什么时候开始的", "保持多久了"]),
)
def test_since_when_a_state_lasts_is_understood_in_chinese(code: str, state: str, lasting: str) -> None:
    query = parse_prompt(f"{code}{state}{lasting}", NOW)
    assert (query.standing, query.devices, query.unread) == (True, (code,), ())


@pytest.mark.parametrize(
    "text",
    ["how long has WLD001 been welding?", "what is the state of WLD001?"],
)
def test_the_arc_and_the_state_itself_are_asked_for_otherwise(text: str) -> None:
    assert not parse_prompt(text, NOW).standing
