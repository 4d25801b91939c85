"""Anomalies are told beside the stretches in which the labels were bad, which single odd readings hide."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from llm_service.domain.model.request import ToolDefinition
from llm_service.providers.fallback import FallbackProvider
from penstock_testkit.clock import ManualClock

NOW = datetime(2026, 11, 30, 8, 15, tzinfo=UTC)
_STATISTICS = ["device_code", "other_device_codes", "fields", "start_time", "end_time", "conditions", "percentiles"]
_STATISTICS += ["extreme_times", "value_counts", "durations", "shortest_spell"]
_PROPERTIES = {
    "list_devices": ["search"],
    "device_statistics": _STATISTICS,
    "device_anomalies": ["device_code", "other_device_codes", "fields", "start_time", "end_time"],
}
# By device the bad label and its stretches: when they began, for how many seconds.
BAD = {
    "WLD003": {"porosity": [("2026-11-30T06:15:00Z", 899)]},
    "WLD004": {
        "undercut": [("2026-11-30T06:30:00Z", 900)],
        "lack_of_fusion": [("2026-11-30T07:00:00Z", 900), ("2026-11-30T05:00:00Z", 60)],
    },
    "WLD001": {},
}


class Shop:
    """Machines whose anomalies are none, of which some were bad for a while."""

    def __init__(self, new_id: Callable[[str], str], tool_talk: Callable[..., Any], *lacking: str) -> None:
        properties = {
            name: {key: {} for key in keys if key not in lacking or name != "device_statistics"}
            for name, keys in _PROPERTIES.items()
        }
        tools = tuple(
            ToolDefinition(name=name, parameters=json.dumps({"type": "object", "properties": each}))
            for name, each in properties.items()
        )
        self.conditions: list[Any] = []
        self.talk = tool_talk(FallbackProvider(clock=ManualClock(start=NOW), new_id=new_id), tools, self.answer)

    def answer(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if name == "list_devices":
            return {"devices": [{"device_code": code, "fields": ["current", "quality_label"]} for code in BAD]}
        codes = [arguments["device_code"], *arguments.get("other_device_codes", [])]
        if name == "device_anomalies":
            devices = [{"device_code": code, "threshold": 2, "window_count": 9, "anomalies": []} for code in codes]
        elif conditions := arguments.get("conditions"):
            self.conditions.append((conditions, arguments.get("shortest_spell")))
            devices = [self.stretches(code, conditions[0]["value"]) for code in codes]
        else:
            counts = {code: dict.fromkeys(("good", "", *BAD[code]), 7) for code in codes}
            told = {"row_count": 9, "statistics": []}
            devices = [{"device_code": code, **told, "value_counts": {"quality_label": counts[code]}} for code in codes]
        return {"devices": devices} if len(devices) > 1 else devices[0]

    @staticmethod
    def stretches(code: str, label: str) -> dict[str, Any]:
        spells = [{"start_time": start, "seconds": seconds} for start, seconds in BAD[code].get(label, [])]
        fitting = {"seconds": 900, "range_seconds": 7200, "spells": len(spells), "longest_spells": spells}
        return {"device_code": code, "row_count": 9, "statistics": [], "fitting_time": fitting}


@pytest.mark.parametrize("question", ["anything odd with WLD003 since six this morning?", "WLD003今天有异常吗"])
async def test_what_lasted_is_told_by_its_label(
    question: str, new_id: Callable[[str], str], tool_talk: Callable[..., Any]
) -> None:
    shop = Shop(new_id, tool_talk)
    text = await shop.talk.ask(question)
    assert "- porosity" in text
    assert "2026-11-30 06:15" in text
    assert "2026-11-30 06:29:59" in text
    assert shop.conditions == [([{"field": "quality_label", "operator": "=", "value": "porosity"}], "60s")]


async def test_several_labels_are_told_in_the_order_of_time_and_machines_without_are_not_named(
    new_id: Callable[[str], str], tool_talk: Callable[..., Any]
) -> None:
    text = await Shop(new_id, tool_talk).talk.ask("any anomalies today?")
    about = text[text.index("What lasted on WLD004") :]
    assert about.index("05:00 to 2026-11-30 05:01") < about.index("undercut: 2026-11-30 06:30")
    assert about.index("undercut: 2026-11-30 06:30") < about.index("lack_of_fusion: 2026-11-30 07:00")
    assert "What lasted on WLD003" in text
    assert "What lasted on WLD001" not in text


@pytest.mark.parametrize("lacking", ["value_counts", "durations", "shortest_spell", "conditions"])
async def test_tools_that_cannot_tell_it_are_not_asked(
    lacking: str, new_id: Callable[[str], str], tool_talk: Callable[..., Any]
) -> None:
    shop = Shop(new_id, tool_talk, lacking)
    assert "What lasted" not in await shop.talk.ask("any anomalies on WLD003 today?")
    assert shop.conditions == []


async def test_anomalies_of_one_field_are_told_without_labels(
    new_id: Callable[[str], str], tool_talk: Callable[..., Any]
) -> None:
    shop = Shop(new_id, tool_talk)
    assert "What lasted" not in await shop.talk.ask("any anomalies in the current of WLD003 today?")
