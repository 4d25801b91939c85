"""Sessions in Redis, as JSON: written by one release and read by another, and never pickled."""

import base64
from datetime import datetime
from typing import Any

import orjson

from cache_service.adapters.redis.key import session_key
from cache_service.domain.session import Session
from penstock_kit.redis.link import RedisLink


class RedisSessionStore:
    """A SessionStore that replicas share. Every method raises RedisUnavailable when Redis is away."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    async def put(self, key: str, session: Session, ttl: float) -> None:
        """Create or replace, for `ttl` seconds."""
        await self._link.run([("SET", session_key(key), _encoded(session), "PX", max(1, round(ttl * 1000)))])

    async def get(self, key: str) -> Session | None:
        """Return the live session; what can't be read is none."""
        (value,) = await self._link.run([("GET", session_key(key))])
        return None if value is None else _decoded(value)

    async def delete(self, key: str) -> bool:
        """End it; False when there was none."""
        (deleted,) = await self._link.run([("DEL", session_key(key))])
        return bool(deleted)


def _encoded(session: Session) -> bytes:
    return orjson.dumps(
        {
            "id": session.id,
            "user_id": session.user_id,
            "data": {name: base64.b64encode(value).decode() for name, value in session.data.items()},
            "create_time": session.create_time.isoformat(),
            "expire_time": session.expire_time.isoformat(),
        }
    )


def _decoded(value: bytes) -> Session | None:
    try:
        known: dict[str, Any] = orjson.loads(value)
        return Session(
            id=known["id"],
            user_id=known["user_id"],
            data={name: base64.b64decode(text, validate=True) for name, text in known["data"].items()},
            create_time=datetime.fromisoformat(known["create_time"]),
            expire_time=datetime.fromisoformat(known["expire_time"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
