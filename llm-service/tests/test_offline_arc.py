"""Answers set a value against the readings, and tell the power and the energy of an arc from voltage and current."""

import json
import operator
import statistics
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import pytest

from llm_service.domain.model.request import ToolDefinition
from llm_service.providers.fallback import FallbackProvider
from penstock_testkit.clock import ManualClock

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
FIRST = NOW - timedelta(seconds=1000)
UNITS = {"voltage": "V", "current": "A", "temperature": "°C"}
COMPARE: dict[str, Callable[[float, float], bool]] = {">=": operator.ge, "<": operator.lt, "<=": operator.le}
ARGUMENTS = (
    *("device_code", "other_device_codes", "fields", "start_time", "end_time", "conditions", "any_of", "percentiles"),
    *("extreme_times", "durations", "integrals", "correlations"),
)
Row = dict[str, Any]


def row(code: str, second: int) -> Row:
    """A second: four of five of an arc whose voltage rises with its current, the fifth at rest; WLD002 has half."""
    if second % 5 == 4:
        return {"voltage": 0.0, "current": 0.0, "temperature": 30.0}
    amps = (100.0 + second % 100) / (2 if code == "WLD002" else 1)
    return {"voltage": 20.0 + second % 100 / 20, "current": amps, "temperature": 40.0 + second % 20}


def rows(code: str, arguments: Row) -> tuple[list[Row], list[bool]]:
    every = [row(code, second) for second in range(1000)]
    conditions: list[Row] = arguments.get("conditions", [])
    fits = [all(COMPARE[c["operator"]](each[c["field"]], float(c["value"])) for c in conditions) for each in every]
    return every, fits


def told(code: str, arguments: Row) -> Row:
    every, fits = rows(code, arguments)
    kept = [each for each, fit in zip(every, fits, strict=True) if fit]
    columns = {name: [each[name] for each in kept] for name in UNITS}
    fields: list[Row] = []
    for name, values in columns.items():
        cuts = statistics.quantiles(values, n=100, method="inclusive")
        shares = {f"{share:g}": cuts[int(share) - 1] for share in arguments.get("percentiles", ())}
        one: Row = {"field": name, "unit": UNITS[name], "count": len(values), "mean": statistics.fmean(values)}
        one |= {"std": statistics.stdev(values), "min": min(values), "max": max(values), "percentiles": shares}
        fields.append(one)
    answer: Row = {"device_code": code, "row_count": len(kept), "rows_in_range": 1000, "statistics": fields}
    if arguments.get("correlations"):
        r = statistics.correlation(columns["voltage"], columns["current"])
        answer["correlations"] = [{"fields": ["voltage", "current"], "r": r}]
    if arguments.get("durations"):
        spells = sum(1 for fit, _ in groupby(fits) if fit)
        answer["fitting_time"] = {"seconds": float(sum(fits)), "range_seconds": 1000.0, "spells": spells}
    return answer


def result(name: str, arguments: Row) -> Row:
    if name == "list_devices":
        common = {"fields": list(UNITS), "units": UNITS}
        halls = {"WLD001": "A", "WLD002": "B"}
        return {"devices": [{"device_code": code, "labels": {"hall": hall}, **common} for code, hall in halls.items()]}
    codes = (arguments["device_code"], *arguments.get("other_device_codes", ()))
    answers = [told(code, arguments) for code in codes]
    return {"devices": answers} if len(answers) > 1 else answers[0]


TOOLS = (
    ToolDefinition(name="list_devices", parameters=json.dumps({"type": "object", "properties": {"search": {}}})),
    ToolDefinition(
        name="device_statistics",
        parameters=json.dumps({"type": "object", "properties": {name: {} for name in ARGUMENTS}}),
    ),
)
Ask = Callable[[str], Any]


@pytest.fixture
def ask(new_id: Callable[[str], str], tool_talk: Callable[..., Any]) -> Ask:
    async def answered(text: str) -> str:
        provider = FallbackProvider(clock=ManualClock(start=NOW), new_id=new_id)
        return await tool_talk(provider, TOOLS, result).ask(text)

    return answered


def watts(code: str, *, running: bool) -> float:
    products = [row(code, second)["voltage"] * row(code, second)["current"] for second in range(1000)]
    return statistics.fmean(each for each in products if each or not running)


async def test_the_mean_power_is_the_mean_of_the_products_of_voltage_and_current(ask: Ask) -> None:
    text = await ask("average power of WLD001 in kW today")
    assert f"is {watts('WLD001', running=False) / 1000:.4g} kW." in text
    welding = await ask("mean power of WLD002 while welding today")
    assert f"is {watts('WLD002', running=True) / 1000:.4g} kW." in welding
    assert f"为 {watts('WLD001', running=False) / 1000:.4g} kW。" in await ask("WLD001今天的平均功率")


async def test_machines_are_ranked_by_their_power(ask: Ask) -> None:
    lines = (await ask("which machine has the lowest mean power today?")).splitlines()
    assert ["WLD002" in lines[0], "WLD001" in lines[1]] == [True, True]


@pytest.mark.parametrize("text", ["how many kWh did WLD001 use today?", "energy consumption of WLD001 today"])
async def test_the_energy_of_the_arc_is_its_mean_power_times_its_time(ask: Ask, text: str) -> None:
    assert f"is {watts('WLD001', running=True) * 800 / 3.6e6:.4g} kWh." in await ask(text)


@pytest.mark.parametrize(
    ("text", "begin"),
    [
        ("is 22 V normal for WLD001?", "Yes: 22 V is usual"),
        ("is 22000 mV ok for WLD001?", "Yes: 22 V is usual"),
        ("is 30 V normal for WLD001?", "No: 30 V is higher than usual"),
        ("is 30 V too high for WLD001?", "Yes: 30 V is higher than usual"),
        ("is 22 V too low on WLD001?", "No: 22 V is usual"),
        ("is a temperature of 25 unusual for WLD001?", "Yes: 25 °C is lower than usual"),
        ("WLD001 的电压 22V 正常吗？", "是："),
        ("WLD001电压30V正常吗", "否："),
        ("60度对WLD001来说算高吗", "是："),
    ],
)
async def test_a_value_is_set_against_nine_tenths_of_the_readings(ask: Ask, text: str, begin: str) -> None:
    answer = await ask(text)
    assert answer.startswith(begin)
    assert "did not understand" not in answer
    assert "没有理解" not in answer


async def test_what_is_usual_for_an_arc_is_told_of_the_time_it_burns(ask: Ask) -> None:
    assert "where current >= 5 A; 90 % of its readings lie between 20.2" in await ask("is 24 V normal for WLD001?")


async def test_the_energies_of_groups_are_added_up(ask: Ask) -> None:
    text = await ask("compare the energy of hall A and hall B today")
    used = [f"{watts(code, running=True) * 800 / 3.6e6:.4g} kWh" for code in ("WLD001", "WLD002")]
    assert f"By group: A {used[0]}, B {used[1]}." in text
    assert "Left out" not in text


async def test_the_energy_of_each_day_is_told(ask: Ask) -> None:
    text = await ask("daily energy of WLD001 from 2026-11-26 to 2026-11-28")
    assert text.count(f"is {watts('WLD001', running=True) * 800 / 3.6e6:.4g} kWh.") == 3
    assert "on 2026-11-27" in text
