"""The smallest upstream that speaks OpenAI's wire format: a floor that costs next to nothing itself.

`python -m bench.upstream PORT` answers POST /v1/chat/completions at once; streamed answers hold CHUNKS
pieces, sent in one write each after the first, so that a reader sees as many chunks as it can take.
The model of a request may ask for another way to send them:

brief   a first piece at once and the few others a little later, as a model would say them
paced   20 pieces a second for eight seconds, each with the time when it was sent (`wordN@SECONDS`, time.perf_counter)
slow    10 pieces a second for eight seconds, in the same way
single  as many as without, but each in a write of its own with a turn of the event loop between
idle    a first piece, and then nothing for a minute
long    a thousand pieces of a kilobyte
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import cast

CHUNKS = 400
BODY = json.dumps(
    {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1,
        "model": "bench",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6},
    }
).encode()
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def event(delta: dict[str, object], finish: str | None = None, **more: object) -> bytes:
    """One chunk of an answer as an event."""
    payload = {
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "bench",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **more,
    }
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


def framed(body: bytes) -> bytes:
    """`body` as one HTTP chunk."""
    return b"%x\r\n%s\r\n" % (len(body), body)


PIECES = [framed(event({"content": f"word{index} "})) for index in range(CHUNKS)]
LAST = framed(
    event({}, "stop", usage={"prompt_tokens": 5, "completion_tokens": CHUNKS, "total_tokens": CHUNKS + 5})
    + b"data: [DONE]\n\n"
)


class Upstream(asyncio.Protocol):
    """One connection; requests come one after another."""

    def __init__(self) -> None:
        self.buffer = b""
        self.transport: asyncio.Transport
        self.tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self.buffer += data
        while (head_end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:head_end].lower()
            length = 0
            for line in head.split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            if len(self.buffer) < head_end + 4 + length:
                return
            body = self.buffer[head_end + 4 : head_end + 4 + length]
            self.buffer = self.buffer[head_end + 4 + length :]
            self.answer(body)

    def answer(self, body: bytes) -> None:
        """Answer one request."""
        request = json.loads(body or b"{}")
        if not request.get("stream"):
            self.transport.write(PLAIN)
            return
        self.transport.write(STREAM_HEAD + framed(event({"role": "assistant", "content": ""})))
        way = str(request.get("model", "")).rpartition("/")[2]
        if way in WAYS:
            task = asyncio.ensure_future(WAYS[way](self.transport))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
            return
        for piece in PIECES:
            self.transport.write(piece)
        self.transport.write(LAST + b"0\r\n\r\n")


async def brief(transport: asyncio.Transport) -> None:
    """Four pieces, 10 ms apart."""
    for piece in PIECES[:4]:
        transport.write(piece)
        await asyncio.sleep(0.01)
    transport.write(LAST + b"0\r\n\r\n")


async def paced(transport: asyncio.Transport) -> None:
    """Twenty pieces a second for eight seconds."""
    await evenly(transport, 20)


async def slow(transport: asyncio.Transport) -> None:
    """Ten pieces a second for eight seconds."""
    await evenly(transport, 10)


async def evenly(transport: asyncio.Transport, pace: int) -> None:
    """Eight seconds of pieces, on time however long the writing takes."""
    start = time.perf_counter()
    for number in range(8 * pace):
        await asyncio.sleep(start + number / pace - time.perf_counter())
        transport.write(framed(event({"content": f"word{number}@{time.perf_counter():.6f} "})))
    transport.write(LAST + b"0\r\n\r\n")


async def single(transport: asyncio.Transport) -> None:
    """Every piece by itself."""
    for piece in PIECES:
        transport.write(piece)
        await asyncio.sleep(0)
    transport.write(LAST + b"0\r\n\r\n")


async def idle(transport: asyncio.Transport) -> None:
    """One piece, and a minute of silence."""
    transport.write(PIECES[0])
    await asyncio.sleep(60)
    transport.close()


async def long(transport: asyncio.Transport) -> None:
    """A megabyte, as fast as it goes."""
    piece = framed(event({"content": "words " * 170}))
    for _ in range(1000):
        transport.write(piece)
        await asyncio.sleep(0)
    transport.write(LAST + b"0\r\n\r\n")


WAYS: dict[str, Callable[[asyncio.Transport], Awaitable[None]]] = {
    "brief": brief,
    "paced": paced,
    "slow": slow,
    "single": single,
    "idle": idle,
    "long": long,
}


async def serve(port: int) -> None:
    """Listen on the loopback interface until killed."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve(int(sys.argv[1])))
