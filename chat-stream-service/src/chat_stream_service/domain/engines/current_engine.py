"""Which engine answers new turns, the same on every replica."""

from typing import Protocol

from chat_stream_service.domain.engines.registry import EngineRegistry
from chat_stream_service.domain.model.replica_bus import EngineSwitched, Notice, ReplicaBus
from penstock_kit.errors import NotFound, PenstockError
from penstock_kit.logging import get_logger

log = get_logger(__name__)


class EngineChoice(Protocol):
    """The stored choice, which outlives replicas and is true when they differ."""

    async def load(self) -> str:
        """Return the name of the chosen engine, empty when none was chosen yet."""
        ...

    async def save(self, name: str) -> None:
        """Store a choice."""
        ...


class CurrentEngine:
    """Switches engines everywhere: stores the choice, follows it here, tells the other replicas to follow.

    A replica that missed the notice follows at its next :meth:`refresh`.
    """

    def __init__(self, *, engines: EngineRegistry, choice: EngineChoice, bus: ReplicaBus) -> None:
        self._engines = engines
        self._choice = choice
        self._bus = bus
        bus.listen(self._on_notice)

    async def switch(self, name: str) -> str:
        """Make `name` the engine of new turns and return the one before; NotFound when there is no such engine."""
        self._engines.get(name)
        await self._choice.save(name)
        previous = self._engines.switch(name)
        await self._bus.publish(EngineSwitched())
        return previous

    async def refresh(self) -> None:
        """Follow the stored choice. A store that can't answer, or an engine not installed here, changes nothing."""
        try:
            name = await self._choice.load()
            if name and name != self._engines.current:
                log.info("engine switched", engine=name, before=self._engines.switch(name))
        except NotFound as error:
            log.warning("the chosen engine is not here", detail=error.message, current=self._engines.current)
        except PenstockError as error:
            log.warning("the choice of engine can't be read", detail=error.message, current=self._engines.current)

    async def _on_notice(self, notice: Notice) -> None:
        if isinstance(notice, EngineSwitched):
            await self.refresh()
