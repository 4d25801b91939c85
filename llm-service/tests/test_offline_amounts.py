"""Amounts of several machines as one table and in all of each time, groups named first, a moment and what was then."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.question_parts import question_parts

NOW = datetime(2026, 11, 30, 20, 30, tzinfo=UTC)
_STATISTICS = ["device_code", "other_device_codes", "fields", "start_time", "end_time", "conditions", "durations"]
_MORE = ["shortest_spell", "integrals", "percentiles", "extreme_times"]
_QUERY = ["device_code", "fields", "start_time", "end_time", "conditions", "limit", "newest_first", "interval"]
KEYS = {
    "list_devices": ["search"],
    "device_statistics": [*_STATISTICS, *_MORE],
    "device_query": _QUERY,
}
CODES = {"WLD001": "A", "WLD002": "A", "WLD003": "B", "WLD004": "B"}
FED = {"WLD001": 600.0, "WLD002": 1200.0, "WLD003": 60.0, "WLD004": 120.0}
PEAK = "2026-11-30T19:28:11Z"


class Shop:
    """Four machines in two halls; each feeds and welds as long in every time that is asked for."""

    def __init__(self, shop_talk: Callable[..., Any]) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.newest = 130.0
        self._talk = shop_talk(NOW, KEYS, self.answer)

    async def ask(self, text: str) -> str:
        return await self._talk.ask(text)

    def answer(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((name, arguments))
        if name == "list_devices":
            return {"devices": [self.card(code) for code in CODES]}
        if name == "device_query":
            row = ["2026-11-30T19:28:11Z", self.newest]
            return {"device_code": arguments["device_code"], "columns": ["timestamp", "current"], "rows": [row]}
        codes = [arguments["device_code"], *arguments.get("other_device_codes", [])]
        devices = [self.told(code) for code in codes]
        return {"devices": devices} if len(devices) > 1 else devices[0]

    def card(self, code: str) -> dict[str, Any]:
        seen = {"first_seen": "2026-11-29T00:00:00Z", "last_seen": "2026-11-30T20:29:59Z"}
        units = {"current": "A", "wire_feed": "m/min", "gas_flow": "L/min"}
        return {"device_code": code, "labels": {"hall": CODES[code]}, "fields": [*units], "units": units, **seen}

    def told(self, code: str) -> dict[str, Any]:
        seconds = FED[code]
        flows = [
            {"field": name, "unit": unit, "count": 60, "mean": 5.0, "integral": seconds}
            for name, unit in (("wire_feed", "m/min"), ("gas_flow", "L/min"))
        ]
        current = {"field": "current", "unit": "A", "count": 60, "max": 244.0, "max_time": PEAK, "min": 0.0}
        spells: dict[str, Any] = {"seconds": seconds, "range_seconds": 3600, "spells": 2, "longest_spells": []}
        rows = {"row_count": 60, "rows_in_range": 60}
        return {"device_code": code, **rows, "statistics": [current, *flows], "fitting_time": spells}


@pytest.fixture
def shop(shop_talk: Callable[..., Any]) -> Shop:
    return Shop(shop_talk)


@pytest.mark.parametrize(
    "text", ["wire per hour for every machine, 12 to 20 o'clock, as a table", "各台焊机12点到20点每小时用了多少焊丝"]
)
async def test_what_each_machine_used_an_hour_is_one_table(shop: Shop, text: str) -> None:
    told = await shop.ask(text)
    assert "| WLD001 | WLD002 | WLD003 | WLD004 |" in told
    assert told.count("| 10 m | 20 m | 1 m | 2 m |") == 8
    assert "| Σ | 80 m | 160 m | 8 m | 16 m |" in told
    assert "mean" not in told


async def test_several_machines_are_summed_up_for_each_of_two_times(shop: Shop) -> None:
    told = await shop.ask("全车间今天用气多少升,昨天呢")
    assert told.count("合计：33 L。") == 2
    assert "合计：33 L。（在 2026-11-29）" in told


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Did hall A or hall B use more gas today?", "A has the highest total over time of gas_flow"),
        ("A车间和B车间哪个焊得多(今天中午12点以后)", "A 的 时长最高：30 分钟（共比较 2 项）"),
    ],
)
async def test_of_two_groups_the_verdict_is_told_before_the_machines(shop: Shop, text: str, first: str) -> None:
    assert first in (await shop.ask(text)).splitlines()[0]


@pytest.mark.parametrize(
    "text",
    [
        "At what time today did WLD002 reach its peak current, and was WLD004 welding at that time?",
        "When was the current of WLD002 highest today, and was WLD004 welding then?",
        "WLD002今天什么时候电流最大,当时WLD004在焊吗?",
    ],
)
async def test_what_another_machine_did_at_a_moment_that_is_asked_for_is_told_of_that_moment(
    shop: Shop, text: str
) -> None:
    told = await shop.ask(text)
    assert "244 A" in told.splitlines()[0]
    assert "19:28:11" in told.splitlines()[0]
    assert any(line.startswith(("Yes: WLD004", "是：WLD004")) for line in told.splitlines())
    ends = [arguments["end_time"] for name, arguments in shop.calls if name == "device_query"]
    assert ends == ["2026-11-30T19:28:11.000001Z"]
    shop.newest = 0.2
    told = await shop.ask(text)
    assert any(line.startswith(("No: WLD004", "否：WLD004")) for line in told.splitlines())


def test_what_cant_be_asked_of_a_moment_is_one_question_or_named() -> None:
    codes = ("WLD002", "WLD004")
    assert not question_parts("When was WLD002 hottest, and was WLD002 welding then?", codes).then
    assert not question_parts("mean current of WLD002 and was WLD004 welding then", codes).then


@pytest.mark.parametrize(
    "text",
    ["How long did WLD001 take to reach 150 A this morning?", "WLD001今天早上用了多久达到150安"],
)
def test_how_long_it_took_to_reach_a_value_is_when_it_was_reached_first(text: str) -> None:
    query = parse_prompt(text, NOW)
    assert (query.statistics, query.when, query.first, query.unread) == ((), True, True, ())


def test_how_long_a_value_was_held_is_a_duration() -> None:
    assert not parse_prompt("How long was WLD001 above 150 A this morning?", NOW).when


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Did hall B weld more hours than hall A today?", "No: the duration of B is not higher than that of A, it is"),
        ("Did hall A use more gas than hall B today?", "Yes: the total over time of gas_flow of A is higher than"),
        ("Did hall A have fewer stops than hall B today?", "No: the number of times of A is not lower than that of B,"),
        ("Did WLD001 weld more hours than WLD002 today?", "No: the duration of WLD001 is not higher than that of"),
        ("Did WLD002 honestly use more gas than WLD001 today?", "Yes: the total over time of gas_flow of WLD002"),
        ("B车间今天比A车间焊得多吗？", "不是：B 的 时长不高于 A，低 27 分钟。"),
        ("A车间今天用气比B车间多吗？", "是：A 的 gas_flow 累计量高于 B，高 27 L。"),
    ],
)
async def test_of_two_halls_or_machines_the_answer_begins_with_yes_or_no(shop: Shop, text: str, said: str) -> None:
    told = await shop.ask(text)
    assert told.startswith(said)


@pytest.mark.parametrize(
    ("text", "apart"),
    [
        ("Did hall B weld more hours than hall A today?", "it is 27 minutes lower."),
        ("Did hall A use more gas than hall B today?", "by 27 L."),
        ("Did hall A have fewer stops than hall B today?", "both are the same."),
        ("Did WLD002 use more gas than WLD001 today?", "by 10 L."),
    ],
)
async def test_a_yes_or_no_of_two_tells_by_how_much(shop: Shop, text: str, apart: str) -> None:
    assert (await shop.ask(text)).splitlines()[0].endswith(apart)


async def test_a_word_that_changes_what_is_asked_leaves_no_yes_or_no(shop: Shop) -> None:
    told = await shop.ask("Did WLD002 use more recycled gas than WLD001 today?")
    assert "Yes" not in told
    assert "“recycled”" in told


@pytest.mark.parametrize(
    "text",
    [
        "which machine uses the most gas today, in percent of all?",
        "Which machine has the biggest share of the gas today?",
        "What percentage of the total gas did WLD002 use today?",
        "gas of each machine today in percent of the total",
        "今天哪台机器用气占比最大？",
        "WLD002今天用气占全车间的百分之几？",
        "今天每台机器占总用气量的百分比",
    ],
)
async def test_a_share_of_what_all_used_is_told_in_percent(shop: Shop, text: str) -> None:
    told = await shop.ask(text)
    assert "1. WLD002: 20 L (60.6 %)" in told
    assert "4. WLD003: 1 L (3.03 %)" in told
    assert "33 L" in told
    assert "did not understand" not in told
    assert "没有理解" not in told


async def test_a_share_of_a_hall_is_told_of_both(shop: Shop) -> None:
    told = await shop.ask("How many percent of today's gas did hall A use?")
    assert "A 30 L (90.9 %), B 3 L (9.09 %)" in told
    assert "did not understand" not in told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("How many machines had a mean gas flow below 6 L/min today?", "4 of 4 devices fit mean gas_flow < 6 L/min"),
        ("How many machines had a mean gas flow above 6 L/min today?", "0 of 4 devices fit mean gas_flow > 6 L/min."),
        ("今天有几台机器的平均气流低于6 L/min？", "4 台设备中有 4 台满足 gas_flow 平均值 < 6 L/min"),
    ],
)
async def test_machines_that_have_a_mean_within_a_limit_are_counted(shop: Shop, text: str, said: str) -> None:
    told = await shop.ask(text)
    assert told.startswith(said)
    assert "1. WLD001: 5 L/min" in told
    assert "Left out" not in told
