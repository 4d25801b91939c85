"""Answers to single questions: no yes past a word, fields beside a condition, odd readings, the last one that fits."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

NOW = datetime(2026, 11, 30, 8, 30, tzinfo=UTC)
_STATISTICS = ["device_code", "other_device_codes", "fields", "start_time", "end_time", "conditions", "durations"]
_SPELLS = ["shortest_spell", "integrals", "percentiles", "extreme_times", "value_counts", "any_of"]
_QUERY = ["device_code", "fields", "start_time", "end_time", "conditions", "any_of", "limit", "newest_first"]
_ANOMALIES = ["device_code", "other_device_codes", "fields", "start_time", "end_time"]
KEYS = {
    "list_devices": ["search"],
    "device_statistics": [*_STATISTICS, *_SPELLS],
    "device_query": _QUERY,
    "device_anomalies": _ANOMALIES,
}
GAS = {"field": "gas_flow", "unit": "L/min", "count": 40, "mean": 0.02, "min": 0.0, "max": 0.06, "integral": 48.0}
CURRENT = {
    "field": "current",
    "unit": "A",
    "count": 900,
    "mean": 120.0,
    "min": 0.0,
    "max": 899.0,
    "std": 50.0,
    "percentiles": {"1": 0.0, "99": 230.0},
    "max_time": "2026-11-30T04:00:12Z",
    "min_time": "2026-11-30T04:00:00Z",
}
FITTING: dict[str, Any] = {
    "seconds": 600,
    "range_seconds": 3600,
    "spells": 4,
    "longest_seconds": 300,
    "longest_start_time": "2026-11-30T04:00:00Z",
    "longest_spells": [],
}
GOOD_GAS = {"start_time": "2026-11-30T05:00:00Z", "end_time": "2026-11-30T05:15:00Z", "field": "quality_label"}


class Shop:
    """Two machines in two halls; each answers every tool with the same few numbers."""

    def __init__(self, shop_talk: Callable[..., Any]) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.states: list[dict[str, Any]] = []
        self._talk = shop_talk(NOW, KEYS, self.answer)

    async def ask(self, text: str) -> str:
        return await self._talk.ask(text)

    def answer(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((name, arguments))
        if name == "list_devices":
            return {"devices": [self.card(code, hall) for code, hall in (("WLD001", "A"), ("WLD002", "B"))]}
        if name == "device_query":
            return self.rows(arguments)
        codes = [arguments["device_code"], *arguments.get("other_device_codes", [])]
        devices = [self.told(name, code) for code in codes]
        return {"devices": devices} if len(devices) > 1 else devices[0]

    def card(self, code: str, hall: str) -> dict[str, Any]:
        return {
            "device_code": code,
            "labels": {"hall": hall},
            "fields": ["current", "gas_flow", "quality_label"],
            "text_fields": ["quality_label"],
            "units": {"current": "A", "gas_flow": "L/min"},
            "first_seen": "2026-11-30T00:00:00Z",
            "last_seen": "2026-11-30T08:29:59Z",
        }

    def told(self, name: str, code: str) -> dict[str, Any]:
        if name == "device_anomalies":
            return {"device_code": code, "window_count": 96, "threshold": 1.0, "stretches": self.states}
        fitting: dict[str, Any] = {"fitting_time": FITTING, "rows_in_range": 3600, "row_count": 600}
        return {"device_code": code, **fitting, "statistics": [CURRENT, GAS]}

    def rows(self, arguments: dict[str, Any]) -> dict[str, Any]:
        columns = ["timestamp", *arguments["fields"]]
        values: dict[str, object] = {"current": 899.0, "quality_label": "porosity", "gas_flow": 7.0}
        row = ["2026-11-30T04:00:12Z", *(values[name] for name in arguments["fields"])]
        units = {"current": "A", "gas_flow": "L/min"}
        return {"device_code": arguments["device_code"], "columns": columns, "rows": [row], "units": units}


@pytest.fixture
def shop(shop_talk: Callable[..., Any]) -> Shop:
    return Shop(shop_talk)


@pytest.mark.parametrize(
    "text",
    [
        *("Does gas keep flowing on WLD001 while the arc is off?", "Is gas flowing on WLD001 when it is not welding?"),
        *("Did gas flow on WLD001 today while it was idle?", "WLD001停机时气体还在流吗"),
    ],
)
async def test_whether_something_flows_meanwhile_is_told_by_how_much_and_not_by_yes(shop: Shop, text: str) -> None:
    told = await shop.ask(text)
    assert "0.02 L/min" in told
    assert not told.startswith(("Yes", "No", "有", "没有", "是", "否"))
    assert "Left out" not in told
    assert "略去" not in told


@pytest.mark.parametrize(
    "text",
    [
        *("was WLD001 wobbling and welding today?", "is WLD001 wobbling and welding right now?"),
        *("WLD001今天摇晃着焊接过吗", "was WLD001 always wobbling and welding today?"),
    ],
)
async def test_yes_is_never_said_past_a_word_that_was_not_read(shop: Shop, text: str) -> None:
    told = await shop.ask(text)
    assert not any(line.startswith(("Yes", "- Yes", "有：", "是：", "是，")) for line in told.splitlines())


async def test_yes_is_said_where_all_was_read(shop: Shop) -> None:
    assert (await shop.ask("was WLD001 welding today?")).startswith("Yes: ")
    assert (await shop.ask("WLD001今天焊接过吗")).startswith("有：")


async def test_two_measures_of_two_groups_are_both_told(shop: Shop) -> None:
    told = await shop.ask("compare hall A with hall B: welding time and gas since 06:00")
    assert "By group: A 10 minutes, B 10 minutes" in told
    assert "By group (total over time of gas_flow): A 0.8 L, B 0.8 L" in told
    assert "Left out" not in told


async def test_odd_readings_are_listed_with_their_times(shop: Shop) -> None:
    told = await shop.ask("Which readings of WLD001 today are physically implausible? Give me timestamps.")
    assert "1 readings of WLD001" in told
    assert "- 2026-11-30 04:00:12: current 899 A" in told
    (asked,) = (arguments for name, arguments in shop.calls if name == "device_query")
    assert {"field": "current", "operator": ">", "value": 460.0} in asked["any_of"]


async def test_what_is_missing_and_what_cant_be_right_are_told_together(shop: Shop) -> None:
    told = await shop.ask("WLD001的数据有没有缺失或者不可信的读数")
    assert "缺失率" in told
    assert "2026-11-30 04:00:12: current 899 A" in told


async def test_the_last_reading_that_fits_is_said_to_be_that_with_its_label(shop: Shop) -> None:
    told = await shop.ask("When was the last bad seam on WLD002, and what was the current at that moment?")
    assert told.startswith("The last reading of WLD002 where quality_label != good is from 2026-11-30 04:00:12")
    assert "- current: 899 A" in told
    assert "- quality_label: porosity" in told


async def test_stretches_without_the_field_asked_for_are_no_anomalies_of_it(shop: Shop) -> None:
    usual: dict[str, Any] = {**GOOD_GAS, "value": "undercut", "usual_value": "good", "shifts": []}
    shop.states = [usual, {**usual, "value": "porosity"}]
    shop.states[1]["shifts"] = [{"name": "gas_flow", "level": 6.6, "usual_level": 12.0, "unit": "L/min"}]
    told = await shop.ask("any anomalies in the gas flow of WLD001 today?")
    assert "porosity" in told
    assert "undercut" not in told
    assert "undercut" in await shop.ask("any anomalies on WLD001 today?")


async def test_the_same_is_told_once(shop: Shop) -> None:
    told = await shop.ask("WLD001今天停机超过10分钟有几次？最长一次多久？")
    assert told.count("满足 current < 5 A") == 1
