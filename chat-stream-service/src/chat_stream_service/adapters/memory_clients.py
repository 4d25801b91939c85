"""Clients and their feeds in this process's memory: for one replica, lost with it."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from typing import Final

from chat_stream_service.domain.clients.client import Client, unknown_client
from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.feed import Announcement, feed_expired

MAX_ANNOUNCEMENTS: Final = 1000
_REST_SECONDS: Final = 5.0


class MemoryClientDirectory:
    """See :class:`chat_stream_service.domain.clients.client.ClientDirectory`."""

    def __init__(self) -> None:
        self._clients: dict[tuple[Owner, str], Client] = {}

    async def put(self, client: Client) -> None:
        """Keep a client."""
        self._clients[client.owner, client.id] = client

    async def get(self, owner: Owner, client_id: str) -> Client:
        """Return a client."""
        client = self._clients.get((owner, client_id))
        if client is None:
            raise unknown_client(client_id)
        return client

    async def all_of(self, owner: Owner) -> Sequence[Client]:
        """Return a user's clients."""
        return sorted((client for client in self._clients.values() if client.owner == owner), key=lambda each: each.id)

    async def remove(self, owner: Owner, client_id: str) -> None:
        """Forget a client."""
        await self.get(owner, client_id)
        self.forget(owner, client_id)

    def forget(self, owner: Owner, client_id: str) -> None:
        """Forget a client if it is known."""
        self._clients.pop((owner, client_id), None)


class MemoryFeed:
    """See :class:`chat_stream_service.domain.model.feed.Feed`. Positions are ``epoch:number``; a new process is a
    new epoch, so that a cursor of the one before is known to be expired."""

    def __init__(self, *, new_id: Callable[[str], str], keep: int = MAX_ANNOUNCEMENTS) -> None:
        self._epoch = new_id("feed")
        self._keep = keep
        self._feeds: dict[Owner, deque[Announcement]] = {}
        self._counts: dict[Owner, int] = {}
        self._waiting: dict[Owner, asyncio.Event] = {}

    async def announce(self, owner: Owner, announcement: Announcement) -> None:
        """Add an announcement and wake those who read."""
        number = self._counts[owner] = self._counts.get(owner, 0) + 1
        feed = self._feeds.setdefault(owner, deque(maxlen=self._keep))
        feed.append(replace(announcement, position=f"{self._epoch}:{number}"))
        if (waiting := self._waiting.pop(owner, None)) is not None:
            waiting.set()

    async def newest(self, owner: Owner) -> str:
        """Return the position of the newest announcement."""
        return f"{self._epoch}:{self._counts.get(owner, 0)}"

    async def read(self, owner: Owner, *, after: str) -> AsyncGenerator[Sequence[Announcement]]:
        """Yield what follows a position."""
        number = self._number(after)
        while True:
            count = self._counts.get(owner, 0)
            feed = self._feeds.get(owner, deque[Announcement]())
            if not count - len(feed) <= number <= count:
                raise feed_expired()
            if number < count:
                new = [*feed][number - count :]
                number = count
                yield new
            elif not await self._change(owner):
                yield ()

    async def _change(self, owner: Owner) -> bool:
        """Wait for a new announcement, for a while; return whether there is one."""
        waiting = self._waiting.setdefault(owner, asyncio.Event())
        try:
            async with asyncio.timeout(_REST_SECONDS):
                await waiting.wait()
        except TimeoutError:
            return False
        return True

    def _number(self, position: str) -> int:
        epoch, _, number = position.partition(":")
        if epoch != self._epoch or not (number.isascii() and number.isdecimal()):
            raise feed_expired()
        return int(number)
