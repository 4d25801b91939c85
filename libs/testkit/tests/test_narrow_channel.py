"""What a server may send ahead of a reader over a narrow channel."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc

from penstock_testkit.narrow_channel import MOST_AHEAD, open_narrow_channel
from penstock_testkit.waiting import HANG_SECONDS

PIECE = 16 * 1024
READ = 8 * 1024 * 1024


async def test_however_much_was_read_before_no_more_than_the_first_window_comes_ahead() -> None:
    sent = 0

    async def pour(request: bytes, context: Any) -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            yield bytes(PIECE)
            sent += PIECE

    library: Any = grpc  # its stubs leave the handlers' type parameters open
    server = library.aio.server()
    handler = library.unary_stream_rpc_method_handler(pour)
    server.add_generic_rpc_handlers((library.method_handlers_generic_handler("s", {"Pour": handler}),))
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        async with asyncio.timeout(HANG_SECONDS), open_narrow_channel(address, service="s") as channel:
            async with channel.unary_stream("/s/Pour")(b"") as call:
                for _ in range(READ // PIECE):
                    await call.read()
            sent = 0
            async with channel.unary_stream("/s/Pour")(b"") as call:
                await call.read()
                before = -1
                while before != sent:
                    before = sent
                    await asyncio.sleep(0.1)
            assert 0 < sent <= 3 * MOST_AHEAD
    finally:
        await server.stop(0)
