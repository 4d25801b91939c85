"""One WebSocket that is shown the dashboard's frames."""

import asyncio
from contextlib import suppress
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from gateway.monitoring.broadcast import FrameBroadcast
from gateway.monitoring.dashboard import View

# A viewer that takes nothing for so long is cut off.
_SEND_SECONDS: Final = 30.0


class DashboardWebSocket:
    """Sends the newest frame at once and then one each second; what the viewer says is not listened to."""

    def __init__(self, websocket: WebSocket, broadcast: FrameBroadcast, view: View) -> None:
        self._websocket = websocket
        self._broadcast = broadcast
        self._view = view

    async def serve(self) -> None:
        """Send until the viewer leaves."""
        tasks = [asyncio.create_task(self._send()), asyncio.create_task(self._listen())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _send(self) -> None:
        with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):  # it may leave by itself meanwhile
            frame = self._broadcast.current(self._view)
            while True:
                async with asyncio.timeout(_SEND_SECONDS):
                    await self._websocket.send_text(frame)
                frame = await self._broadcast.following(self._view)

    async def _listen(self) -> None:
        with suppress(WebSocketDisconnect):
            while (await self._websocket.receive())["type"] != "websocket.disconnect":
                pass
