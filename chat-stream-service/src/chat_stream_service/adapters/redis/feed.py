"""Feeds of users in Redis, so that whatever replica a client sits on handlers of every stream."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Final

import orjson

from chat_stream_service.adapters.redis.script import ANNOUNCE
from chat_stream_service.adapters.redis.stream_store import PREFIX, StreamStore, call
from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.feed import Announcement, feed_expired
from penstock_kit.errors import FailedPrecondition, Unavailable
from penstock_kit.redis.answer import entries_of
from penstock_kit.redis.link import RedisLink, RedisUnavailable
from penstock_kit.redis.subscriber import Subscriber

_KEEP: Final = 1000
_KEEP_MS: Final = 24 * 3600 * 1000
_REST_SECONDS: Final = 5.0
_PAGE: Final = 200
_MAX_LATE: Final = 10_000
# The position before the first announcement of any feed.
_BEGINNING: Final = "0:0"


class _Reader:
    """One reader: woken when its user's feed changes, handed at once what Redis can't be told."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self.unsent: list[Announcement] = []


class RedisFeed:
    """See :class:`chat_stream_service.domain.model.feed.Feed`.

    While Redis is away announcements reach the clients of this replica without a position; they are brought to Redis
    when it is back, and then come to everybody with one.
    """

    def __init__(
        self, link: RedisLink, store: StreamStore, *, subscriber: Subscriber, new_id: Callable[[str], str]
    ) -> None:
        self._link = link
        self._store = store
        self._subscriber = subscriber
        self._new_id = new_id
        self._readers: dict[Owner, set[_Reader]] = {}
        self._unsent: deque[tuple[Owner, Announcement]] = deque(maxlen=_MAX_LATE)
        self._up = asyncio.Event()
        link.listen(self._on_link_change)
        subscriber.on_interruption(self._notify_all)

    async def run(self) -> None:
        """Bring to Redis what it missed whenever it is back, until cancelled."""
        while True:
            await self._up.wait()
            self._up.clear()
            try:
                while self._unsent:
                    await self._write(*self._unsent[0])
                    self._unsent.popleft()
            except RedisUnavailable:
                continue

    async def announce(self, owner: Owner, announcement: Announcement) -> None:
        """Add an announcement."""
        try:
            await self._write(owner, announcement)
        except RedisUnavailable:
            self._unsent.append((owner, announcement))
            for reader in self._readers.get(owner, ()):
                reader.unsent.append(announcement)
                reader.changed.set()

    async def newest(self, owner: Owner) -> str:
        """Return the position of the newest announcement; Unavailable while Redis is away."""
        try:
            (fields,) = await self._link.run([("HMGET", _head(owner), "epoch", "last")])
        except RedisUnavailable:
            raise _feed_unavailable() from None
        return _position(fields)

    async def read(self, owner: Owner, *, after: str) -> AsyncGenerator[Sequence[Announcement]]:
        """Yield what follows a position."""
        reader = _Reader()
        self._readers.setdefault(owner, set()).add(reader)
        live = False
        try:
            while True:
                reader.changed.clear()
                try:
                    new = await self._load(owner, after)
                except FailedPrecondition:
                    if not live:
                        raise
                    # Redis has lost the feed while it was read; what is in the new one has not been read.
                    new, after = (), _BEGINNING
                    reader.changed.set()
                live = True
                after = new[-1].position if new else after
                late, reader.unsent = reader.unsent, []
                if new or late:
                    yield [*new, *late]
                elif not await _wait_for(reader.changed):
                    yield ()
        finally:
            await self._leave(owner, reader)

    async def _load(self, owner: Owner, after: str) -> Sequence[Announcement]:
        """Return what Redis has after a position; nothing while it is away."""
        try:
            await self._subscriber.subscribe(_channel(owner), lambda _: self._notify(owner))
            return await self._load_after(owner, after)
        except RedisUnavailable:
            if not self._link.up:
                return ()
            # The connection for channels is being made anew.
            await asyncio.sleep(0.1)
            return ()

    async def _load_after(self, owner: Owner, after: str) -> Sequence[Announcement]:
        epoch, _, number = after.partition(":")
        start = int(number) + 1 if number.isascii() and number.isdecimal() else 1
        fields, answer = await self._link.run(
            [("HMGET", _head(owner), "epoch", "last"), ("XRANGE", _feed(owner), f"{start}-0", "+", "COUNT", _PAGE)],
            transaction=True,
        )
        entries = entries_of(answer)
        if after != _BEGINNING and _position(fields).partition(":")[0] != epoch:
            raise feed_expired()
        found = [_announcement(entry, fields[0]) for entry in entries]
        last = int(fields[1] or 0)
        first = int(entries[0][0].partition(b"-")[0]) if entries else last + 1
        if first > start or start > last + 1:
            raise feed_expired()
        return found

    async def _write(self, owner: Owner, announcement: Announcement) -> None:
        payload = orjson.dumps([announcement.stream_id, announcement.client_id])
        values = (self._new_id("feed"), payload, _KEEP, _KEEP_MS, _channel(owner))
        await self._store.run([call(ANNOUNCE, (_head(owner), _feed(owner)), values)])

    async def _leave(self, owner: Owner, reader: _Reader) -> None:
        readers = self._readers.get(owner, set())
        readers.discard(reader)
        if not readers:
            self._readers.pop(owner, None)
            await self._subscriber.unsubscribe(_channel(owner))

    def _notify(self, owner: Owner) -> None:
        for reader in self._readers.get(owner, ()):
            reader.changed.set()

    def _notify_all(self) -> None:
        for owner in self._readers:
            self._notify(owner)

    def _on_link_change(self, up: bool) -> None:
        if up:
            self._up.set()
            self._notify_all()


async def _wait_for(changed: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(_REST_SECONDS):
            await changed.wait()
    except TimeoutError:
        return False
    return True


def _announcement(entry: tuple[bytes, dict[bytes, bytes]], epoch: bytes) -> Announcement:
    number, fields = entry
    stream_id, client_id = orjson.loads(fields[b"a"])
    position = f"{epoch.decode()}:{number.partition(b'-')[0].decode()}"
    return Announcement(stream_id=stream_id, client_id=client_id, position=position)


def _position(fields: Sequence[Any]) -> str:
    """Return the position of the newest, the beginning for a feed that has not begun."""
    return _BEGINNING if fields[0] is None else f"{fields[0].decode()}:{int(fields[1])}"


def _head(owner: Owner) -> str:
    return f"{PREFIX}feed:{_user(owner)}"


def _feed(owner: Owner) -> str:
    return f"{PREFIX}feed-entries:{_user(owner)}"


def _channel(owner: Owner) -> str:
    return f"{PREFIX}feed-live:{_user(owner)}"


def _user(owner: Owner) -> str:
    """Return a user as part of a key; lengths keep `a:b` of `c` and `a` of `b:c` apart."""
    return f"{len(owner.tenant_id)}:{owner.tenant_id}:{owner.user_id}"


def _feed_unavailable() -> Unavailable:
    return Unavailable(
        "the feed can't be asked now; try again in a moment", reason="EVENT_LOG_UNAVAILABLE", retry_after=1
    )
