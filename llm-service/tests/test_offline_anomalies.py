"""The offline provider answers what is wrong with a device by device_anomalies."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

NOW = datetime(2026, 11, 21, 14, 30, tzinfo=UTC)
_PROPERTIES = {
    "list_devices": ["search"],
    "device_statistics": ["device_code", "fields", "start_time", "end_time", "conditions"],
    "device_anomalies": ["device_code", "other_device_codes", "fields", "start_time", "end_time"],
}
STRANGE = [
    {
        "start_time": "2026-11-21T10:00:00Z",
        "end_time": "2026-11-21T10:05:00Z",
        "windows": 4,
        "score": 12.34,
        "fields": [{"name": "gas_flow", "contribution": 0.81}, {"name": "current", "contribution": 0.12}],
    }
]


class Shop:
    """Two machines, of which WLD002 was strange this morning."""

    def __init__(self, shop_talk: Callable[..., Any]) -> None:
        self._talk = shop_talk
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.note = ""
        self.told: dict[str, Any] = {}
        self.score = STRANGE[0]["score"]

    async def ask(self, text: str) -> str:
        return await self._talk(NOW, _PROPERTIES, self.answer).ask(text)

    def answer(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((name, arguments))
        if name == "list_devices":
            cards = [
                {"device_code": code, "fields": ["current", "gas_flow"], "last_seen": "2026-11-21T14:29:00Z"}
                for code in ("WLD001", "WLD002")
            ]
            return {"devices": [{**card, "first_seen": "2026-11-01T00:00:00Z"} for card in cards]}
        if name == "device_statistics":
            return {"device_code": arguments["device_code"], "row_count": 7, "statistics": []}
        codes = [arguments["device_code"], *arguments.get("other_device_codes", [])]
        devices = [self.device(code) for code in codes]
        return {"devices": devices} if len(devices) > 1 else devices[0]

    def device(self, code: str) -> dict[str, Any]:
        return {
            "device_code": code,
            "threshold": 1.35,
            "start_time": "2026-11-20T14:29:00Z",
            "end_time": "2026-11-21T14:29:00Z",
            "window_count": 0 if self.note else 96,
            "anomalies": [STRANGE[0] | {"score": self.score}] if code == "WLD002" and not self.note else [],
            "note": self.note,
            **(self.told if code == "WLD002" else {}),
        }


@pytest.fixture
def shop(shop_talk: Callable[..., Any]) -> Shop:
    return Shop(shop_talk)


@pytest.mark.parametrize(
    "question", ["what's wrong with WLD002?", "any anomalies on WLD002 today?", "is WLD002 healthy?"]
)
async def test_what_is_wrong_is_told_with_times_score_and_fields(shop: Shop, question: str) -> None:
    text = await shop.ask(question)
    assert [name for name, _ in shop.calls] == ["device_anomalies"]
    assert shop.calls[0][1]["device_code"] == "WLD002"
    assert "On WLD002" in text
    assert "1 time stands out (96 windows compared with its baseline, limit 1.35)" in text
    assert "- 2026-11-21 10:00 to 2026-11-21 10:05 UTC: score 12.3, by gas_flow (81 %), current (12 %)" in text


async def test_what_is_wrong_is_told_in_chinese(shop: Shop) -> None:
    text = await shop.ask("WLD002 有什么异常?")
    assert [name for name, _ in shop.calls] == ["device_anomalies"]
    assert "有 1 处异常（96 个窗口与基线比较，阈值 1.35）" in text
    assert "得分 12.3，主要来自 gas_flow（81%）、current（12%）" in text
    assert "没有明显异常：96 个窗口的得分都不超过 1.35" in await shop.ask("WLD001 今天有异常吗?")


async def test_without_a_device_all_are_looked_at_in_one_call_and_the_strange_ones_come_first(shop: Shop) -> None:
    text = await shop.ask("any anomalies today?")
    assert [name for name, _ in shop.calls] == ["list_devices", "device_anomalies"]
    arguments = shop.calls[1][1]
    assert (arguments["device_code"], arguments["other_device_codes"]) == ("WLD001", ["WLD002"])
    assert arguments["start_time"] == "2026-11-21T00:00:00Z"
    assert text.index("On WLD002") < text.index("Nothing stands out on WLD001")


async def test_a_field_that_is_named_is_looked_at_alone(shop: Shop) -> None:
    shop.calls.clear()
    await shop.ask("list all devices and any anomalies in the gas flow of WLD002 today?")
    await shop.ask("any anomalies today?")
    assert shop.calls[-1][0] == "device_anomalies"


async def test_conditions_are_left_to_statistics(shop: Shop) -> None:
    await shop.ask("any anomalies on WLD002 where current > 200?")
    assert [name for name, _ in shop.calls][-1] == "device_statistics"


async def test_why_a_device_can_not_be_looked_at_is_told(shop: Shop) -> None:
    shop.note = "the baseline has 9 rows, at least 150 are needed"
    assert "WLD001: the baseline has 9 rows" in await shop.ask("any anomalies today?")


async def test_a_count_is_of_all_anomalies_and_not_of_those_there_was_room_for(shop_talk: Callable[..., Any]) -> None:
    shop = Shop(shop_talk)
    shop.told = {
        "anomaly_count": 102,
        "baseline": {"start_time": "2026-11-20T08:00:00Z", "end_time": "2026-11-20T14:28:59Z", "row_count": 20000},
    }
    english = await shop.ask("Any anomalies on WLD002 in the last 24 hours?")
    assert "102 times stand out" in english
    assert "101 more" in english
    assert "so short" not in english
    assert "Compared with 2026-11-20 08:00 to 2026-11-20 14:28:59 UTC." in english
    chinese = await shop.ask("WLD002过去24小时有没有异常？")
    assert "102 处异常" in chinese
    assert "基线取自 2026-11-20 08:00 至 2026-11-20 14:28:59" in chinese


@pytest.mark.parametrize(
    ("count", "brief", "english", "chinese"),
    [
        (
            102,
            60,
            "60 of them are so short that a single odd reading can be all there is; those that last",
            "其中 60 处很短",
        ),
        (102, 1, "1 of them is so short", "其中 1 处很短"),
        (2, 2, "All are so short that a single odd reading can be all there is.", "都很短，可能只是单个异常读数。"),
        (1, 1, "It is so short", "这一处很短"),
    ],
)
async def test_anomalies_that_one_odd_reading_can_make_are_told_apart(
    shop: Shop, count: int, brief: int, english: str, chinese: str
) -> None:
    shop.told = {"anomaly_count": count, "brief_count": brief}
    assert english in await shop.ask("Any anomalies on WLD002 in the last 24 hours?")
    assert chinese in await shop.ask("WLD002过去24小时有没有异常？")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "which machine had the most anomalies in the last day?",
            "From most to fewest anomalies: WLD002 once, WLD001 0",
        ),
        ("最近一天哪台设备异常最多", "异常由多到少：WLD002 1 次，WLD001 0 次。"),
        ("最近一天哪台设备异常最少", "异常由少到多：WLD001 0 次，WLD002 1 次。"),
    ],
)
async def test_devices_are_ranked_by_their_anomalies(shop: Shop, text: str, told: str) -> None:
    answer = await shop.ask(text)
    assert answer.startswith(told)
    assert "left out" not in answer.lower()
    assert "略去" not in answer


async def test_a_device_that_was_not_looked_at_is_in_no_ranking_of_anomalies(shop: Shop) -> None:
    shop.note = "the baseline has 9 rows, at least 150 are needed"
    assert "由多到少" not in await shop.ask("最近一天哪台设备异常最多")


@pytest.mark.parametrize(
    ("score", "told"),
    [pytest.param(1349.9, "score 1350,", id="at the limit"), pytest.param(9.965e14, "score > 1350,", id="endless")],
)
async def test_a_score_beyond_a_thousand_times_its_limit_is_not_told_with_all_its_digits(
    shop: Shop, score: float, told: str
) -> None:
    shop.score = score
    assert told in await shop.ask("What's wrong with WLD002?")
