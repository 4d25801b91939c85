"""Answers a body while it is taken in: a line of JSON about every second, and the result as the last one."""

from collections.abc import AsyncGenerator, Callable
from typing import Any, Final

from penstock.feature.v1 import feature_pb2 as pb
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.http.json import encode
from gateway.http.problems import render_error
from penstock_kit.errors import BadUpstream, PenstockError

MEDIA_TYPE: Final = "application/x-ndjson"
_HEADERS: Final = [(b"content-type", MEDIA_TYPE.encode()), (b"cache-control", b"no-store")]


class ProgressLines(Response):
    """Lines ``{"progress": …}``, then the answer that there would have been, or ``{"error": …}`` with its problem.

    What is refused before the first line keeps its status. `result` makes the answer of a result.
    """

    def __init__(
        self,
        start: Callable[[], AsyncGenerator[pb.WatchIngestResponse]],
        result: Callable[[pb.IngestResponse], bytes],
        *,
        request_id: str,
    ) -> None:
        super().__init__()
        self._start = start
        self._result = result
        self._request_id = request_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the lines."""
        messages = self._start()
        first = await anext(messages, None)
        if first is None:
            raise BadUpstream("the load ended without a result", reason="STREAM_INTERRUPTED")
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})

        async def write(line: bytes) -> None:
            await send({"type": "http.response.body", "body": line + b"\n", "more_body": True})

        try:
            await write(self._line(first))
            async for message in messages:
                await write(self._line(message))
        except PenstockError as error:
            problem = render_error(error, path=scope["path"], request_id=self._request_id)
            await write(b'{"error":' + problem.body + b"}")
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _line(self, message: pb.WatchIngestResponse) -> bytes:
        return self._result(message.result) if message.HasField("result") else encode(_progress(message.progress))


def _progress(progress: pb.IngestProgress) -> dict[str, Any]:
    told = {
        "stage": progress.stage,
        "received_bytes": progress.received_bytes,
        "rows_accepted": progress.rows_accepted,
        "rows_rejected": progress.rows_rejected,
    }
    return {"progress": told}
