"""The switch of engines: stored, followed by every replica, not followed where it can't be."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest

from chat_stream_service.adapters.sql_engine_choice import SqlEngineChoice
from chat_stream_service.domain.engines.current_engine import CurrentEngine
from chat_stream_service.domain.engines.registry import EngineRegistry
from chat_stream_service.domain.model.engine import EngineHealth, EngineInfo, Turn, TurnEvent
from chat_stream_service.domain.model.replica_bus import EngineSwitched, Notice, NoticeHandler
from penstock_kit.clock import SystemClock
from penstock_kit.database import Database
from penstock_kit.errors import NotFound, Unavailable


class NamedEngine:
    def __init__(self, name: str) -> None:
        self._name = name

    def look_ahead(self, owner: Any, question: Any) -> None:
        return None

    async def generate_response(self, turn: Turn) -> AsyncGenerator[Sequence[TurnEvent]]:
        yield []

    def get_engine_info(self) -> EngineInfo:
        return EngineInfo(name=self._name, version="1", description="")

    async def health_check(self) -> EngineHealth:
        return EngineHealth(healthy=True)


class Party:
    """A bus whose members hear each other at once."""

    def __init__(self) -> None:
        self.members: list[PartyBus] = []

    def join(self) -> "PartyBus":
        self.members.append(PartyBus(self, f"rep_{len(self.members)}"))
        return self.members[-1]


class PartyBus:
    def __init__(self, party: Party, replica: str) -> None:
        self.replica = replica
        self.party = party
        self.handlers: list[NoticeHandler] = []

    async def publish(self, notice: Notice) -> None:
        for member in self.party.members:
            if member is not self:
                for handle in member.handlers:
                    await handle(notice)

    def listen(self, handle: NoticeHandler) -> None:
        self.handlers.append(handle)


def replica(database: Database, party: Party, *names: str) -> tuple[EngineRegistry, CurrentEngine]:
    engines = EngineRegistry([NamedEngine(name) for name in names], current=names[0])
    choice = SqlEngineChoice(database, clock=SystemClock())
    return engines, CurrentEngine(engines=engines, choice=choice, bus=party.join())


async def test_a_switch_reaches_every_replica_and_those_that_start_later(database: Database) -> None:
    party = Party()
    here, current = replica(database, party, "own", "other")
    there, _ = replica(database, party, "own", "other")
    assert await current.switch("other") == "own"
    assert (here.current, there.current) == ("other", "other")
    late, late_current = replica(database, party, "own", "other")
    await late_current.refresh()
    assert late.current == "other"
    assert await late_current.switch("own") == "other"
    assert (here.current, there.current) == ("own", "own")


async def test_an_unknown_engine_is_refused_and_not_stored(database: Database) -> None:
    here, current = replica(database, Party(), "own")
    with pytest.raises(NotFound, match="the engines are own"):
        await current.switch("steam")
    await current.refresh()
    assert here.current == "own"


async def test_a_replica_without_the_chosen_engine_keeps_its_own(database: Database) -> None:
    party = Party()
    _, current = replica(database, party, "own", "other")
    poor, _ = replica(database, party, "own")
    await current.switch("other")
    assert poor.current == "own"


class BrokenChoice:
    async def load(self) -> str:
        raise Unavailable("no database", reason="STORAGE_UNAVAILABLE")

    async def save(self, name: str) -> None:
        raise Unavailable("no database", reason="STORAGE_UNAVAILABLE")


async def test_without_the_database_nothing_is_switched_and_nothing_breaks() -> None:
    engines = EngineRegistry([NamedEngine("own"), NamedEngine("other")], current="own")
    told: list[Any] = []
    party = Party()
    party.join().listen(told.append)  # type: ignore[arg-type]
    current = CurrentEngine(engines=engines, choice=BrokenChoice(), bus=party.join())
    await current.refresh()
    with pytest.raises(Unavailable):
        await current.switch("other")
    assert engines.current == "own"
    assert EngineSwitched() not in told
