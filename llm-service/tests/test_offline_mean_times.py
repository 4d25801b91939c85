"""Mean times of stops, MTBF and MTTR, are told from the stops that last, or named as not understood."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llm_service.domain.offline.lasting_stop import LASTING
from llm_service.domain.offline.parse import parse_prompt

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
# Lengths of the stops that last in ten hours, in seconds.
STOPS = {"WLD001": [1200, 300, 60], "WLD002": [120], "WLD003": []}
Row = dict[str, Any]

BETWEEN = (
    *("what's the MTBF of {} today?", "mean time between failures of {} today", "MTBF for {} today please"),
    *("average time between stops on {} today?", "what was the average time between breakdowns on {} today?"),
    *("What is the mean time between stoppages of {} today?", "mtbf {} today"),
)
BETWEEN_HAN = (
    *("{}今天的平均故障间隔是多少？", "{} 今天的平均故障间隔时间", "{}今天的平均无故障时间有多长", "今天{}的MTBF"),
    *("{}今天的平均停机间隔", "{}今天平均无故障工作时间是多少"),
)
REPAIR = (
    *("mean time to repair for {} today", "MTTR of {} today?", "what is the average repair time of {} today?"),
    *("how high was the MTTR of {} today", "mean time to recovery of {} today"),
)
REPAIR_HAN = ("{}今天的平均修复时间", "{} 今天平均维修时间是多少", "今天{}的MTTR是多少", "{}今天的平均故障时长")


def statistics(code: str, arguments: Row) -> Row:
    stops = STOPS[code]
    answer: Row = {"device_code": code, "row_count": 3000, "rows_in_range": 36000}
    answer["statistics"] = [{"field": "current", "unit": "A", "count": 9, "mean": 1.0}]
    if arguments.get("durations"):
        first = (NOW - timedelta(hours=9)).isoformat()
        fitting: Row = {"seconds": sum(stops), "range_seconds": 36000, "spells": len(stops)}
        longest = {"longest_seconds": max(stops), "longest_start_time": first} if stops else {}
        answer["fitting_time"] = {**fitting, **longest, "longest_spells": []}
    return answer


def answer(name: str, arguments: Row) -> Row:
    if name == "list_devices":
        return {"devices": [{"device_code": code, "fields": ["current"], "units": {"current": "A"}} for code in STOPS]}
    codes = [arguments["device_code"], *arguments.get("other_device_codes", [])]
    told = [statistics(code, arguments) for code in codes]
    return {"devices": told} if len(told) > 1 else told[0]


_COMMON = ("device_code", "fields", "start_time", "end_time", "conditions")
_KEYS = {
    "list_devices": ("search",),
    "device_statistics": (*_COMMON, "other_device_codes", "extreme_times", "durations", "shortest_spell"),
}


@pytest.fixture
def talk(shop_talk: Callable[..., Any]) -> Any:
    return shop_talk(NOW, _KEYS, answer)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        *((text, "between") for text in (*BETWEEN, *BETWEEN_HAN)),
        *((text, "repair") for text in (*REPAIR, *REPAIR_HAN)),
    ],
)
def test_a_mean_time_of_stops_is_read_as_that_of_those_that_last(text: str, asked: str) -> None:
    query = parse_prompt(text.format("WLD001"), NOW)
    assert (query.mean_time, query.least, query.lasting, query.unread) == (asked, LASTING, True, ())


@pytest.mark.parametrize("text", [*BETWEEN, *BETWEEN_HAN])
async def test_the_mean_time_between_stops_is_the_time_not_stopped_by_their_number(talk: Any, text: str) -> None:
    told = await talk.ask(text.format("WLD001"))
    # 36 000 s less 1 560 s, by three.
    assert "3 hours 11 minutes" in told or "3 小时 11 分钟" in told
    assert "9 hours 34 minutes not stopped, 3 stops" in told or "未停机 9 小时 34 分钟" in told
    assert "failures are not told apart" in told or "无法把故障与其他停机区分开" in told


@pytest.mark.parametrize("text", [*REPAIR, *REPAIR_HAN])
async def test_the_mean_time_to_repair_is_the_mean_length_of_a_stop(talk: Any, text: str) -> None:
    told = await talk.ask(text.format("WLD001"))
    assert "8 minutes 40 seconds" in told or "8 分钟 40 秒" in told
    assert "26 minutes stopped, 3 stops" in told or "停机 26 分钟" in told


@pytest.mark.parametrize("text", [*BETWEEN[:2], *REPAIR[:2], BETWEEN_HAN[0], REPAIR_HAN[0]])
async def test_without_a_stop_there_is_no_mean_time(talk: Any, text: str) -> None:
    told = await talk.ask(text.format("WLD003"))
    assert "has no stop of at least 1 minute" in told or "没有至少 1 分钟的停机" in told


@pytest.mark.parametrize("text", ["which machine has the best MTBF today?", "今天各台机器的平均故障间隔"])
async def test_of_several_machines_each_mean_time_is_told(talk: Any, text: str) -> None:
    lines = (await talk.ask(text)).splitlines()
    for code, value in (("WLD001", ("3 hours 11", "3 小时 11")), ("WLD002", ("9 hours 58", "9 小时 58"))):
        assert any(code in line and any(each in line for each in value) for line in lines)


async def test_what_follows_a_mean_time_is_one_too_unless_something_else_is_asked(talk: Any) -> None:
    await talk.ask("MTBF of WLD001 today?")
    told = await talk.ask("and of WLD002?")
    assert "mean time between stops of WLD002" in told
    assert "9 hours 58 minutes" in told
    assert "The mean length of a stop of WLD002" in await talk.ask("and the MTTR?")
    assert "mean" not in (await talk.ask("how often did it stop?")).splitlines()[0]


async def test_a_length_that_is_named_is_the_one_that_counts(talk: Any) -> None:
    told = await talk.ask("MTBF of WLD001 today, stops longer than 2 minutes only")
    assert "2 minutes" in told


@pytest.mark.parametrize("text", ["MTBF of WLD001 today where voltage > 20", "MTTR of WLD001 when quality is porosity"])
def test_a_mean_time_that_can_not_be_told_is_named(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert not query.mean_time
    assert any("MT" in each for each in query.unread)
