"""The chosen engine in SQLite or PostgreSQL."""

from typing import Final

from sqlalchemy import delete, insert, select

from chat_stream_service.adapters.record import to_micros
from chat_stream_service.adapters.table import choices
from penstock_kit.clock import Clock
from penstock_kit.database import Database

_ENGINE: Final = "engine"


class SqlEngineChoice:
    """One row of the table of choices; see :class:`chat_stream_service.domain.engines.current_engine.EngineChoice`."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def load(self) -> str:
        """Return the chosen engine, empty when there is none."""
        query = select(choices.c.value).where(choices.c.name == _ENGINE)
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar() or ""

    async def save(self, name: str) -> None:
        """Store the choice."""
        row = {"name": _ENGINE, "value": name, "update_time": to_micros(self._clock.now())}
        async with self._database.write() as connection:
            await connection.execute(delete(choices).where(choices.c.name == _ENGINE))
            await connection.execute(insert(choices).values(**row))
