"""Clients of users in Redis, seen by every replica."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import orjson

from chat_stream_service.adapters.memory_clients import MemoryClientDirectory
from chat_stream_service.adapters.redis.stream_store import PREFIX
from chat_stream_service.domain.clients.client import Client, unknown_client
from chat_stream_service.domain.model.conversation import Owner
from penstock_kit.errors import Unavailable
from penstock_kit.redis.answer import mapping_of
from penstock_kit.redis.link import RedisLink, RedisUnavailable

_KEEP_MS: Final = 30 * 24 * 3600 * 1000


class RedisClientDirectory:
    """See :class:`chat_stream_service.domain.clients.client.ClientDirectory`.

    While Redis is away a replica knows the clients it has seen itself; seen again, they get to Redis afterwards.
    """

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._seen = MemoryClientDirectory()

    async def put(self, client: Client) -> None:
        """Keep a client."""
        await self._seen.put(client)
        key = _key(client.owner)
        try:
            await self._link.run([("HSET", key, client.id, _packed(client)), ("PEXPIRE", key, _KEEP_MS)])
        except RedisUnavailable:
            return

    async def get(self, owner: Owner, client_id: str) -> Client:
        """Return a client."""
        try:
            (found,) = await self._link.run([("HGET", _key(owner), client_id)])
        except RedisUnavailable:
            return await self._seen.get(owner, client_id)
        if found is None:
            raise unknown_client(client_id)
        return _unpacked(owner, client_id, found)

    async def all_of(self, owner: Owner) -> Sequence[Client]:
        """Return a user's clients."""
        try:
            (found,) = await self._link.run([("HGETALL", _key(owner))])
        except RedisUnavailable:
            return await self._seen.all_of(owner)
        return [_unpacked(owner, name.decode(), data) for name, data in sorted(mapping_of(found).items())]

    async def remove(self, owner: Owner, client_id: str) -> None:
        """Forget a client; Unavailable while Redis is away, which would bring it back."""
        try:
            (removed,) = await self._link.run([("HDEL", _key(owner), client_id)])
        except RedisUnavailable:
            text = "clients can't be forgotten now; try again in a moment"
            raise Unavailable(text, reason="EVENT_LOG_UNAVAILABLE", retry_after=1) from None
        self._seen.forget(owner, client_id)
        if not removed:
            raise unknown_client(client_id)


def _key(owner: Owner) -> str:
    return f"{PREFIX}clients:{len(owner.tenant_id)}:{owner.tenant_id}:{owner.user_id}"


def _packed(client: Client) -> bytes:
    return orjson.dumps([client.name, client.kind, client.create_time, client.last_seen_time, client.replica])


def _unpacked(owner: Owner, client_id: str, data: bytes) -> Client:
    name, kind, created, seen, replica = orjson.loads(data)
    return Client(
        id=client_id,
        owner=owner,
        name=name,
        kind=kind,
        create_time=datetime.fromisoformat(created),
        last_seen_time=datetime.fromisoformat(seen),
        replica=replica,
    )
