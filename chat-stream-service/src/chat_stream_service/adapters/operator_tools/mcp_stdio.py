"""An MCP server as a process of ours: lines of JSON over its pipes, each bounded in length."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from chat_stream_service.adapters.operator_tools.entry import McpEntry
from chat_stream_service.adapters.operator_tools.mcp_pace import MessagePace
from chat_stream_service.adapters.operator_tools.mcp_reply import LIST_BYTES, LIST_METHOD, too_long
from penstock_kit.logging import get_logger

_CHUNK: Final = 65_536
_KEPT_END: Final = 256
# Seconds a process gets to end by itself, and after a signal.
_GRACE: Final = 2.0
# The id of a response where no nested object can be: before its result, or after it.
_ID: Final = rb'"id"\s*:\s*(-?\d+)'
_HEAD: Final = re.compile(rb'^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?' + _ID)
_TAIL: Final = re.compile(_ID + rb'\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$')

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LongLine:
    """A line that was too long to keep: its beginning and its end."""

    head: bytes
    tail: bytes

    @property
    def request_id(self) -> int | None:
        """The id of the response it was; None when it does not stand where it can be told."""
        found = _HEAD.search(self.head) or _TAIL.search(self.tail)
        return int(found[1]) if found else None


class LineSplitter:
    """Cuts bytes into lines. A line over the limit is dropped while it comes, in constant memory and linear time."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._head: bytes | None = None
        self._tail = b""

    def feed(self, data: bytes, limit: int) -> Iterator[bytes | LongLine]:
        """Yield the lines that end in `data`, without their ends."""
        pieces = data.split(b"\n")
        for piece in pieces[:-1]:
            self._add(piece, limit)
            yield self._line()
        self._add(pieces[-1], limit)

    def _add(self, piece: bytes, limit: int) -> None:
        self._tail = (self._tail + piece[-_KEPT_END:])[-_KEPT_END:]
        if self._head is not None:
            return
        self._parts.append(piece)
        self._size += len(piece)
        if self._size > limit:
            self._head = b"".join(self._parts)[:_KEPT_END]
            self._parts = []

    def _line(self) -> bytes | LongLine:
        line = b"".join(self._parts) if self._head is None else LongLine(head=self._head, tail=self._tail)
        self._parts, self._size, self._head, self._tail = [], 0, None, b""
        return line


@asynccontextmanager
async def open_process(entry: McpEntry, pace: MessagePace) -> AsyncGenerator[Any]:
    """Start the command and give its two streams, the first of which ends when it says too much.

    It gets the entry's variables and a few harmless ones, not ours.
    """
    import anyio
    from mcp.client.stdio import get_default_environment

    process = await asyncio.create_subprocess_exec(
        *entry.command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**get_default_environment(), **entry.environment},
        start_new_session=True,
    )
    received, reading = anyio.create_memory_object_stream[Any](0)
    writing, outgoing = anyio.create_memory_object_stream[Any](0)
    pipes = _Pipes(process, entry.max_response_bytes, pace)
    tasks = [asyncio.create_task(pipes.read(received)), asyncio.create_task(pipes.write(outgoing))]
    try:
        yield reading, writing
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for stream in (received, reading, writing, outgoing):
            stream.close()
        await _stop(process)


class _Pipes:
    """Moves messages between a process and the session."""

    def __init__(self, process: asyncio.subprocess.Process, max_bytes: int, pace: MessagePace) -> None:
        self._pace = pace
        self._process = process
        self._max_bytes = max_bytes
        # Requests under way, by the method that was asked.
        self._asked: dict[int, str] = {}

    async def read(self, received: Any) -> None:
        """Pass on what the process says, until it says no more, or too much."""
        splitter = LineSplitter()
        assert self._process.stdout is not None
        async with received:
            while data := await self._process.stdout.read(_CHUNK):
                if not self._pace.admits(data.count(b"\n"), len(data)):
                    return
                for line in splitter.feed(data, self._limit()):
                    for message in self._messages(line):
                        await received.send(message)

    async def write(self, outgoing: Any) -> None:
        """Pass on what the session says."""
        assert self._process.stdin is not None
        async with outgoing:
            with suppress(ConnectionError):
                async for item in outgoing:
                    self._process.stdin.write(self._line(item.message))
                    await self._process.stdin.drain()

    def _line(self, message: Any) -> bytes:
        request_id = getattr(message, "id", None)
        if isinstance(request_id, int) and hasattr(message, "method"):
            self._asked[request_id] = message.method
        text: str = message.model_dump_json(by_alias=True, exclude_unset=True)
        return text.encode() + b"\n"

    def _limit(self) -> int:
        listing = LIST_METHOD in self._asked.values()
        return max(self._max_bytes, LIST_BYTES) if listing else self._max_bytes

    def _messages(self, line: bytes | LongLine) -> Iterator[Any]:
        from mcp.shared.message import SessionMessage
        from mcp.types import JSONRPCError, jsonrpc_message_adapter

        if isinstance(line, LongLine):
            for request_id in self._meant(line):
                yield SessionMessage(
                    JSONRPCError.model_validate(
                        {"jsonrpc": "2.0", "id": request_id, "error": too_long(self._max_bytes)}
                    )
                )
            return
        try:
            message: Any = jsonrpc_message_adapter.validate_json(line, by_name=False)
        except ValueError:
            # Servers print; what is no message is nobody's answer.
            log.debug("an mcp server said what is no message", line=repr(line[:_KEPT_END]))
            return
        if not hasattr(message, "method"):
            self._asked.pop(message.id, None)
        yield SessionMessage(message)

    def _meant(self, line: LongLine) -> list[int]:
        """Return whom a dropped line answered; all who wait when that can't be told."""
        found = line.request_id
        meant = [found] if found is not None and found in self._asked else list(self._asked)
        for request_id in meant:
            del self._asked[request_id]
        return meant


async def _stop(process: asyncio.subprocess.Process) -> None:
    """End a process with all it started: its input closes, then come signals."""
    if process.stdin is not None:
        process.stdin.close()
    for sign in (None, signal.SIGTERM, signal.SIGKILL):
        if sign is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, sign)
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                await _drain(process)
                return


async def _drain(process: asyncio.subprocess.Process) -> None:
    """Wait for the end of a process, taking what it still says, which it may wait for."""
    if process.stdout is not None:
        while await process.stdout.read(_CHUNK):
            pass
    await process.wait()
