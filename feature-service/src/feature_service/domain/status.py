"""How the service's stores are."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from penstock_kit.errors import PenstockError

_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentState:
    """One store: its name, ``ok`` or ``down``, and what is wrong."""

    name: str
    state: str = "ok"
    detail: str = ""


class StatusReport:
    """Asks every store whether it answers; each gets two seconds."""

    def __init__(self, checks: Mapping[str, Callable[[], Awaitable[None]]]) -> None:
        self._checks = dict(checks)

    def add(self, name: str, check: Callable[[], Awaitable[None]]) -> None:
        """Ask one more, under `name`."""
        self._checks[name] = check

    async def components(self) -> Sequence[ComponentState]:
        """Return the state of each store, in the order they were named."""
        return await asyncio.gather(*(self._state(name, check) for name, check in self._checks.items()))

    async def _state(self, name: str, check: Callable[[], Awaitable[None]]) -> ComponentState:
        try:
            async with asyncio.timeout(_SECONDS):
                await check()
        except TimeoutError:
            return ComponentState(name=name, state="down", detail=f"no answer within {_SECONDS:g} s")
        except PenstockError as error:
            return ComponentState(name=name, state="down", detail=error.message)
        return ComponentState(name=name)
