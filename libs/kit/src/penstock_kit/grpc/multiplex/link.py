"""The client's side of one stream, and the streams that a channel has open."""

import asyncio
import itertools
import random
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, Protocol

import grpc.aio
from penstock.common.v1 import multiplex_pb2 as pb

from penstock_kit.grpc.call import EOF
from penstock_kit.grpc.multiplex.outbox import Outbox

METHOD: Final = "/penstock.common.v1.MultiplexService/Carry"
# So many streams go to a name behind which there may be several replicas, and none lives longer than that.
_STREAMS: Final = 4
_LIFETIME_SECONDS: Final = 60.0


class Receiver(Protocol):
    """Where the frames of one call go. Nothing comes after `frame.ending` or a failure."""

    def take(self, frame: pb.ServerFrame) -> None:
        """Take a frame of this call."""
        ...

    def fail(self, error: grpc.aio.AioRpcError) -> None:
        """Take the failure of the whole stream."""
        ...


class Link:
    """One Carry stream. `usable` turns False when it broke, or when no new calls should be made on it."""

    def __init__(self, carry: Callable[[], Any]) -> None:
        self._stream = carry()
        self._receivers: dict[int, Receiver] = {}
        self._outbox: Outbox[pb.ClientFrame] = Outbox(self._write, lambda: len(self._receivers))
        self._ids = itertools.count(1)
        self._reading = asyncio.create_task(self._read())
        self._writing = asyncio.create_task(self._outbox.run())
        self.usable = True

    def open(self, opening: pb.Opening, receiver: Receiver) -> int:
        """Begin a call; `receiver` gets what comes of it. Returns the id of the call."""
        call_id = next(self._ids)
        self._receivers[call_id] = receiver
        self._outbox.put(pb.ClientFrame(call_id=call_id, opening=opening), len(opening.request))
        return call_id

    def credit(self, call_id: int, size: int) -> None:
        """Let the server send `size` more bytes."""
        self._outbox.put(pb.ClientFrame(call_id=call_id, credit=size))

    def cancel(self, call_id: int) -> None:
        """End a call that may still run."""
        if self._receivers.pop(call_id, None) is not None:
            self._outbox.put(pb.ClientFrame(call_id=call_id, cancel=True))
            self._leave_if_done()

    def retire(self) -> None:
        """Make no new calls; the stream ends with the last one there is."""
        self.usable = False
        self._leave_if_done()

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
                    self._take(frame)
            self._refuse()
            return
        except grpc.aio.AioRpcError as failure:
            error = failure
        except asyncio.CancelledError:
            empty = grpc.aio.Metadata()
            error = grpc.aio.AioRpcError(grpc.StatusCode.CANCELLED, empty, empty, "the channel was closed", None)
        self._fail(error)

    def _take(self, frame: pb.ServerFrame) -> None:
        if frame.going_away:
            self.retire()
            return
        receiver = self._receivers.get(frame.call_id)
        if receiver is None:  # cancelled meanwhile
            return
        if frame.HasField("ending"):
            del self._receivers[frame.call_id]
        receiver.take(frame)
        self._leave_if_done()

    def _refuse(self) -> None:
        """The server went away after all the calls that it had begun: those that are left it has not begun."""
        ending = pb.Ending(
            code=grpc.StatusCode.UNAVAILABLE.value[0], message="the server is shutting down", refused=True
        )
        for receiver in self._abandoned():
            receiver.take(pb.ServerFrame(ending=ending))

    def _fail(self, error: grpc.aio.AioRpcError) -> None:
        for receiver in self._abandoned():
            receiver.fail(error)

    def _abandoned(self) -> Collection[Receiver]:
        self.usable = False
        self._writing.cancel()
        receivers, self._receivers = self._receivers, {}
        return receivers.values()

    def _leave_if_done(self) -> None:
        if not self.usable and not self._receivers and not self._writing.done():
            self._stream.cancel()

    async def _write(self, frames: Sequence[pb.ClientFrame]) -> None:
        try:
            await self._stream.write(pb.CarryRequest(frames=frames))
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # The reader learns the same, and tells the calls.
            await asyncio.Event().wait()


class Links:
    """The streams of a channel, opened when they are needed.

    A call goes to the next of them in turn. Where `target` may stand for several replicas there are a few, made anew
    every minute, so that they spread over the replicas there are.
    """

    def __init__(self, carry: Callable[[], Any], target: str) -> None:
        self._carry = carry
        self._spread = may_be_several(target)
        self._slots: list[Link | None] = [None] * (_STREAMS if self._spread else 1)
        self._turn = 0
        # Cleared when the server turns out not to know the protocol.
        self.supported = True

    def next(self) -> Link:
        """Return the stream for the next call."""
        self._turn = (self._turn + 1) % len(self._slots)
        link = self._slots[self._turn]
        if link is None or not link.usable:
            link = self._slots[self._turn] = Link(self._carry)
            if self._spread:
                lifetime = _LIFETIME_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
                asyncio.get_running_loop().call_later(lifetime, link.retire)
        return link

    async def close(self) -> None:
        """End all streams."""
        links = [link for link in self._slots if link is not None]
        self._slots = [None] * len(self._slots)
        await asyncio.gather(*(link.close() for link in links))


def may_be_several(target: str) -> bool:
    """Return whether several servers may answer at `target`: not when it is one address or this machine."""
    host = target.rpartition(":")[0]
    return not (host in {"localhost", "[::1]"} or host.replace(".", "").isdigit() or host.startswith("["))
