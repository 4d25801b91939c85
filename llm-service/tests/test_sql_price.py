"""Prices set at run time, in SQLite and PostgreSQL."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from llm_service.adapters.sql_price import SqlPrices
from llm_service.domain.billing.price import Price
from llm_service.domain.billing.price_list import PricedModel
from llm_service.domain.model.usage import PriceSource, Usage
from llm_service.main import MIGRATIONS
from penstock_kit.database import sqlite_url
from penstock_testkit.clock import ManualClock
from penstock_testkit.databases import migrated

WHOLE = Price(
    input=Decimal("0.05"), output=Decimal("1E+1"), cache_read=Decimal("0.0000001"), cache_write=Decimal("6.25")
)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "llm.db")
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def prices(url: str, clock: ManualClock) -> AsyncIterator[SqlPrices]:
    async with migrated(url, MIGRATIONS) as database:
        yield SqlPrices(database, clock)


async def test_a_price_is_read_to_its_last_digit_with_the_time_it_was_set(
    prices: SqlPrices, clock: ManualClock
) -> None:
    put = await prices.put("openai", "gpt", WHOLE)
    row = PricedModel(provider="openai", model="gpt", price=WHOLE, source=PriceSource.OPERATOR, since=clock.now())
    assert put == row
    assert await prices.all() == {("openai", "gpt"): row}


@pytest.mark.parametrize(
    "price",
    [
        Price(input=Decimal(1)),
        Price(input=Decimal(0), output=Decimal(0), cache_read=Decimal(0), cache_write=Decimal(0)),
    ],
    ids=["none", "free"],
)
async def test_a_price_of_nothing_and_no_price_stay_apart(prices: SqlPrices, price: Price) -> None:
    await prices.put("openai", "gpt", price)
    [row] = (await prices.all()).values()
    assert row.price == price
    assert (row.price.amount(Usage(output=1)) is None) is (price.output is None)


async def test_the_last_price_of_a_model_counts_and_those_of_others_stay(prices: SqlPrices, clock: ManualClock) -> None:
    for provider, model in (("openai", "gpt"), ("openai", "mini"), ("local", "gpt")):
        await prices.put(provider, model, WHOLE)
    began = clock.now()
    clock.advance(60)
    await prices.put("openai", "gpt", Price(input=Decimal(2)))
    found = await prices.all()
    assert {model: (row.price.input, row.since) for model, row in found.items()} == {
        ("openai", "gpt"): (2, clock.now()),
        ("openai", "mini"): (WHOLE.input, began),
        ("local", "gpt"): (WHOLE.input, began),
    }
