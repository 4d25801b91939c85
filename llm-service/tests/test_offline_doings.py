"""What a machine did in a time is told by how long it ran and by its stops; "ten minutes later" moves a time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.parse import parse_prompt
from llm_service.testing import asked

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
DAWN = NOW.replace(hour=0)
STOPS = [(300, 240), (360, 60)]
Row = dict[str, Any]


def answer(name: str, arguments: Row) -> Row:
    if name == "list_devices":
        return {"devices": [{"device_code": "WLD001", "fields": ["current"], "units": {"current": "A"}}]}
    told: Row = {"device_code": "WLD001", "row_count": 300, "rows_in_range": 7200}
    told["statistics"] = [{"field": "current", "unit": "A", "count": 9, "mean": 1.0}]
    stops: list[Row] = [
        {"start_time": (DAWN + timedelta(minutes=at)).isoformat(), "seconds": long} for at, long in STOPS
    ]
    stops = stops if "T04" in arguments.get("start_time", "") else []
    fitting: Row = {"seconds": sum(each["seconds"] for each in stops), "range_seconds": 7200, "spells": len(stops)}
    told["fitting_time"] = {**fitting, "longest_spells": stops}
    return told


_COMMON = ("device_code", "fields", "start_time", "end_time", "conditions")
_KEYS = {
    "list_devices": ("search",),
    "device_statistics": (*_COMMON, "other_device_codes", "extreme_times", "durations", "shortest_spell"),
}


@pytest.fixture
def talk(shop_talk: Callable[..., Any]) -> Any:
    return shop_talk(NOW, _KEYS, answer)


DOINGS = (
    *(
        "what was WLD001 doing between {} and {}?",
        "between {} and {} what was WLD001 doing?",
        "WLD001 {}点到{}点在干什么",
    ),
    *("what was WLD001 doing from {}:00 to {}:00", "WLD001今天{}点到{}点在做什么？"),
)


@settings(max_examples=60, deadline=None)
@given(text=st.sampled_from(DOINGS), begin=st.integers(1, 8), length=st.integers(1, 3))
def test_what_it_was_doing_is_asked_of_the_range(text: str, begin: int, length: int) -> None:
    query = parse_prompt(text.format(begin, begin + length), NOW, known_devices=("WLD001",))
    assert query.doing
    assert query.time is not None
    assert (query.time.start, query.time.end) == (DAWN.replace(hour=begin), DAWN.replace(hour=begin + length))
    assert query.unread == ()


@pytest.mark.parametrize("text", DOINGS)
async def test_what_it_was_doing_is_how_long_it_ran_and_its_stops(talk: Any, text: str) -> None:
    told = await talk.ask(text.format(4, 6))
    assert "ran for 1 hour 55 minutes of 2 hours" in told or "运行 1 小时 55 分钟" in told
    assert "stopped for 5 minutes in 2 stops:" in told or "停机 2 次，共 5 分钟：" in told
    assert [line[13:18] for line in told.splitlines() if line.startswith("- ")] == ["05:00", "06:00"]


async def test_without_a_stop_it_ran_all_the_time_and_what_follows_is_told_likewise(talk: Any) -> None:
    told = await talk.ask("what was WLD001 doing between 7 and 9?")
    assert "ran for 2 hours of 2 hours (pauses of less than 1 minute included), and did not stop for longer." in told
    assert "stopped for 5 minutes in 2 stops:" in await talk.ask("and between 4 and 6?")


@pytest.mark.parametrize("text", ["what is WLD001 doing?", "WLD001在干什么", "how is WLD001 doing today?"])
def test_what_it_is_doing_now_is_asked_as_before(text: str) -> None:
    assert not parse_prompt(text, NOW, known_devices=("WLD001",)).doing


LATER = ("{} minutes later?", "and {} minutes later?", "what about {} minutes later", "{}分钟后呢？", "{}分钟之后")


@settings(max_examples=60, deadline=None)
@given(minutes=st.integers(2, 90), follow=st.sampled_from(LATER))
def test_so_long_later_counts_from_the_time_that_was_spoken_of(minutes: int, follow: str) -> None:
    for text in ("temperature of WLD001 at 8:00", "mean temperature of WLD001 from 8:00 to 9:00"):
        before, query = asked(text), asked(text, follow.format(minutes))
        assert before.time and before.time.start and query.time
        assert query.time.start == before.time.start + timedelta(minutes=minutes)
        assert (query.fields, query.statistics, query.unread) == (("temperature",), before.statistics, ())


@pytest.mark.parametrize(("follow", "hours"), [("an hour later?", 1), ("two hours later", 2), ("an hour earlier?", -1)])
def test_hours_later_and_earlier_move_the_time_too(follow: str, hours: int) -> None:
    query = asked("temperature of WLD001 at 8:00", follow)
    assert query.time and query.time.start
    assert query.time.start.hour == 8 + hours


@pytest.mark.parametrize("text", ["ten minutes later?", "temperature of WLD001 ten minutes later"])
def test_later_than_nothing_is_named_and_is_no_litre(text: str) -> None:
    query = parse_prompt(text, NOW, known_devices=("WLD001",))
    assert "gas_flow" not in query.fields
    assert any("later" in each for each in query.unread) or query.intent.value == "chat"
