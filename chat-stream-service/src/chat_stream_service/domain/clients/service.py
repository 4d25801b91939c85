"""A user's clients: registered, seen, and given the events of the user's conversations wherever they connect."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from chat_stream_service.domain.clients.client import PRESENCE_SECONDS, Client, ClientDirectory
from chat_stream_service.domain.clients.client_feed import ClientFeed, Cursor, Deliver, cursor_from
from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.feed import Feed
from chat_stream_service.domain.stream.service import StreamService
from penstock_kit.clock import Clock
from penstock_kit.errors import FieldViolation, InvalidArgument, NotFound, PenstockError, ResourceExhausted
from penstock_kit.logging import get_logger
from penstock_kit.supervision import supervise

log = get_logger(__name__)

_MAX_CLIENTS: Final = 100
_MAX_LENGTH: Final = 200


class ClientService:
    """Registers clients and lets them watch.

    A client may watch on any replica, and on several at once while it moves; the last one to see it counts.
    """

    def __init__(
        self,
        *,
        directory: ClientDirectory,
        feed: Feed,
        streams: StreamService,
        replica: str,
        clock: Clock,
        new_id: Callable[[str], str],
    ) -> None:
        self._directory = directory
        self._feed = feed
        self._streams = streams
        self._replica = replica
        self._clock = clock
        self._new_id = new_id

    async def register(self, owner: Owner, *, client_id: str, name: str, kind: str) -> Client:
        """Register a client, or rename the one of that id; ResourceExhausted when a user has too many."""
        _check_length(client_id=client_id, name=name, kind=kind)
        known = {client.id: client for client in await self._directory.all_of(owner)}
        now = self._clock.now()
        before = known.get(client_id)
        if before is None and len(known) >= _MAX_CLIENTS:
            text = f"{len(known)} clients are registered, no more than that; unregister some"
            raise ResourceExhausted(text, reason="CLIENTS_LIMIT_EXCEEDED")
        client = Client(
            id=client_id or self._new_id("cli"),
            owner=owner,
            name=name,
            kind=kind,
            create_time=now if before is None else before.create_time,
            last_seen_time=now,
            replica="" if before is None else before.replica,
        )
        await self._directory.put(client)
        return client

    async def list_all(self, owner: Owner) -> Sequence[Client]:
        """Return the user's clients."""
        return await self._directory.all_of(owner)

    async def unregister(self, owner: Owner, client_id: str) -> None:
        """Forget a client; NotFound unless it is the owner's."""
        await self._directory.remove(owner, client_id)

    async def watch(self, owner: Owner, client_id: str, *, cursor: str, deliver: Deliver) -> None:
        """Deliver the events of the user's conversations after a cursor, or from now on, until cancelled.

        The first delivery is a cursor alone. NotFound for a client not registered, CURSOR_INVALID or CURSOR_EXPIRED
        for a cursor that can't be gone on from.
        """
        client = await self._directory.get(owner, client_id)
        start = cursor_from(cursor) if cursor else Cursor(position=await self._feed.newest(owner))
        await deliver((), start)
        watch = ClientFeed(owner=owner, client_id=client_id, cursor=start, feed=self._feed, streams=self._streams)
        present = asyncio.create_task(supervise("presence", partial(self._send_heartbeats, client)))
        try:
            await watch.run(deliver)
        finally:
            present.cancel()
            await self._on_disconnect(client)

    async def _send_heartbeats(self, client: Client) -> None:
        while True:
            await self._mark_seen(client, self._replica)
            await asyncio.sleep(PRESENCE_SECONDS / 3)

    async def _on_disconnect(self, client: Client) -> None:
        """Note that a client is gone, unless another replica has seen it since."""
        try:
            now = await self._directory.get(client.owner, client.id)
        except PenstockError:
            return
        if now.replica == self._replica:
            await self._mark_seen(now, "")

    async def _mark_seen(self, client: Client, replica: str) -> None:
        try:
            # It may have been renamed, or unregistered.
            known = await self._directory.get(client.owner, client.id)
            await self._directory.put(replace(known, replica=replica, last_seen_time=self._clock.now()))
        except NotFound:
            return
        except PenstockError as error:
            log.warning("presence of a client not noted", client_id=client.id, detail=error.message)


def _check_length(**texts: str) -> None:
    for name, text in texts.items():
        if len(text) > _MAX_LENGTH:
            description = f"has {len(text)} characters; at most {_MAX_LENGTH} are kept"
            violations = [FieldViolation(field=name, description=description)]
            raise InvalidArgument(f"{name} {description}", reason="CLIENT_INVALID", violations=violations)
