"""One connection to a Redis over which everybody's commands travel, many at a time.

What is sent within one turn of the event loop goes out in one write, and the answers are handed out in order: a command
costs no connection of its own and no round trip to itself. redis-py takes a connection for each command under way and
several objects for each; docs/performance.md has both measured.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from penstock_kit.redis.address import RedisAddress

Command = Sequence[Any]

MAX_PENDING: Final = 20_000
_MOST_UNSENT_BYTES: Final = 64 * 1024 * 1024


class ConnectionLost(ConnectionError):  # noqa: N818 - what happened, as the library's own name has it
    """The connection ended before the answer came."""


class TooManyPending(Exception):  # noqa: N818 - a state of ours, not Redis' failing
    """So many commands wait for their answers that no more are taken."""


def pack(commands: Sequence[Command]) -> list[bytes]:
    """Return commands as they travel."""
    import hiredis

    library: Any = hiredis
    one: Any = library.pack_command
    return [one(tuple(command)) for command in commands]


class _Batch:
    """Commands of one caller, and the answers so far."""

    __slots__ = ("answers", "future", "left")

    def __init__(self, future: "asyncio.Future[list[Any]]", count: int) -> None:
        self.future = future
        self.left = count
        self.answers: list[Any] = []


class PipelinedConnection(asyncio.Protocol):
    """Sends whole batches of commands; a caller that leaves keeps its place, and its answers are thrown away."""

    def __init__(self) -> None:
        import hiredis

        library: Any = hiredis
        self._reader: Any = library.Reader()
        self._push: Any = library.PushNotification
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._batches: deque[_Batch] = deque()
        self._pending = 0
        self._out: list[bytes] = []
        self._flushing = False
        self._error: Exception | None = None
        self.on_loss: Callable[[Exception, bool], None] | None = None
        """Called when the other side ends the connection. True: there were commands without an answer for which nobody
        waits any more, so whether they were carried out is unknown."""

    @classmethod
    async def open(cls, address: RedisAddress) -> "PipelinedConnection":
        """Connect and get in. Raises OSError, or the server's own error when it refuses."""
        loop = asyncio.get_running_loop()
        if address.path:
            _, made = await loop.create_unix_connection(cls, address.path)
        else:
            _, made = await loop.create_connection(cls, address.host, address.port, ssl=address.tls)
        connection = cast("PipelinedConnection", made)
        try:
            if greeting := address.greeting():
                for answer in await connection.send(greeting):
                    if isinstance(answer, Exception):
                        raise answer
        except BaseException:
            connection.close()
            raise
        return connection

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._error is not None

    def send(self, commands: Sequence[Command]) -> "asyncio.Future[list[Any]]":
        """Send `commands`; the future gives their answers in order, an exception in the place of a refused one.

        It fails with ConnectionLost when the connection ends before. Raises TooManyPending.
        """
        return self.send_packed(pack(commands))

    def send_packed(self, packed: Sequence[bytes]) -> "asyncio.Future[list[Any]]":
        """Send what :func:`pack` returned; see :meth:`send`."""
        future: asyncio.Future[list[Any]] = self._loop.create_future()
        if self._error is not None:
            future.set_exception(self._error)
            return future
        if self._pending >= MAX_PENDING:
            raise TooManyPending(f"{self._pending} commands wait for Redis, no more are taken")
        if self._transport is not None and self._transport.get_write_buffer_size() > _MOST_UNSENT_BYTES:
            raise TooManyPending(f"more than {_MOST_UNSENT_BYTES} bytes wait for Redis, no more are taken")
        self._out.extend(packed)
        self._batches.append(_Batch(future, len(packed)))
        self._pending += len(packed)
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)
        return future

    def awaited(self) -> "list[asyncio.Future[list[Any]]]":
        """Return the futures of callers who still wait for an answer."""
        return [batch.future for batch in self._batches if not batch.future.done()]

    def close(self) -> None:
        """End the connection; what still waits fails."""
        self.on_loss = None
        self._end(ConnectionLost("closed"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand out the answers that are whole."""
        reader = self._reader
        try:
            reader.feed(data)
            # A notification of RESP3 is nobody's answer.
            while (answer := reader.gets()) is not False:
                if type(answer) is not self._push:
                    self._on_answer(answer)
        except Exception as error:  # noqa: BLE001 - whatever is not the protocol makes every later answer doubtful
            self._end(ConnectionLost(f"not an answer of Redis: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what still waits."""
        self._end(ConnectionLost(str(exc) if exc else "closed by Redis"))

    def _flush(self) -> None:
        self._flushing = False
        out, self._out = self._out, []
        if self._transport is not None and self._error is None:
            self._transport.write(b"".join(out))

    def _on_answer(self, answer: Any) -> None:
        batch = self._batches[0]
        batch.answers.append(answer)
        batch.left -= 1
        self._pending -= 1
        if batch.left == 0:
            self._batches.popleft()
            if not batch.future.done():
                batch.future.set_result(batch.answers)

    def _end(self, error: Exception) -> None:
        if self._error is not None:
            return
        self._error = error
        if self._transport is not None:
            self._transport.abort()
        batches, self._batches, self._pending = self._batches, deque(), 0
        given_up = [batch for batch in batches if batch.future.done()]
        for batch in batches:
            if not batch.future.done():
                batch.future.set_exception(error)
                batch.future.exception()  # whoever waited may have left
        if self.on_loss is not None:
            self.on_loss(error, bool(given_up))
