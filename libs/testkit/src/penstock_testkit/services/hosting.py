"""Serves fakes on a free port of the loopback interface."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from penstock_kit.grpc import GrpcServer

ServedFakes = tuple[tuple[Callable[[Any, Any], None], object], ...]


@asynccontextmanager
async def serve(*fakes: tuple[Callable[[Any, Any], None], object]) -> AsyncGenerator[str]:
    """Serve (add_XServicer_to_server, fake) pairs on one port; give its ``host:port``."""
    server = GrpcServer(service="fake", grace_seconds=0)
    for add_to_server, fake in fakes:
        server.add(add_to_server, fake)
    port = await server.start(0)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.drain()
