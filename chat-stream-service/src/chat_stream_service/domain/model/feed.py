"""What is announced to a user's clients: the streams that begin in the user's conversations."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from chat_stream_service.domain.model.conversation import Owner
from penstock_kit.errors import FailedPrecondition


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """A stream began. `client_id` is the client that asked, empty when it did not say.

    `position` is the place in the feed to read on after; empty for one that has none yet and will come again with it.
    """

    stream_id: str
    client_id: str = ""
    position: str = ""


class Feed(Protocol):
    """Announcements by user, in order, bounded in number and age."""

    async def announce(self, owner: Owner, announcement: Announcement) -> None:
        """Add an announcement, whose position is the feed's to give. Never raises, never waits long."""
        ...

    async def newest(self, owner: Owner) -> str:
        """Return the position of the newest announcement: reading after it gives what comes from now on."""
        ...

    def read(self, owner: Owner, *, after: str) -> AsyncGenerator[Sequence[Announcement]]:
        """Yield what follows a position, replay first, then live, for ever; an empty batch when nothing came for a
        while. FailedPrecondition (CURSOR_EXPIRED) when something after the position is not kept any more."""
        ...


def feed_expired() -> FailedPrecondition:
    """Return the error for a position that the feed can't go on from."""
    text = "the cursor is too old; read the conversations, then watch from now on with an empty cursor"
    return FailedPrecondition(text, reason="CURSOR_EXPIRED")
