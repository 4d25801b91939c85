"""The connections to one vendor: how many there may be, and whose turn it is when all are in use."""

import asyncio
from typing import Final

from llm_service.providers.http_connection import HttpError
from penstock_kit.context import context_if_any
from penstock_kit.tenant_turns import TenantTurns

CONNECTIONS: Final = 1200
"""At once to one vendor, so that one tenant can have a thousand streams while others find some free."""
# Seconds that a request waits for one of them to be free.
POOL_SECONDS: Final = 10.0


class AllInUse(HttpError):  # noqa: N818 - what happened, not what went wrong here
    """No connection was free in time. The vendor has no part in that."""


class ConnectionRoom:
    """Room for `connections` at once, for nine of ten of them to one tenant; `seconds` is the longest wait.

    Of those that wait the tenants take turns: one whose calls are answered slowly waits for them itself.
    """

    def __init__(self, connections: int = CONNECTIONS, seconds: float = POOL_SECONDS) -> None:
        self._share = max(1, connections - connections // 10)
        self._seconds = seconds
        self._turns = TenantTurns(connections, share=self._share)

    async def enter(self) -> str:
        """Take room for a call, and return whose it is. Raises AllInUse when there is none in time."""
        context = context_if_any()
        tenant_id = "" if context is None else context.caller.tenant_id
        if self._turns.take_at_once(tenant_id):
            return tenant_id
        try:
            async with asyncio.timeout(self._seconds):
                await self._turns.acquire(tenant_id)
        except TimeoutError:
            raise AllInUse(
                f"all of its connections were in use for {self._seconds:g} s; one tenant has {self._share} at most"
            ) from None
        return tenant_id

    def leave(self, tenant_id: str) -> None:
        """Give the room of a call back."""
        self._turns.release(tenant_id)
