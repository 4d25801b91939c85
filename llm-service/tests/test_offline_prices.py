"""Amounts are told with what they cost where the question, or one before it, names a price."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

NOW = datetime(2026, 11, 30, 8, 15, tzinfo=UTC)
LITRES = {"WLD001": 1000.0, "WLD002": 1800.0}
KEYS = {
    "list_devices": ["search"],
    "device_statistics": ["device_code", "other_device_codes", "fields", "start_time", "end_time", "integrals"],
}


@pytest.fixture
def talk(shop_talk: Callable[..., Any]) -> Any:
    """Two machines that used 1,000 and 1,800 litres, and 500 m of wire each, in whatever time is asked for."""

    def one(code: str) -> dict[str, Any]:
        gas = {"field": "gas_flow", "unit": "L/min", "integral": LITRES[code] * 60}
        wire = {"field": "wire_feed", "unit": "m/min", "integral": 500.0 * 60}
        usual = {"count": 90, "mean": 8.0, "min": 0.0, "max": 16.0}
        return {"device_code": code, "row_count": 90, "statistics": [{**gas, **usual}, {**wire, **usual}]}

    def answer(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if name == "list_devices":
            return {"devices": [{"device_code": code, "fields": ["gas_flow", "wire_feed"]} for code in LITRES]}
        found = [one(code) for code in (arguments["device_code"], *arguments.get("other_device_codes", []))]
        return {"devices": found} if len(found) > 1 else found[0]

    return shop_talk(NOW, KEYS, answer)


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("what did the gas of WLD001 cost yesterday at 0.02 € per litre?", "1000 L (20 €)"),
        ("gas is 30 € per m3, cost of WLD001 yesterday", "1000 L (30 €)"),
        ("what did the gas of WLD001 cost yesterday at 0.02 per litre?", "1000 L (× 0.02 = 20)"),
        ("wire at 2 $ per metre: what did WLD001 cost yesterday?", "500 m (1000 $)"),
        ("若气体每升0.02元，WLD001昨天的气体花了多少钱", "1000 L (20 元)"),
    ],
)
async def test_an_amount_is_told_with_its_cost(question: str, told: str, talk: Any) -> None:
    assert told in await talk.ask(question)


async def test_what_all_used_is_told_with_what_it_cost_together(talk: Any) -> None:
    text = await talk.ask("what did the gas of all machines cost yesterday at 0.02 € per litre?")
    assert "1000 L (20 €)" in text
    assert "1800 L (36 €)" in text
    assert "2800 L (56 €)" in text


async def test_a_price_holds_for_the_questions_behind_it(talk: Any) -> None:
    await talk.ask("what did the gas of WLD001 cost yesterday at 0.02 € per litre?")
    assert "1800 L (36 €)" in await talk.ask("and WLD002?")
    assert "1800 L (36 €)" in await talk.ask("and today?")
    assert "2800 L (56 €)" in await talk.ask("what did all machines cost today?")


async def test_a_price_of_what_is_no_amount_is_named_as_left_out(talk: Any) -> None:
    text = await talk.ask("mean gas flow of WLD001 yesterday at 0.02 € per litre")
    assert "mean gas_flow of WLD001 on 2026-11-29 is 8 L/min" in text
    assert "the price" in text[text.index("Left out") :]


@pytest.mark.parametrize("question", ["what did the gas of WLD001 cost yesterday?", "WLD001昨天的气体花了多少钱"])
async def test_costs_without_a_price_are_answered_with_how_to_name_one(question: str, talk: Any) -> None:
    text = await talk.ask(question)
    assert "0.02 € per litre" in text or "每升0.02元" in text
    assert "1000" not in text
