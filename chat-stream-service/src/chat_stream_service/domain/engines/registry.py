"""The engines there are, and which one answers new turns."""

from collections.abc import Iterable

from chat_stream_service.domain.model.engine import Engine
from penstock_kit.errors import NotFound


class EngineRegistry:
    """Engines by name. A switch counts for new turns; a running one keeps the engine it began with."""

    def __init__(self, engines: Iterable[Engine], *, current: str) -> None:
        self._engines = {engine.get_engine_info().name: engine for engine in engines}
        self._current = self._check_name(current)

    @property
    def current(self) -> str:
        """Name of the engine of new turns."""
        return self._current

    def engines(self) -> tuple[Engine, ...]:
        """Return every engine."""
        return tuple(self._engines.values())

    def get(self, name: str = "") -> Engine:
        """Return the named engine, or the current one; NotFound names those there are."""
        return self._engines[self._check_name(name) if name else self._current]

    def switch(self, name: str) -> str:
        """Make `name` the engine of new turns and return the name of the one before."""
        previous, self._current = self._current, self._check_name(name)
        return previous

    def _check_name(self, name: str) -> str:
        if name in self._engines:
            return name
        known = ", ".join(self._engines)
        raise NotFound(f"there is no engine {name!r}; the engines are {known}", reason="ENGINE_NOT_FOUND")
