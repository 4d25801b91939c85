"""A fake vendor whose models each do one thing, so that clients in other processes need no script."""

import asyncio
import threading
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import FakeToolCall, FakeUsage, Reply
from penstock_testkit.waiting import HANG_SECONDS

MODELS: Final = ("say", "call", "json", "fail", "hang", "text-embedding-fake")
_USAGE: Final = FakeUsage(prompt=7, completion=4, cached=2)
_REPLIES: Final = {
    "say": Reply(chunks=("po", "ng"), usage=_USAGE),
    "call": Reply(
        tool_calls=[FakeToolCall(name="device_query", arguments='{"device":"pump"}')], finish_reason="tool_calls"
    ),
    "json": Reply(chunks=('{"x":', " 3}"), usage=_USAGE),
    "fail": Reply(status=400, error="this model only fails", code="bad_model"),
    "hang": Reply(chunks=("po", "ng"), hang_after=1),
}
_ANSWER: Final = Reply(chunks=("it is ", "42"))


class VendorByModel(OpenAiServer):
    """Replies by the model that was asked; a tool's result is answered with a text."""

    async def _answered(self, request: web.Request, body: Mapping[str, Any], reply: Reply) -> web.StreamResponse:
        told = body["messages"][-1]["role"] == "tool"
        return await super()._answered(request, body, _ANSWER if told else _REPLIES[body["model"]])


class VendorThread:
    """The vendor on an event loop of its own, for tests that wait for other processes."""

    def __init__(self, server: OpenAiServer | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="vendor", daemon=True)
        self.server = server or VendorByModel()

    def start(self) -> None:
        """Serve on a free port."""
        self._thread.start()
        self._run(self.server.__aenter__())

    def stop(self) -> None:
        """Close the port and end the thread."""
        self._run(self.server.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def wait_abandoned(self, count: int) -> None:
        """Return when clients have left `count` answers unfinished; TimeoutError after 5 s."""
        self._run(self.server.wait_abandoned(count))

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(HANG_SECONDS)
