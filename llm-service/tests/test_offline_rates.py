"""Rates of labels are of the readings that have one: a machine at rest makes no seam, good or bad."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from llm_service.domain.model.request import ToolDefinition
from llm_service.providers.fallback import FallbackProvider
from penstock_testkit.clock import ManualClock

NOW = datetime(2026, 11, 30, 8, 15, tzinfo=UTC)
_PROPERTIES = {
    "list_devices": ["search"],
    "device_statistics": [
        *("device_code", "other_device_codes", "fields", "start_time", "end_time", "conditions"),
        *("value_counts", "durations", "any_of"),
    ],
}
# Of 1000 readings each; the longer a machine rests ("" is no label), the smaller is its share of all.
COUNTS: Mapping[str, Mapping[str, int]] = {
    "WLD001": {"good": 800, "porosity": 100, "undercut": 60, "": 40},
    "WLD002": {"good": 60, "porosity": 30, "undercut": 10, "": 900},
    "WLD003": {"good": 150, "porosity": 50, "": 800},
    "WLD004": {"": 1000},
}
SPELLS = {"porosity": 3, "undercut": 5}
# Share of bad ones and of porosity among the labelled, of each machine.
BAD = {"WLD002": "40 %", "WLD003": "25 %", "WLD001": "16.7 %"}


class Shop:
    """Machines that have known counts of labels."""

    def __init__(self, new_id: Callable[[str], str], tool_talk: Callable[..., Any]) -> None:
        tools = tuple(
            ToolDefinition(
                name=name, parameters=json.dumps({"type": "object", "properties": {key: {} for key in properties}})
            )
            for name, properties in _PROPERTIES.items()
        )
        self.talk = tool_talk(FallbackProvider(clock=ManualClock(start=NOW), new_id=new_id), tools, self.answer)

    def answer(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if name == "list_devices":
            card = {"fields": ["current", "quality_label"], "text_fields": ["quality_label"]}
            return {"devices": [{"device_code": code, **card} for code in COUNTS]}
        codes = [arguments["device_code"], *arguments.get("other_device_codes", [])]
        devices = [self.statistics(code, arguments) for code in codes]
        return {"devices": devices} if len(devices) > 1 else devices[0]

    @staticmethod
    def statistics(code: str, arguments: dict[str, Any]) -> dict[str, Any]:
        counts, conditions = COUNTS[code], arguments.get("conditions", [])
        chosen = {
            label: count
            for label, count in counts.items()
            if all((label == each["value"]) == (each["operator"] == "=") and label for each in conditions)
        }
        told = {"device_code": code, "row_count": sum(chosen.values()), "rows_in_range": sum(counts.values())}
        told |= {"statistics": [], "value_counts": {"quality_label": chosen}} if arguments.get("value_counts") else {}
        spells = sum(SPELLS.get(label, 1) for label in chosen)
        timed = {"seconds": told["row_count"], "range_seconds": 1000, "spells": spells}
        return {"statistics": [], **told, **({"fitting_time": timed} if arguments.get("durations") else {})}


@pytest.fixture
def shop(new_id: Callable[[str], str], tool_talk: Callable[..., Any]) -> Shop:
    return Shop(new_id, tool_talk)


@pytest.mark.parametrize(
    "question",
    [
        "把四台机按今天的不良率从高到低排一下",
        "今天哪台机器的不良率最高？",
        "rank all machines by defect rate today",
        "which machine has the highest scrap rate today?",
    ],
)
async def test_machines_are_ranked_by_the_bad_ones_among_the_readings_with_a_label(shop: Shop, question: str) -> None:
    text = await shop.talk.ask(question)
    places = [f"{place}. {code}: {share}" for place, (code, share) in enumerate(BAD.items(), 1)]
    assert text.index(places[0]) < text.index(places[1]) < text.index(places[2])
    assert "WLD002" in text.splitlines()[0]
    assert "40 %" in text.splitlines()[0]
    assert "4 %" not in text.replace("40 %", "")
    assert "4. WLD004" not in text
    assert text.count("WLD004") == 1


@pytest.mark.parametrize(
    ("question", "share", "counts"),
    [
        ("pass rate of WLD002 today", "60", ("60", "100")),
        ("WLD002 今天的合格率是多少", "60", ("60", "100")),
        ("defect rate of WLD001 today", "16.7", ("160", "960")),
        ("share of porosity on WLD003 today", "25", ("50", "200")),
        ("WLD003今天气孔占多少比例", "25", ("50", "200")),
    ],
)
async def test_a_rate_is_told_in_one_sentence_and_once_what_it_is_of(
    shop: Shop, question: str, share: str, counts: tuple[str, str]
) -> None:
    text = await shop.talk.ask(question)
    assert f"{share} %" in text.replace(f"{share}%", f"{share} %")
    assert all(each in text for each in counts)
    assert "1000" not in text
    assert text.count("have a quality_label count") + text.count("只计有 quality_label") == 1


@pytest.mark.parametrize("question", ["share of time with porosity on WLD002 today"])
async def test_the_share_of_the_time_is_of_all_the_time(shop: Shop, question: str) -> None:
    text = await shop.talk.ask(question)
    assert "3 %" in text
    assert "quality_label count" not in text


async def test_a_machine_without_any_label_has_no_rate(shop: Shop) -> None:
    text = await shop.talk.ask("pass rate of WLD004 today")
    assert "No reading has a quality_label: WLD004." in text
    assert "0 %" not in text
    assert "没有任何 quality_label 的数据：WLD004" in await shop.talk.ask("四台机器今天的不良率排一下")


@pytest.mark.parametrize(
    "question", ["WLD001 今天的气孔和咬边哪个多？", "was there more undercut or porosity on WLD001 today?"]
)
async def test_of_two_labels_the_one_with_more_readings_is_told_with_the_numbers_of_both(
    shop: Shop, question: str
) -> None:
    text = await shop.talk.ask(question)
    assert ("the most is porosity" in text) or ("porosity 更多" in text)
    assert ("porosity 100 readings in 3 stretches; undercut 60 readings in 5 stretches" in text) or (
        "porosity 100 条数据、3 段；undercut 60 条数据、5 段" in text
    )
    assert "current" not in text
    later = await shop.talk.ask("and WLD002?")
    assert "porosity 30" in later
    assert "undercut 10" in later


async def test_the_label_with_fewer_readings_comes_first_where_fewer_are_asked_for(shop: Shop) -> None:
    text = await shop.talk.ask("fewer porosity or undercut readings on WLD002 today?")
    assert "the least is undercut (undercut 10 readings in 5 stretches; porosity 30 readings in 3 stretches)" in text


async def test_as_much_of_each_label_is_said(shop: Shop) -> None:
    text = await shop.talk.ask("which is more frequent on WLD004 today, porosity or undercut?")
    assert "as much of each (porosity 0 readings in 0 stretches; undercut 0 readings in 0 stretches)" in text


async def test_the_machine_before_is_the_first_of_the_ranking_by_labelled_readings(shop: Shop) -> None:
    await shop.talk.ask("which machine has the highest defect rate today?")
    assert "WLD002" in await shop.talk.ask("and how many porosity readings did it have?")
