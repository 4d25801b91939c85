"""Answers tell extremes far from the rest, gaps between readings, single stretches, and what groups have together."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llm_service.domain.model.request import ToolDefinition
from llm_service.providers.fallback import FallbackProvider
from penstock_testkit.clock import ManualClock

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
FIRST = NOW - timedelta(hours=2)
HALLS = {"WLD001": "A", "WLD002": "B", "WLD003": "A", "WLD004": "B"}
_ARGUMENTS = (
    *("device_code", "other_device_codes", "fields", "start_time", "end_time", "conditions", "any_of", "percentiles"),
    *("extreme_times", "durations", "integrals", "shortest_spell"),
)
Row = dict[str, Any]


def temperature(code: str, at: int) -> float:
    """50 to 59 degrees, a degree more for each machine; the first machine errs once."""
    return 300.0 if code == "WLD001" and at == 30 else 50.0 + at % 10 + [*HALLS].index(code)


def statistics(code: str, arguments: Row) -> Row:
    bounds = [each["value"] for each in arguments.get("conditions", ()) if each["field"] == "temperature"]
    bound = max(map(float, bounds), default=1e9)
    values = [(temperature(code, at), FIRST + timedelta(minutes=at)) for at in range(120)]
    fitting = [pair for pair in values if pair[0] <= bound]
    numbers = sorted(value for value, _ in fitting)
    highest = max(fitting)
    told: Row = {"field": "temperature", "unit": "°C", "count": len(numbers), "mean": sum(numbers) / len(numbers)}
    told |= {"min": numbers[0], "max": highest[0], "max_time": highest[1].isoformat(), "min_time": FIRST.isoformat()}
    told |= {"integral": 60 * sum(numbers)} if arguments.get("integrals") else {}
    if "percentiles" in arguments:
        told["percentiles"] = {"1": numbers[1], "99": numbers[-2]}
    answer: Row = {"device_code": code, "row_count": len(fitting), "rows_in_range": 120, "statistics": [told]}
    if arguments.get("durations"):
        answer["fitting_time"] = fitting_time(arguments)
    return answer


def fitting_time(arguments: Row) -> Row:
    """Four minutes and, unless only longer stretches count, one; and a gap."""
    spells = [(FIRST, 240), (FIRST + timedelta(hours=1), 60)]
    kept = [(start, lasts) for start, lasts in spells if lasts >= float(arguments.get("shortest_spell", "0s")[:-1])]
    shown = [{"start_time": start.isoformat(), "seconds": lasts} for start, lasts in kept]
    gap = {"start_time": (FIRST + timedelta(minutes=50)).isoformat(), "seconds": 90}
    total = sum(lasts for _, lasts in kept)
    told: Row = {"seconds": total, "range_seconds": 7200, "spells": len(kept), "longest_seconds": 240}
    told |= {"longest_start_time": FIRST.isoformat(), "longest_spells": shown}
    return told | {"gaps": 1, "gap_seconds": 90, "longest_gaps": [gap]}


def answer(name: str, arguments: Row) -> Row:
    if name == "list_devices":
        common = {"fields": ["temperature", "current"], "units": {"temperature": "°C", "current": "A"}}
        return {"devices": [{"device_code": code, "labels": {"hall": hall}, **common} for code, hall in HALLS.items()]}
    answers = [
        statistics(code, arguments) for code in (arguments["device_code"], *arguments.get("other_device_codes", ()))
    ]
    return {"devices": answers} if len(answers) > 1 else answers[0]


def tools(*left_out: str) -> tuple[ToolDefinition, ...]:
    known = {key: {} for key in _ARGUMENTS if key not in left_out}
    schema = json.dumps({"type": "object", "properties": known})
    listing = json.dumps({"type": "object", "properties": {"search": {}}})
    return (
        ToolDefinition(name="list_devices", parameters=listing),
        ToolDefinition(name="device_statistics", parameters=schema),
    )


Ask = Callable[..., Any]


@pytest.fixture
def ask(new_id: Callable[[str], str], tool_talk: Callable[..., Any]) -> Ask:
    async def answered(text: str, offered: tuple[ToolDefinition, ...] = tools()) -> str:
        provider = FallbackProvider(clock=ManualClock(start=NOW), new_id=new_id)
        return await tool_talk(provider, offered, answer).ask(text)

    return answered


async def test_a_maximum_far_from_the_rest_is_told_with_the_one_without_it(ask: Ask) -> None:
    text = await ask("max temperature of WLD001 in the last 2 hours")
    assert "is 300 °C (120 readings)." in text
    assert "300 °C at 2026-11-28 10:30 UTC, while 99 % of the readings end at 59 °C" in text
    assert "without readings beyond 61.25 °C it is 59 °C" in text
    chinese = await ask("WLD001最近两小时的最高温度")
    assert "不计超出 61.25 °C 的数据则为 59 °C" in chinese


@pytest.mark.parametrize("text", ["max temperature of WLD002 in the last 2 hours", "mean temperature of WLD001 today"])
async def test_nothing_is_said_of_extremes_that_belong_to_the_rest_or_were_not_asked_for(ask: Ask, text: str) -> None:
    assert "far from the rest" not in await ask(text)


async def test_a_ranking_led_by_such_a_reading_is_told_without_it_too(ask: Ask) -> None:
    text = await ask("which machine was hottest in the last 2 hours?")
    assert text.startswith("WLD001 has the highest maximum temperature")
    order = "WLD004 62 °C, WLD003 61 °C, WLD002 60 °C, WLD001 59 °C"
    assert f"Without such readings the order is: {order}." in text


async def test_a_tool_that_tells_no_percentiles_is_not_asked_for_them(ask: Ask) -> None:
    text = await ask("max temperature of WLD001 in the last 2 hours", tools("percentiles"))
    assert "is 300 °C" in text
    assert "far from the rest" not in text


async def test_gaps_between_readings_are_listed_beside_the_missing_values(ask: Ask) -> None:
    text = await ask("any gaps in the data of WLD001 today?")
    assert "Between the readings of WLD001 there is 1 gap, 1 minute 30 seconds in all:" in text
    assert "- 2026-11-28 10:50 to 2026-11-28 10:51:30 UTC (1 minute 30 seconds)" in text
    assert "共有 1 处中断，累计 1 分钟 30 秒" in await ask("WLD001今天有没有断线")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("how many rows are missing on WLD001 today?", "With a reading every 60 s that is about 2 readings missing."),
        ("WLD001今天少了多少行数据？", "按每 60 秒一条计算，约缺少 2 条数据。"),
        ("WLD001今天少了多少条数据？", "按每 60 秒一条计算，约缺少 2 条数据。"),
    ],
)
async def test_gaps_are_told_in_readings_too(ask: Ask, text: str, said: str) -> None:
    told = await ask(text)
    assert said in told
    assert "did not understand" not in told
    assert "没有理解" not in told


async def test_single_stretches_are_listed_with_their_mean_length(ask: Ask) -> None:
    text = await ask("how long did each stop of WLD001 take today?")
    assert "2 times" in text
    assert "2 minutes 30 seconds on average" in text
    assert "- 2026-11-28 11:00 to 2026-11-28 11:01 (1 minute)" in text


async def test_only_stretches_of_the_least_length_count_and_the_answer_says_so(ask: Ask) -> None:
    text = await ask("how many stops longer than 3 minutes did WLD001 have today?")
    assert "once (uninterrupted stretches of readings that last longer than 3 minutes), for 4 minutes" in text
    assert "11:01" not in text
    assert "只计持续超过 3 分钟 的" in await ask("WLD001今天超过3分钟的停机有几次")
    named = await ask("how many stops longer than 3 minutes did WLD001 have today?", tools("shortest_spell"))
    assert "Left out, as this kind of answer can't heed it: how long it has to last." in named


async def test_how_much_longer_one_was_is_told_as_a_difference(ask: Ask) -> None:
    assert "WLD002 − WLD001 = " in await ask("how much longer was WLD001 running than WLD002 today?")


async def test_by_how_much_one_of_two_is_ahead_is_told(ask: Ask) -> None:
    assert "WLD003 − WLD002 = 1 °C" in await ask("WLD002 和 WLD003 今天谁的平均温度更高，高多少")


async def test_groups_are_ranked_by_what_their_devices_have_together(ask: Ask) -> None:
    text = await ask("which hall had the higher mean temperature today, A or B?")
    assert text.startswith("A has the highest mean temperature on 2026-11-28 so far: 56.54 °C (of 2).\n")
    assert text.split("\n")[1].startswith("By group (mean temperature): A 56.54 °C, B 56.5 °C.")
    assert (await ask("哪个车间今天平均温度更高")).startswith("按组（temperature 平均值）：A 为 56.54 °C，B 为 56.5 °C")


async def test_a_mean_without_far_readings_is_told_beside_that_of_all(ask: Ask) -> None:
    text = await ask("mean temperature of WLD001 in the last 2 hours without outliers")
    assert "is 56.58 °C (120 readings)." in text
    assert "Without readings far from the rest:" in text
    assert "and temperature <= 61.25 is 54.54 °C (119 readings)." in text


async def test_a_second_question_compared_with_the_first_gets_the_difference(ask: Ask) -> None:
    text = await ask("mean temperature of WLD002 today? And compared with yesterday?")
    assert "WLD002 on 2026-11-28 so far compared with WLD002 on 2026-11-27:" in text


async def test_an_overview_tells_far_readings_without_asking_for_more(ask: Ask) -> None:
    text = await ask("WLD001 in the last 2 hours")
    assert "300 °C at 2026-11-28 10:30 UTC, while 99 % of the readings end at 59 °C" in text
    assert "without readings beyond" not in text


async def test_the_lead_of_an_amount_has_the_percent_of_the_amount(ask: Ask) -> None:
    text = await ask("which of the two, WLD002 or WLD003, had the higher total temperature today?")
    assert "WLD003 − WLD002 = 2 °C·h (1.8 %)" in text


async def test_a_ranking_by_nothing_says_that_readings_were_counted(ask: Ask) -> None:
    assert "by what to rank" in await ask("which machine is the highest today")
    assert "by what to rank" not in await ask("which machine has the most readings today")


async def test_a_ranking_asked_for_from_both_ends_is_told_from_both(ask: Ask) -> None:
    text = await ask("which machine had the highest and which the lowest mean temperature today?")
    assert "WLD004 has the highest mean temperature" in text
    assert "WLD002 has the lowest mean temperature" in text


async def test_the_hours_of_a_device_are_ranked_by_amounts(ask: Ask) -> None:
    text = await ask("in which hour today was the total temperature of WLD002 highest?")
    assert text.startswith("total over time of temperature of WLD002, in the order of the ranking:\n1. from ")


_WITHOUT_GLITCHES = [
    *(
        f"{question}{sep}{lead} {what}"
        for question, sep in [("when was WLD001 hottest today", ", "), ("max temperature of WLD001 today", " ")]
        for lead in ("leaving out", "ignoring", "not counting", "disregarding", "without", "filtering out")
        for what in ("glitches", "outliers", "the spikes", "sensor spikes")
    ),
    *(
        f"{lead}{what}，{question}"
        for question in ("WLD001今天温度什么时候最高", "WLD001今天的最高温度是多少")
        for lead in ("排除", "不计", "剔除", "忽略", "不考虑")
        for what in ("尖峰", "异常值", "毛刺", "离群点")
    ),
]


@pytest.mark.parametrize("text", _WITHOUT_GLITCHES)
async def test_where_glitches_shall_be_left_out_the_answer_begins_with_the_value_without_them(
    ask: Ask, text: str
) -> None:
    first = (await ask(text)).splitlines()[0]
    assert "59 °C" in first
    assert "300" not in first


async def test_a_ranking_without_glitches_is_not_led_by_one(ask: Ask) -> None:
    text = await ask("which machine was hottest in the last 2 hours, leaving out glitches?")
    assert text.startswith("WLD004 has the highest maximum temperature")
    assert "WLD004 的" in (await ask("排除尖峰，最近两小时哪台温度最高")).splitlines()[0]


@pytest.mark.parametrize(
    "text", ["max temperature of WLD001 today ignoring glitches", "忽略毛刺，WLD001今天的最高温度"]
)
async def test_where_glitches_can_not_be_told_apart_it_is_said(ask: Ask, text: str) -> None:
    told = await ask(text, tools("percentiles"))
    assert "to leave out readings far from the rest" in told or "去除明显偏离的数据" in told
