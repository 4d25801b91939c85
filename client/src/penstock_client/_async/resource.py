"""What every group of operations has: the way to the gateway, and the items of a page."""

from collections.abc import Sequence
from typing import Any, cast

from penstock_client._async.transport import AsyncTransport
from penstock_client._call import Call, JsonObject


class AsyncResource:
    """A group of operations of the API."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def _call(self, call: Call) -> Any:
        return await self._transport.call(call)

    @staticmethod
    def _items(page: JsonObject) -> Sequence[JsonObject]:
        """Return the list in a page of a list."""
        for value in page.values():
            if isinstance(value, list):
                return cast("Sequence[JsonObject]", value)
        return ()
