"""When machines stood at the same time is told by all their stops, of which one answer lists the ten longest."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
DAY = datetime(2026, 11, 27, tzinfo=UTC)
_NAMES = ("device_code", "other_device_codes", "fields", "start_time", "end_time", "conditions", "durations")
KEYS = {"list_devices": ("search",), "device_statistics": (*_NAMES, "shortest_spell")}
Stops = dict[str, list[tuple[int, int]]]


class Shop:
    """Two machines whose stops are minutes of a day, told as the tool does: those in the range, the ten longest."""

    def __init__(self, stops: Stops) -> None:
        self.stops = stops
        self.ranges = 0

    def answer(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        seen = {"first_seen": "2026-11-27T00:00:00Z", "last_seen": "2026-11-28T11:59:59Z"}
        if name == "list_devices":
            return {"devices": [{"device_code": code, "fields": ["current"], **seen} for code in self.stops]}
        self.ranges += 1
        codes = [arguments["device_code"], *arguments.get("other_device_codes", [])]
        devices = [self.device(code, arguments) for code in codes]
        return {"devices": devices} if len(devices) > 1 else devices[0]

    def device(self, code: str, arguments: dict[str, Any]) -> dict[str, Any]:
        begin, until = (datetime.fromisoformat(arguments[name]) for name in ("start_time", "end_time"))
        least = float(str(arguments.get("shortest_spell", "0s")).removesuffix("s"))
        told: list[tuple[datetime, float]] = []
        for start, minutes in self.stops[code]:
            first = max(DAY + timedelta(minutes=start), begin)
            seconds = (min(DAY + timedelta(minutes=start + minutes), until) - first).total_seconds()
            told += [(first, seconds)] if seconds > 0 and seconds >= least else []
        told.sort(key=lambda each: -each[1])
        spells = [{"start_time": first.isoformat(), "seconds": seconds} for first, seconds in told[:10]]
        fitting = {"seconds": 1, "range_seconds": 86400, "spells": len(told), "longest_spells": spells}
        common: dict[str, Any] = {"device_code": code, "row_count": 9, "rows_in_range": 99, "statistics": []}
        return {**common, "fitting_time": fitting}


def drawn(seed: int, count: int) -> Stops:
    """So many stops of each machine, at minutes of the day, none of which touches another."""
    chance = random.Random(seed)
    found: Stops = {}
    for code in ("WLD001", "WLD002"):
        starts = sorted(chance.sample(range(0, 1400, 40), count))
        found[code] = [(start + chance.randrange(8), chance.randrange(2, 25)) for start in starts]
    return found


def covered(stops: list[tuple[int, int]]) -> set[int]:
    return {minute for start, length in stops for minute in range(start, start + length)}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("count", [5, 12, 30])
async def test_the_time_both_stood_is_that_of_all_stops(shop_talk: Callable[..., Any], seed: int, count: int) -> None:
    shop = Shop(drawn(seed, count))
    talk = shop_talk(NOW, KEYS, shop.answer)
    told = await talk.ask("When were WLD001 and WLD002 both standing still yesterday?")
    minutes = len(set[int].intersection(*(covered(each) for each in shop.stops.values())))
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours} hour{'s' * (hours != 1)}"] if hours else []
    parts += [f"{rest} minute{'s' * (rest != 1)}"] if rest else []
    assert (f"for {' '.join(parts)} in all" if minutes else "not once") in told.splitlines()[0]
    assert "longest stretches of each" not in told
    assert (shop.ranges > 1) == (count > 10)


async def test_where_pieces_do_not_list_all_stops_either_it_is_said(shop_talk: Callable[..., Any]) -> None:
    stops = {code: [(start, 2) for start in range(0, 60, 4)] for code in ("WLD001", "WLD002")}
    shop = Shop(stops)
    talk = shop_talk(NOW, KEYS, shop.answer)
    told = await talk.ask("When were WLD001 and WLD002 both standing still yesterday?")
    assert "compared are the longest stretches of each" in told
