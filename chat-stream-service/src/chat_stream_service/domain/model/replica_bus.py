"""What replicas of the service tell each other, and the port it goes through."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSwitched:
    """Another engine answers new turns; the database says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRequested:
    """A reader elsewhere wants a stream to end."""

    stream_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderCountChanged:
    """How many read a stream on the replica that says so, as of now."""

    stream_id: str
    replica: str
    readers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationDropped:
    """A conversation is deleted: what runs in it ends, and its streams are forgotten."""

    conversation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaLost:
    """A replica has shown no sign of life for a whole lease. Never sent: each replica sees it for itself."""

    replica: str


Notice = EngineSwitched | StopRequested | ReaderCountChanged | ConversationDropped | ReplicaLost
NoticeHandler = Callable[[Notice], Awaitable[None]]


class ReplicaBus(Protocol):
    """Carries notices between replicas. A notice may be lost when the bus is down: senders repeat what must arrive,
    and every notice may come twice."""

    @property
    def replica(self) -> str:
        """Id of this replica, new at every start."""
        ...

    async def publish(self, notice: Notice) -> None:
        """Send a notice to every other replica; never raises and never waits long."""
        ...

    def listen(self, handle: NoticeHandler) -> None:
        """Call `handle` with every notice of the others from now on."""
        ...
