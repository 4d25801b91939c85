"""The clients (devices, tabs) of a user, and who knows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from chat_stream_service.domain.model.conversation import Owner
from penstock_kit.errors import NotFound

# A connected client is seen again and again; one not seen for so many seconds has lost its replica.
PRESENCE_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client as it was registered, and where it was seen last. `replica` is empty while it is not connected."""

    id: str
    owner: Owner
    name: str
    kind: str
    create_time: datetime
    last_seen_time: datetime
    replica: str = ""

    def connected(self, now: datetime) -> bool:
        """Return whether some replica holds its connection now."""
        return bool(self.replica) and (now - self.last_seen_time).total_seconds() < PRESENCE_SECONDS


class ClientDirectory(Protocol):
    """Clients by user. Another user's client is NotFound (CLIENT_NOT_FOUND)."""

    async def put(self, client: Client) -> None:
        """Keep a client as it is now, registered or seen again."""
        ...

    async def get(self, owner: Owner, client_id: str) -> Client:
        """Return a client."""
        ...

    async def all_of(self, owner: Owner) -> Sequence[Client]:
        """Return a user's clients, in the order of their ids."""
        ...

    async def remove(self, owner: Owner, client_id: str) -> None:
        """Forget a client."""
        ...


def unknown_client(client_id: str) -> NotFound:
    """Return the error for a client that is not the caller's."""
    return NotFound(f"there is no client {client_id!r}; register it", reason="CLIENT_NOT_FOUND")
