"""Stores and peers the service leans on, as readiness names them."""

from dataclasses import dataclass
from typing import Literal, Protocol

ComponentState = Literal["ok", "degraded", "down"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentStatus:
    """One store or peer; `detail` says what is wrong and holds no secret, `blocking` that nothing is done until it is
    ok.
    """

    name: str
    state: ComponentState
    detail: str = ""
    blocking: bool = False


class Component(Protocol):
    """Something whose state can be asked."""

    async def status(self) -> ComponentStatus:
        """Return its state, quickly (two seconds at most); never raises."""
        ...
