"""The floor of three processes: a bare grpc.aio relay that carries an upstream's event stream and knows nothing of it.

`python -m bench.relay edge PORT MIDDLE_PORT` answers HTTP from gRPC; `middle PORT LEAF_PORT` relays gRPC to gRPC;
`leaf PORT UPSTREAM_URL` asks the upstream. Bytes pass as they come, one read one message: no authentication, records,
events or resumption.
"""

import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import grpc.aio
import uvicorn

from bench.load import HEADERS
from penstock_testkit.servers.process import accepts, free_ports, wait_until

METHOD = "/bench.Relay/Stream"


class Answers(grpc.GenericRpcHandler):
    """Serves METHOD by a function from the request to the pieces of its answer."""

    def __init__(self, pieces: Any) -> None:
        self.pieces = pieces

    def service(self, handler_call_details: Any) -> Any:
        """Return the handler."""

        async def stream(request: bytes, context: Any) -> AsyncIterator[bytes]:
            async for piece in self.pieces(request):
                yield piece

        return grpc.unary_stream_rpc_method_handler(stream)


async def serve_grpc(port: int, pieces: Any) -> None:
    """Serve until killed."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Answers(pieces),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


async def leaf(port: int, url: str) -> None:
    """Ask the upstream."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def pieces(request: bytes) -> AsyncIterator[bytes]:
            async with session.post(url, data=request, headers=HEADERS) as answer:
                async for piece in answer.content.iter_any():
                    yield piece

        await serve_grpc(port, pieces)


async def middle(port: int, leaf_port: int) -> None:
    """Ask the leaf."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{leaf_port}") as channel:
        await serve_grpc(port, channel.unary_stream(METHOD))


async def edge(port: int, middle_port: int) -> None:
    """Answer HTTP."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{middle_port}") as channel:
        stream: Any = channel.unary_stream(METHOD)

        async def application(scope: Any, receive: Any, send: Any) -> None:
            body = (await receive())["body"]
            headers = [(b"content-type", b"text/event-stream")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            async for piece in stream(body):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

        options = uvicorn.Config(application, port=port, lifespan="off", log_level="warning", access_log=False)
        await uvicorn.Server(options).serve()


@contextlib.contextmanager
def relay(upstream_url: str) -> Iterator[str]:
    """The three processes in front of an upstream; the URL to post to."""
    http, first, second = free_ports(3)
    parts = [
        ["leaf", second, f"{upstream_url}/chat/completions"],
        ["middle", first, second],
        ["edge", http, first],
    ]
    with contextlib.ExitStack() as stack:
        for part in parts:
            command = [sys.executable, "-m", "bench.relay", *map(str, part)]
            process = subprocess.Popen(command)
            stack.callback(process.wait, timeout=5)
            stack.callback(process.kill)
        for port in (second, first, http):
            wait_until(lambda port=port: accepts(port), seconds=10, what="the gRPC relay")
        yield f"http://127.0.0.1:{http}/"


if __name__ == "__main__":
    import uvloop

    part, own_port, behind = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    if part == "leaf":
        uvloop.run(leaf(own_port, behind))
    else:
        uvloop.run({"middle": middle, "edge": edge}[part](own_port, int(behind)))
