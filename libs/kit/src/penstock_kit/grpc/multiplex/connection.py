"""The client's side of one stream, and the streams that a channel has open."""

import asyncio
import itertools
import random
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, Protocol

import grpc.aio
from penstock.common.v1 import multiplex_pb2 as pb

from penstock_kit.grpc.call import EOF, was_never_taken
from penstock_kit.grpc.multiplex.outbox import Outbox

METHOD: Final = "/penstock.common.v1.MultiplexService/Carry"
# So many streams go to a name behind which there may be several replicas, and none takes calls for longer than that
# (and a fifth): a new replica that the channel knows of gets its share of calls that soon.
_STREAMS: Final = 4
LIFETIME_SECONDS: Final = 20.0


class Receiver(Protocol):
    """Where the frames of one call go. Nothing comes after the frame with the trailers, or a failure."""

    def on_message(self, message: bytes) -> None:
        """Take a message of this call that is not its last."""
        ...

    def on_frame(self, frame: pb.ServerFrame) -> None:
        """Take the last frame of this call."""
        ...

    def on_failure(self, error: grpc.aio.AioRpcError) -> None:
        """Take the failure of the whole stream."""
        ...


class Connection:
    """One Carry stream. `usable` turns False when it broke, or when no new calls should be made on it."""

    def __init__(self, open_stream: Callable[[], Any]) -> None:
        self._stream = open_stream()
        self._receivers: dict[int, Receiver] = {}
        self._outbox: Outbox[pb.ClientFrame] = Outbox(self._write, lambda: len(self._receivers))
        self._ids = itertools.count(1)
        self._reading = asyncio.create_task(self._read())
        self._writing = asyncio.create_task(self._outbox.run())
        # The server may have begun the calls up to this id; those after it have not left.
        self._written = 0
        self._is_cut = False
        self._between_writes = asyncio.Event()
        self._between_writes.set()
        self.usable = True

    def open(self, headers: pb.Headers, receiver: Receiver) -> int:
        """Begin a call; `receiver` gets what comes of it. Returns the id of the call."""
        call_id = next(self._ids)
        self._receivers[call_id] = receiver
        self._outbox.put(pb.ClientFrame(call_id=call_id, headers=headers), len(headers.request))
        return call_id

    def update_window(self, call_id: int, size: int) -> None:
        """Let the server send `size` more bytes."""
        self._outbox.put(pb.ClientFrame(call_id=call_id, window_update=size))

    def cancel(self, call_id: int) -> None:
        """End a call that may still run."""
        if self._receivers.pop(call_id, None) is not None:
            self._outbox.put(pb.ClientFrame(call_id=call_id, cancel=True))
            self._close_if_done()

    def retire(self) -> None:
        """Make no new calls; the stream ends with the last one there is."""
        self.usable = False
        self._close_if_done()

    async def close(self) -> None:
        """End the stream now, and with it the calls that still run."""
        self.usable = False
        self._stream.cancel()
        self._writing.cancel()
        await asyncio.wait([self._reading, self._writing])

    async def _read(self) -> None:
        try:
            while (response := await self._stream.read()) is not EOF:
                for frame in response.frames:
                    self._on_frame(frame)
            self._fail_unstarted()
            return
        except grpc.aio.AioRpcError as failure:
            if was_never_taken(failure):
                self._fail_unstarted()
                return
            await self._fail_unwritten()
            error = failure
        except asyncio.CancelledError:
            empty = grpc.aio.Metadata()
            error = grpc.aio.AioRpcError(grpc.StatusCode.CANCELLED, empty, empty, "the channel was closed", None)
        self._fail_all(error)

    def _on_frame(self, frame: pb.ServerFrame) -> None:
        receiver = self._receivers.get(frame.call_id)
        if receiver is None:  # about the stream, or cancelled meanwhile
            if frame.going_away:
                self.retire()
        elif frame.HasField("trailers"):
            del self._receivers[frame.call_id]
            receiver.on_frame(frame)
            self._close_if_done()
        else:
            receiver.on_message(frame.message)

    def _fail_unstarted(self) -> None:
        """The server went away after all the calls that it had begun: those that are left it has not begun."""
        for receiver in self._detach_receivers():
            _refuse(receiver)

    async def _fail_unwritten(self) -> None:
        """The stream broke: calls that never left on it, though it was connected, have not begun."""
        self.usable = False
        await self._between_writes.wait()
        if self._written or self._is_cut:
            for call_id in [each for each in self._receivers if each > self._written]:
                _refuse(self._receivers.pop(call_id))

    def _fail_all(self, error: grpc.aio.AioRpcError) -> None:
        for receiver in self._detach_receivers():
            receiver.on_failure(error)

    def _detach_receivers(self) -> Collection[Receiver]:
        self.usable = False
        self._writing.cancel()
        receivers, self._receivers = self._receivers, {}
        return receivers.values()

    def _close_if_done(self) -> None:
        if not self.usable and not self._receivers and not self._writing.done():
            self._stream.cancel()

    async def _write(self, frames: Sequence[pb.ClientFrame]) -> None:
        self._between_writes.clear()
        try:
            await _send(self._stream, pb.CarryRequest(frames=frames))
        except grpc.aio.InternalError:
            self._is_cut = True
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            pass
        else:
            self._written = max(self._written, *(frame.call_id for frame in frames))
            return
        finally:
            self._between_writes.set()
        # The reader learns the same, and tells the calls.
        await asyncio.Event().wait()


async def _send(stream: Any, request: pb.CarryRequest) -> None:
    """Write as the library's `write` does, but leave the stream its status; InternalError when it is over meanwhile.

    `write` would set the status to INTERNAL over what the server said or will say, and hide what is yet to be read.
    """
    await stream.wait_for_connection()
    if stream.done():
        raise asyncio.InvalidStateError
    await stream._cython_call.send_serialized_message(request.SerializeToString())


def _refuse(receiver: Receiver) -> None:
    """Tell a call that no server has begun it, so that it may be begun anew."""
    code = grpc.StatusCode.UNAVAILABLE.value[0]
    trailers = pb.Trailers(code=code, message="the server is shutting down", refused=True)
    receiver.on_frame(pb.ServerFrame(trailers=trailers))


class ConnectionPool:
    """The streams of a channel, opened when they are needed.

    A call goes to the next of them in turn. Where `target` may stand for several replicas there are a few, made anew
    after `lifetime` seconds, so that they spread over the replicas there are.
    """

    def __init__(self, open_stream: Callable[[], Any], target: str, lifetime: float = LIFETIME_SECONDS) -> None:
        self._open_stream = open_stream
        self._lifetime = lifetime
        self._spread = may_be_several(target)
        self._slots: list[Connection | None] = [None] * (_STREAMS if self._spread else 1)
        self._turn = 0
        # Cleared when the server turns out not to know the protocol.
        self.supported = True

    def next(self) -> Connection:
        """Return the stream for the next call."""
        self._turn = (self._turn + 1) % len(self._slots)
        connection = self._slots[self._turn]
        if connection is None or not connection.usable:
            connection = self._slots[self._turn] = Connection(self._open_stream)
            if self._spread:
                lifetime = self._lifetime * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
                asyncio.get_running_loop().call_later(lifetime, connection.retire)
        return connection

    async def close(self) -> None:
        """End all streams."""
        connections = [connection for connection in self._slots if connection is not None]
        self._slots = [None] * len(self._slots)
        await asyncio.gather(*(connection.close() for connection in connections))


def may_be_several(target: str) -> bool:
    """Return whether several servers may answer at `target`: not when it is one address or this machine."""
    host = target.rpartition(":")[0]
    return not (host in {"localhost", "[::1]"} or host.replace(".", "").isdigit() or host.startswith("["))
