"""Pieces of a body that has begun, written straight to the connection."""

import weakref
from typing import Any


class BodyWriter:
    """Writes to one answer what an application would send, past the frames around it.

    They look at the head of an answer and at its first piece; every further piece of a stream would pass half a dozen
    of them for nothing.
    """

    __slots__ = ("_cycle",)

    def __init__(self, cycle: Any) -> None:
        # uvicorn's RequestResponseCycle: its state decides what may be written. It has the request's scope, which has
        # this: a reference that holds it would keep both, with the request, for a search for cycles, which holds up
        # every other request.
        self._cycle = weakref.ref(cycle)

    def __call__(self, body: bytes) -> bool:
        """Write a piece now and return True; False, and nothing is written, when it has to be sent. An empty one asks.

        That is: before the head, after the end, while the reader takes nothing, and for answers that are not chunked.
        """
        cycle = self._cycle()
        if (
            cycle is None
            or not cycle.chunked_encoding
            or cycle.flow.write_paused
            or cycle.disconnected
            or cycle.response_complete
        ):
            return False
        if cycle.scope["method"] == "HEAD":
            return False
        if body:
            cycle.transport.write(b"%x\r\n%b\r\n" % (len(body), body))
        return True
