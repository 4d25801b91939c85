"""What one client watches: the feed, and every stream announced there, as one sequence of events with a cursor."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final, cast

from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.event import ChatEvent
from chat_stream_service.domain.model.feed import Announcement, Feed
from chat_stream_service.domain.stream.service import StreamService
from penstock_kit.errors import InvalidArgument, NotFound

# Batches that wait for a slow client; beyond that the streams are read on when it has taken some.
_MAX_WAITING: Final = 32
_MAX_STREAMS: Final = 1000
_MAX_DIGITS: Final = 18
_TWO_63: Final = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where a client stands: a position in its feed, and the last sequence it has of each stream under way."""

    position: str = ""
    streams: Mapping[str, int] = field(default_factory=dict[str, int])

    def text(self) -> str:
        """Return the cursor as clients hold it."""
        packed = json.dumps([self.position, dict(self.streams)], separators=(",", ":"))
        return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")


def cursor_from(text: str) -> Cursor:
    """Return the cursor that :meth:`Cursor.text` wrote; InvalidArgument (CURSOR_INVALID) for any other text."""
    try:
        packed: Any = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        position, streams = packed
        places = {str(name): max(0, int(last)) for name, last in streams.items()}
        if not _is_position(position) or len(places) > _MAX_STREAMS or any(last >= _TWO_63 for last in places.values()):
            raise TypeError(position)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise InvalidArgument(f"the cursor {text[:50]!r} is not one of ours", reason="CURSOR_INVALID") from None
    return Cursor(position=position, streams=places)


def _is_position(value: Any) -> bool:
    """Whether it may be one: a feed counts no further than 18 digits, and Redis takes no number beyond 64 bits."""
    return isinstance(value, str) and len(value.rpartition(":")[2]) <= _MAX_DIGITS


Deliver = Callable[[Sequence[ChatEvent], Cursor], Awaitable[None]]


class ClientFeed:
    """Follows a feed and its streams, and delivers whatever comes, until it is cancelled.

    Streams that the client itself asked for are left out: it reads them already.
    """

    def __init__(self, *, owner: Owner, client_id: str, cursor: Cursor, feed: Feed, streams: StreamService) -> None:
        self._owner = owner
        self._client_id = client_id
        self._position = cursor.position
        self._sequences = dict(cursor.streams)
        self._feed = feed
        self._streams = streams
        # Announced again when Redis was away meanwhile.
        self._known = set(cursor.streams)
        self._waiting: asyncio.Queue[tuple[str, Sequence[ChatEvent]]] = asyncio.Queue(_MAX_WAITING)

    async def run(self, deliver: Deliver) -> None:
        """Deliver events, each time with the cursor after them. Raises what ends the feed or a stream that is there."""
        try:
            async with asyncio.TaskGroup() as group:
                for stream_id in tuple(self._sequences):
                    group.create_task(self._follow(stream_id))
                group.create_task(self._follow_feed(group))
                while True:
                    stream_id, events = await self._waiting.get()
                    self._advance(stream_id, events)
                    await deliver(events, Cursor(position=self._position, streams=dict(self._sequences)))
        except BaseExceptionGroup as failures:
            raise _first(failures) from None

    async def _follow_feed(self, group: asyncio.TaskGroup) -> None:
        async with aclosing(self._feed.read(self._owner, after=self._position)) as batches:
            async for batch in batches:
                for announcement in batch:
                    self._position = announcement.position or self._position
                    if self._is_new(announcement):
                        self._known.add(announcement.stream_id)
                        self._sequences[announcement.stream_id] = 0
                        group.create_task(self._follow(announcement.stream_id))

    def _is_new(self, announcement: Announcement) -> bool:
        asked_here = self._client_id == announcement.client_id
        return announcement.stream_id not in self._known and not asked_here

    async def _follow(self, stream_id: str) -> None:
        try:
            async with aclosing(
                self._streams.read(self._owner, stream_id, after=self._sequences[stream_id])
            ) as batches:
                async for batch in batches:
                    await self._waiting.put((stream_id, batch))
        except NotFound:
            # Its conversation was deleted.
            pass
        await self._waiting.put((stream_id, ()))

    def _advance(self, stream_id: str, events: Sequence[ChatEvent]) -> None:
        if events and not events[-1].is_terminal:
            self._sequences[stream_id] = events[-1].sequence
        else:
            self._sequences.pop(stream_id, None)


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return one of the failures themselves."""
    failure = failures.exceptions[0]
    return (
        _first(cast("BaseExceptionGroup[BaseException]", failure))
        if isinstance(failure, BaseExceptionGroup)
        else failure
    )
