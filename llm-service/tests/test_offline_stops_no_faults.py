"""Of what stands out the times of stops, and of warming up behind them, are counted and not told as faults."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

NOW = datetime(2026, 11, 21, 14, 30, tzinfo=UTC)
_STATISTICS = ["device_code", "other_device_codes", "fields", "start_time", "end_time", "conditions", "durations"]
KEYS = {
    "list_devices": ["search"],
    "device_statistics": [*_STATISTICS, "shortest_spell", "integrals"],
    "device_anomalies": ["device_code", "other_device_codes", "fields", "start_time", "end_time"],
}


def strange(start: str, end: str, field: str) -> dict[str, Any]:
    fields = [{"name": field, "contribution": 0.9}]
    return {
        "start_time": f"2026-11-21T{start}Z",
        "end_time": f"2026-11-21T{end}Z",
        "windows": 4,
        "score": 9.5,
        "fields": fields,
    }


WARMTH = [
    strange("10:00:20", "10:04:00", "temperature"),
    strange("10:29:00", "10:37:00", "temperature"),
]
OVERHEATED = strange("13:00:00", "13:05:00", "temperature")
LITTLE_GAS = strange("10:31:00", "10:33:00", "gas_flow")


class Shop:
    """A machine that stood still from 10:00 to 10:30."""

    def __init__(self, shop_talk: Callable[..., Any]) -> None:
        self.anomalies = [*WARMTH]
        self.asked: list[dict[str, Any]] = []
        self._talk = shop_talk(NOW, KEYS, self.answer)

    async def ask(self, text: str) -> str:
        return await self._talk.ask(text)

    def answer(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if name == "list_devices":
            seen = {"first_seen": "2026-11-01T00:00:00Z", "last_seen": "2026-11-21T14:29:00Z"}
            return {"devices": [{"device_code": "WLD001", "fields": ["current", "temperature", "gas_flow"], **seen}]}
        if name == "device_statistics":
            self.asked.append(arguments)
            stop = {"start_time": "2026-11-21T10:00:00Z", "seconds": 1800}
            spells = {"seconds": 1800, "range_seconds": 52200, "spells": 1, "longest_spells": [stop]}
            rows = {"row_count": 1800, "rows_in_range": 52200}
            return {"device_code": "WLD001", **rows, "statistics": [], "fitting_time": spells}
        times = {"start_time": "2026-11-20T14:29:00Z", "end_time": "2026-11-21T14:29:00Z"}
        counts = {"threshold": 1.35, "window_count": 96, "anomaly_count": len(self.anomalies)}
        return {"device_code": "WLD001", **times, **counts, "anomalies": self.anomalies}


@pytest.fixture
def shop(shop_talk: Callable[..., Any]) -> Shop:
    return Shop(shop_talk)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("anything unusual on WLD001 today?", "On WLD001 2 times are left out that lie in stops or the warming up"),
        ("any faults on WLD001 today?", "no faults by themselves"),
        ("WLD001今天有没有异常？", "WLD001 另有 2 处属于停机或其后的升温，本身不是故障，未列出。"),
    ],
)
async def test_stops_and_warming_up_are_no_faults(shop: Shop, text: str, said: str) -> None:
    told = await shop.ask(text)
    assert said in told
    assert "10:29" not in told
    assert "score" not in told
    assert "得分" not in told


async def test_what_else_stands_out_is_told_beside_stops(shop: Shop) -> None:
    shop.anomalies += [OVERHEATED, LITTLE_GAS]
    told = await shop.ask("anything unusual on WLD001 today?")
    assert "2 times stand out" in told
    assert "13:00 to 2026-11-21 13:05 UTC: score 9.5, by temperature" in told
    assert "10:31 to 2026-11-21 10:33 UTC: score 9.5, by gas_flow" in told
    assert "2 times are left out that lie in stops" in told


async def test_stops_are_asked_for_where_warmth_stands_out_alone(shop: Shop) -> None:
    shop.anomalies = [LITTLE_GAS]
    told = await shop.ask("anything unusual on WLD001 today?")
    assert "1 time stands out" in told
    assert shop.asked == []
