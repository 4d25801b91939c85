"""Answers about moments, times, durations, amounts and rankings state what the tools told of them."""

import json
import operator
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import pytest

from llm_service.domain.model.request import ToolDefinition
from llm_service.providers.fallback import FallbackProvider
from penstock_testkit.clock import ManualClock

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
FIRST = NOW - timedelta(hours=2)
CODES = ("WLD001", "kiln", "press")
FIELDS = {"current": "A", "gas_flow": "L/min"}
_COMMON = ("device_code", "fields", "start_time", "end_time", "conditions", "any_of")
_PARAMETERS = {
    "list_devices": ("search",),
    "device_statistics": (*_COMMON, "other_device_codes", "durations", "integrals", "extreme_times"),
    "device_query": (*_COMMON, "limit", "newest_first", "interval", "aggregate"),
}
COMPARE: dict[str, Callable[[float, float], bool]] = {">": operator.gt, "<": operator.lt, ">=": operator.ge}
Row = dict[str, Any]


def current(code: str, at: int) -> float:
    """Minutes 0 to 9 of every quarter of an hour run, the others idle; each device a little stronger."""
    return (100.0 + at) * (1 + CODES.index(code) / 10) if at % 15 < 10 else 0.0


def rows_of(code: str) -> list[Row]:
    return [
        {"timestamp": FIRST + timedelta(minutes=at), "current": current(code, at), "gas_flow": 2.0} for at in range(120)
    ]


def iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def in_range(code: str, arguments: Row) -> list[Row]:
    start, end = (arguments.get(name) for name in ("start_time", "end_time"))
    first = datetime.fromisoformat(start) if start else FIRST
    last = datetime.fromisoformat(end) if end else NOW
    return [row for row in rows_of(code) if first <= row["timestamp"] < last]


def fits(row: Row, arguments: Row) -> bool:
    def holds(each: Row) -> bool:
        value: float = row[each["field"]]
        return COMPARE[each["operator"]](value, float(each["value"]))

    every: list[Row] = arguments.get("conditions", [])
    some: list[Row] = arguments.get("any_of", [])
    return all(map(holds, every)) and (not some or any(map(holds, some)))


def statistics(code: str, arguments: Row) -> Row:
    there = in_range(code, arguments)
    rows = [row for row in there if fits(row, arguments)]
    answer: Row = {"device_code": code, "row_count": len(rows), "rows_in_range": len(there), "statistics": []}
    if rows:
        answer |= {"first_fitting_time": iso(rows[0]["timestamp"]), "last_fitting_time": iso(rows[-1]["timestamp"])}
    for field, unit in FIELDS.items() if rows else ():
        values = [row[field] for row in rows]
        told: Row = {"field": field, "unit": unit, "count": len(values), "mean": sum(values) / len(values)}
        told |= {"min": min(values), "max": max(values), "first": values[0], "last": values[-1]}
        told |= {"integral": 60 * sum(values)} if arguments.get("integrals") else {}
        answer["statistics"].append(told)
    if arguments.get("durations"):
        runs = [[*run] for holds, run in groupby(there, lambda row: fits(row, arguments)) if holds]
        longest = max(runs, key=len, default=[])
        answer["fitting_time"] = {
            "seconds": 60 * len(rows),
            "range_seconds": 60 * len(there),
            "spells": len(runs),
            "longest_seconds": 60 * len(longest),
            "longest_start_time": iso(longest[0]["timestamp"]) if longest else None,
        }
    return answer


def query(code: str, arguments: Row) -> Row:
    rows = [row for row in in_range(code, arguments) if fits(row, arguments)]
    limit = arguments.get("limit", 100)
    kept = rows[-limit:] if arguments.get("newest_first") else rows[:limit]
    cells = [[iso(row["timestamp"]), row["current"], row["gas_flow"]] for row in kept]
    return {"device_code": code, "columns": ["timestamp", *FIELDS], "rows": cells, "units": FIELDS}


def answer(name: str, arguments: Row) -> Row:
    if name == "list_devices":
        extent = {"first_seen": iso(FIRST), "last_seen": iso(NOW - timedelta(minutes=1))}
        return {"devices": [{"device_code": code, "fields": [*FIELDS], "units": FIELDS, **extent} for code in CODES]}
    if name == "device_query":
        return query(arguments["device_code"], arguments)
    answers = [
        statistics(code, arguments) for code in (arguments["device_code"], *arguments.get("other_device_codes", ()))
    ]
    return {"devices": answers} if len(answers) > 1 else answers[0]


def tools(**left_out: Sequence[str]) -> tuple[ToolDefinition, ...]:
    return tuple(
        ToolDefinition(
            name=name,
            parameters=json.dumps(
                {"type": "object", "properties": {key: {} for key in keys if key not in left_out.get(name, ())}}
            ),
        )
        for name, keys in _PARAMETERS.items()
    )


Ask = Callable[..., Any]


@pytest.fixture
def ask(new_id: Callable[[str], str], tool_talk: Callable[..., Any]) -> Ask:
    async def answered(text: str, offered: tuple[ToolDefinition, ...] = tools()) -> str:
        provider = FallbackProvider(clock=ManualClock(start=NOW), new_id=new_id)
        return await tool_talk(provider, offered, answer).ask(text)

    return answered


async def test_the_value_a_while_ago_is_that_of_the_last_reading_until_then(ask: Ask) -> None:
    assert await ask("current of WLD001 an hour ago") == "WLD001 at 2026-11-28 11:00 UTC:\n- current: 160 A"
    assert "在 2026-11-28 11:00（UTC）的数据：\n- current: 160 A" in await ask("WLD001一小时前的电流")


async def test_a_reading_from_before_the_moment_tells_its_time(ask: Ask) -> None:
    text = await ask("current of WLD001 at 11:00:30")
    assert (
        text
        == "WLD001 at 2026-11-28 11:00:30 UTC, by its last reading until then, of 2026-11-28 11:00:\n- current: 160 A"
    )


async def test_a_moment_before_all_data_has_no_value(ask: Ask) -> None:
    assert "has no reading at 2026-11-28 05:00 UTC or before" in await ask("current of WLD001 at 5 am")


async def test_values_at_two_moments_are_compared(ask: Ask) -> None:
    text = await ask("difference in current of WLD001 between 11:00 and 11:30")
    assert "- current: 2026-11-28 11:30 − 2026-11-28 11:00 = 30 A (18.8 %)" in text


async def test_the_device_that_is_highest_at_a_moment_comes_first(ask: Ask) -> None:
    text = await ask("which device had the highest current at 11:00?")
    assert [line.split()[0] for line in text.split("\n") if " at " in line] == ["press", "kiln", "WLD001"]


async def test_times_are_stretches_of_readings_with_their_duration(ask: Ask) -> None:
    text = await ask("how many times was the current of WLD001 above 50 in the last hour?")
    assert "current > 50 A on WLD001 from 2026-11-28 11:00 to 2026-11-28 12:00 UTC: 4 times" in text
    assert "for 40 minutes of 1 hour in all (66.7 % of the time, 40 of 60 readings)" in text
    assert "the longest lasted 10 minutes, from 2026-11-28 11:00 UTC" in text
    chinese = await ask("WLD001最近一小时电流超过50多久")
    assert "共 4 次" in chinese
    assert "累计 40 分钟，占 1 小时 的 66.7%" in chinese


@pytest.mark.parametrize(
    ("text", "begin"),
    [
        ("did the current of WLD001 exceed 50 in the last hour?", "Yes: "),
        ("did the current of WLD001 exceed 5000 in the last hour?", "No: not once on WLD001"),
        ("最近一小时WLD001电流有没有超过50", "有："),
        ("最近一小时WLD001电流有没有超过5000", "没有："),
    ],
)
async def test_a_question_whether_is_answered_with_yes_or_no(ask: Ask, text: str, begin: str) -> None:
    assert (await ask(text)).startswith(begin)


async def test_a_state_is_answered_by_the_condition_it_is_read_as(ask: Ask) -> None:
    text = await ask("what share of the time was WLD001 idle in the last hour?")
    assert "20 minutes of 1 hour" in text
    assert "I read “idle” as current < 5." in text


async def test_a_tool_without_durations_has_readings_counted_and_the_answer_says_so(ask: Ask) -> None:
    offered = tools(device_statistics=("durations", "integrals"))
    text = await ask("how many times was the current of WLD001 above 50 in the last hour?", offered)
    assert "40 of the 60 readings" in text
    assert "“how many times”: the readings that fit are counted, not how often that began." in text
    assert "can't answer the part “how long”" in await ask("how long was the current of WLD001 above 50?", offered)
    assert "can't answer the part “used”" in await ask("gas used by WLD001 today", offered)


async def test_what_a_flow_adds_up_to_is_told_in_its_unit_of_volume(ask: Ask) -> None:
    assert "is 120 L (60 readings)" in await ask("how much gas did WLD001 use in the last hour?")
    assert "gas_flow 累计量为 120 L" in await ask("WLD001最近一小时的用气总量")


async def test_one_of_two_conditions_is_enough(ask: Ask) -> None:
    text = await ask("how many readings of WLD001 with current > 210 or current < 50 in the last hour?")
    fitting = [row for row in rows_of("WLD001")[60:] if not 50 <= row["current"] <= 210]
    assert f"{len(fitting)} of the 60 readings" in text
    assert "current > 210 A or current < 50 A" in text


async def test_so_many_of_a_ranking_are_listed(ask: Ask) -> None:
    text = await ask("top 2 devices by mean current in the last hour")
    assert [line.split(":")[0] for line in text.split("\n")[1:]] == ["1. press", "2. kiln"]


async def test_devices_are_ranked_by_how_often_something_was(ask: Ask) -> None:
    text = await ask("which device had the most readings above 230 A in the last hour?")
    assert text.startswith("press has the highest number of readings")


async def test_times_per_hour_are_listed_by_hour(ask: Ask) -> None:
    text = await ask("how often per half an hour did the current of WLD001 exceed 50 in the last 2 hours?")
    assert text.count(": 2 times, for 20 minutes (66.7 % of the time)") == 4


async def test_units_of_fields_are_told(ask: Ask) -> None:
    assert await ask("in what unit is the gas flow measured?") == "WLD001, kiln, press: gas_flow in L/min."
    assert "gas_flow 的单位为 L/min" in await ask("气体流量的单位是什么")


async def test_a_device_whose_name_is_misspelt_is_asked_back_for(ask: Ask) -> None:
    assert "Did you mean kiln?" in await ask("mean current of klin in the last hour")


async def test_the_change_of_a_field_is_that_of_its_readings(ask: Ask) -> None:
    text = await ask("how much did the current of WLD001 change since 11:00?")
    assert "from 160 A to 0 A (change -160 A, -100 %" in text


async def test_what_is_rising_is_told_of_the_last_hour_of_the_data(ask: Ask) -> None:
    assert "current of WLD001 since 2026-11-28 10:59 UTC" in await ask("is the current of WLD001 rising?")


async def test_amounts_of_several_devices_are_added_up_too(ask: Ask) -> None:
    assert (await ask("how much gas did all devices use in the last hour?")).endswith("Together: 360 L.")
    assert (await ask("最近一小时所有设备一共用了多少气")).endswith("合计：360 L。")


async def test_when_a_machine_last_ran_is_the_last_reading_of_it(ask: Ask) -> None:
    text = await ask("when was WLD001 last running?")
    assert "last at 2026-11-28 11:54 UTC" in text
    assert "I read “running” as current >= 5." in text


async def test_durations_of_several_devices_are_added_up_too(ask: Ask) -> None:
    text = await ask("total running time of all devices in the last hour")
    assert text.count("for 40 minutes of 1 hour") == 3
    assert "Together: 2 hours." in text
