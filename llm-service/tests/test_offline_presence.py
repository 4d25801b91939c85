"""The answers to who has data in a time, to the longest run and to the commonest defect of several machines."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

NOW = datetime(2026, 11, 30, 8, 30, tzinfo=UTC)
_NAMES = ["device_code", "other_device_codes", "fields", "start_time", "end_time", "conditions", "durations"]
KEYS = {"list_devices": ["search"], "device_statistics": [*_NAMES, "shortest_spell", "value_counts"]}
HALF_PAST_ONE = {"start_time": "2026-11-30T01:30:00Z", "seconds": 1800}


class Shop:
    """Two machines of hall A: readings of each, the counts of their labels, one stop at half past one."""

    def __init__(self, shop_talk: Callable[..., Any]) -> None:
        self.rows = {"WLD001": 281, "WLD002": 280}
        self.labels = {"WLD001": {"good": 9, "porosity": 4, "": 1}, "WLD002": {"good": 5, "undercut": 3, "porosity": 1}}
        self.stops = [HALF_PAST_ONE]
        self.spells = 1
        self._talk = shop_talk(NOW, KEYS, self.answer)

    async def ask(self, text: str) -> str:
        return await self._talk.ask(text)

    def answer(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if name == "list_devices":
            seen = {"first_seen": "2026-11-30T00:00:00Z", "last_seen": "2026-11-30T08:00:00Z"}
            card = {"fields": ["current", "quality_label"], "text_fields": ["quality_label"], "labels": {"hall": "A"}}
            return {"devices": [{"device_code": code, **card, **seen} for code in self.rows]}
        codes = [arguments["device_code"], *arguments.get("other_device_codes", [])]
        devices = [self.device(code, arguments) for code in codes]
        return {"devices": devices} if len(devices) > 1 else devices[0]

    def device(self, code: str, arguments: dict[str, Any]) -> dict[str, Any]:
        told: dict[str, Any] = {"device_code": code, "row_count": self.rows[code], "statistics": []}
        if arguments.get("value_counts"):
            told["value_counts"] = {"quality_label": self.labels[code]}
        if arguments.get("durations"):
            fitting = {"seconds": 1800, "range_seconds": 28800, "spells": self.spells, "longest_spells": self.stops}
            told |= {"fitting_time": fitting, "rows_in_range": 9}
        return told


@pytest.fixture
def shop(shop_talk: Callable[..., Any]) -> Shop:
    return Shop(shop_talk)


async def test_all_have_data_with_how_much(shop: Shop) -> None:
    text = await shop.ask("did all machines send data in the last five minutes?")
    assert text.startswith("Yes: 2 of 2 devices have readings")
    assert "- WLD001: 281 readings" in text
    assert "没有缺数据的设备" in await shop.ask("哪些机器今天没有数据")


async def test_who_has_none_is_named(shop: Shop) -> None:
    shop.rows["WLD002"] = 0
    assert (await shop.ask("did all machines send data today?")).startswith("No: 1 of 2 device has readings")
    assert "without any: WLD002." in await shop.ask("which machines have no data today")
    assert (await shop.ask("are there machines without data today?")).startswith("Yes: ")
    assert "没有数据的：WLD002。" in await shop.ask("哪些机器今天没有数据")


async def test_the_longest_time_without_a_stop_is_told_with_its_ends(shop: Shop) -> None:
    text = await shop.ask("what was the longest time WLD001 ran without a stop today")
    assert "WLD001 ran without a stop for 6 hours at most: 2026-11-30 02:00 to 2026-11-30 08:00." in text
    told = await shop.ask("WLD001今天一口气最长运行了多久")
    assert "WLD001 不停机连续运行最长 6 小时" in told


async def test_where_not_all_stops_are_listed_the_longest_run_is_left_out_and_said(shop: Shop) -> None:
    shop.spells = 11
    text = await shop.ask("what was the longest time WLD001 ran without a stop today")
    assert "at most" not in text
    assert "the longest time without a stop" in text


async def test_the_labels_of_several_machines_are_added_up(shop: Shop) -> None:
    text = await shop.ask("Which quality problem shows up most often in hall A over the last 24 hours?")
    assert "Together: good 14, porosity 5, undercut 3." in text


async def test_what_happened_is_answered_with_the_stops(shop: Shop) -> None:
    text = await shop.ask("did anything happen overnight")
    assert "2026-11-30 01:30 to 2026-11-30 02:00 (30 minutes)" in text
