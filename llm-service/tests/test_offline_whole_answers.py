"""Answers sum up what several machines did, leave out the hours to come, and say what is an estimate."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import Statistic

NOW = datetime(2026, 11, 28, 10, 7, tzinfo=UTC)
TODAY = NOW.replace(hour=0, minute=0)
HALLS = {"WLD001": "A", "WLD002": "B", "WLD003": "A"}
# Number of stops, and their minutes in all.
STOPS = {"WLD001": (2, 90), "WLD002": (1, 30), "WLD003": (3, 25)}
UNITS = {"current": "A", "voltage": "V", "gas_flow": "L/min"}
Row = dict[str, Any]
Ask = Callable[[str], Any]


def litres(hour: int) -> float:
    return 400.0 if hour == 3 else 500.0 + hour


def told(code: str, arguments: Row) -> Row:
    begin = datetime.fromisoformat(arguments["start_time"]) if "start_time" in arguments else TODAY
    whole = begin.hour != NOW.hour
    amount = litres(begin.hour) if whole else 5.0
    fields = [{"field": name, "unit": unit, "count": 9, "mean": 1.0, "min": 0.0} for name, unit in UNITS.items()]
    fields[-1]["integral"] = 60 * amount
    count, minutes = STOPS[code]
    spell = {"start_time": TODAY.isoformat(), "seconds": minutes * 60 / count}
    time = {"seconds": minutes * 60.0, "range_seconds": 36000.0, "spells": count, "longest_seconds": spell["seconds"]}
    time |= {"longest_start_time": TODAY.isoformat(), "longest_spells": [spell] * count}
    answer = {"device_code": code, "row_count": 9, "rows_in_range": 36000, "statistics": fields, "fitting_time": time}
    return answer | {"correlations": [{"fields": ["voltage", "current"], "r": 0.0}]}


def answer(name: str, arguments: Row) -> Row:
    if name == "list_devices":
        common = {"fields": [*UNITS], "units": UNITS}
        return {"devices": [{"device_code": code, "labels": {"hall": hall}, **common} for code, hall in HALLS.items()]}
    if "start_time" in arguments and datetime.fromisoformat(arguments["start_time"]) > NOW:
        raise AssertionError(f"asked for what is to come: {arguments}")
    codes = [arguments["device_code"], *arguments.get("other_device_codes", [])]
    answers = [told(code, arguments) for code in codes]
    return {"devices": answers} if len(answers) > 1 else answers[0]


KEYS = {
    "list_devices": ("search",),
    "device_statistics": (
        *("device_code", "other_device_codes", "fields", "start_time", "end_time", "conditions", "extreme_times"),
        *("durations", "shortest_spell", "integrals", "correlations"),
    ),
}


@pytest.fixture
def ask(shop_talk: Callable[..., Any]) -> Ask:
    return lambda text: shop_talk(NOW, KEYS, answer).ask(text)


@pytest.mark.parametrize(
    ("text", "together"),
    [
        ("how often and how long did the machines in hall A stop today?", "Together: 5 times, 1 hour 55 minutes."),
        ("how many stops were there in hall A today, and how long?", "Together: 5 times, 1 hour 55 minutes."),
        ("how long were all machines stopped today?", "Together: 6 times, 2 hours 25 minutes."),
        ("A厂房今天停了几次，共停多久？", "合计：5 次，1 小时 55 分钟。"),
    ],
)
async def test_stops_of_several_machines_are_counted_and_added_up(ask: Ask, text: str, together: str) -> None:
    assert together in await ask(text)


async def test_the_stops_of_each_hall_are_counted_and_added_up(ask: Ask) -> None:
    assert "A 5 (1 hour 55 minutes), B 1 (30 minutes)" in await ask("how often and how long did each hall stop today?")


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("which hour today had the least gas for WLD001?", "1. from 2026-11-28 03:00", "so far: 5 L"),
        ("the hour with the least gas today on WLD001", "1. from 2026-11-28 03:00", "so far: 5 L"),
        ("今天哪个小时WLD001用气最少？", "1. 在 2026-11-28 03:00", "截至目前: 5 L"),
        ("WLD001今天用气最少的小时是哪个", "1. 在 2026-11-28 03:00", "截至目前: 5 L"),
    ],
)
async def test_hours_to_come_are_left_out_and_the_running_one_is_not_the_least(
    ask: Ask, text: str, first: str, last: str
) -> None:
    lines = (await ask(text)).splitlines()
    assert lines[1].startswith(first)
    assert (len(lines), lines[-1][:2], lines[-1][-len(last) :]) == (12, "- ", last)


@pytest.mark.parametrize(
    "text", ["the hour with the most gas today on WLD001", "which hour did WLD001 use the most gas today?"]
)
async def test_the_running_hour_takes_part_where_the_most_is_asked_for(ask: Ask, text: str) -> None:
    lines = (await ask(text)).splitlines()
    assert (lines[1].startswith("1. from 2026-11-28 09:00"), lines[11][:3]) == (True, "11.")


@pytest.mark.parametrize("noun", ["hour", "day"])
@pytest.mark.parametrize("lead", ["the {} with the least gas", "what was the {} with the highest temperature"])
def test_the_one_interval_is_named_by_what_it_has(noun: str, lead: str) -> None:
    query = parse_prompt(f"{lead.format(noun)} on WLD001 this week", NOW)
    width = {"hour": timedelta(hours=1), "day": timedelta(days=1)}[noun]
    assert (query.interval, query.rank, query.unread) == (width, True, ())
    assert set(query.statistics) & {Statistic.MAX, Statistic.MIN}


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("how many kWh did WLD001 draw in the last six hours?", "No energy is measured"),
        ("how much energy has WLD001 drawn today?", "No energy is measured"),
        ("WLD001过去六小时耗了几度电？", "没有测量电能"),
    ],
)
async def test_energy_is_an_estimate_and_said_to_be_one(ask: Ask, text: str, head: str) -> None:
    told = await ask(text)
    assert (told.startswith(head), told.count(head), "kWh" in told) == (True, 1, True)
