"""Prices set at run time, in SQLite or PostgreSQL."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, insert, select

from llm_service.adapters.ledger_row import micros_from_time, time_from_micros
from llm_service.adapters.table import price as price_table
from llm_service.domain.billing.price import Price
from llm_service.domain.billing.price_list import PricedModel
from llm_service.domain.model.usage import PriceSource
from penstock_kit.clock import Clock
from penstock_kit.database import Database


class SqlPrices:
    """One row a model; the last one set counts."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def put(self, provider: str, model: str, price: Price) -> PricedModel:
        """Set the price of a model."""
        now = self._clock.now()
        values = {
            "provider": provider,
            "model": model,
            "input": f"{price.input:f}",
            "output": "" if price.output is None else f"{price.output:f}",
            "cache_read": None if price.cache_read is None else f"{price.cache_read:f}",
            "cache_write": None if price.cache_write is None else f"{price.cache_write:f}",
            "since": micros_from_time(now),
        }
        columns = price_table.c
        async with self._database.write() as connection:
            await connection.execute(delete(price_table).where(columns.provider == provider, columns.model == model))
            await connection.execute(insert(price_table).values(values))
        return PricedModel(provider=provider, model=model, price=price, source=PriceSource.OPERATOR, since=now)

    async def all(self) -> dict[tuple[str, str], PricedModel]:
        """Return every price set."""
        async with self._database.read() as connection:
            rows = (await connection.execute(select(price_table))).mappings().all()
        return {(row["provider"], row["model"]): _priced(row) for row in rows}


def _priced(row: Mapping[Any, Any]) -> PricedModel:
    price = Price(
        input=Decimal(row["input"]),
        output=Decimal(row["output"]) if row["output"] else None,
        cache_read=None if row["cache_read"] is None else Decimal(row["cache_read"]),
        cache_write=None if row["cache_write"] is None else Decimal(row["cache_write"]),
    )
    since = time_from_micros(row["since"])
    return PricedModel(
        provider=row["provider"], model=row["model"], price=price, source=PriceSource.OPERATOR, since=since
    )
