"""Who renews a value, in Redis: of all readers on all replicas one."""

from typing import Final

from cache_service.adapters.redis.key import NAMESPACE
from penstock_kit.redis.link import RedisLink, RedisUnavailable

_CLAIM: Final = f"{NAMESPACE}rc:"


class RedisRefreshClaims:
    """RefreshClaims that replicas share; while Redis is away each replica has its own."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    async def claim(self, key: str, seconds: float) -> bool:
        """Whether the caller may renew `key`; nobody else may for `seconds`, or until it is done."""
        command = ("SET", _CLAIM + key, "1", "NX", "PX", max(1, round(seconds * 1000)))
        try:
            (answer,) = await self._link.run([command], may_lack_room=True)
        except RedisUnavailable:
            return True
        return answer is not None

    async def done(self, key: str) -> None:
        """Let `key` be claimed again: it was renewed."""
        try:
            await self._link.run([("DEL", _CLAIM + key)])
        except RedisUnavailable:
            return
