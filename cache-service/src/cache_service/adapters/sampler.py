"""Asks a shared store now and then how much it holds, so that statistics cost no question."""

import asyncio
from typing import Final, Protocol

from penstock_kit.logging import get_logger
from penstock_kit.redis.link import RedisUnavailable

_SECONDS: Final = 5.0

log = get_logger(__name__)


class Sampled(Protocol):
    """What can be asked."""

    async def sample(self) -> None:
        """Look how much is held."""
        ...


async def sample_periodically(store: Sampled) -> None:
    """Ask every five seconds until cancelled."""
    while True:
        try:
            await store.sample()
        except RedisUnavailable:
            pass
        except Exception:
            log.exception("a sample failed")
        await asyncio.sleep(_SECONDS)
