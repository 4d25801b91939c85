"""A request to a model, with how its dialect writes the completion."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from penstock.llm.v1 import llm_pb2 as pb

from gateway.sse import HEARTBEAT
from penstock_kit.errors import PenstockError


class Renderer(Protocol):
    """Turns the events of one completion into the frames of a dialect."""

    started: pb.Started
    finished: bool

    def render(self, events: Iterable[pb.CompletionEvent]) -> bytes:
        """Return the frames of `events`; empty while nothing may be said yet."""
        ...

    def failure(self, error: PenstockError) -> bytes:
        """Return the frames that end a stream which failed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """What is requested, and how the completion is to be written.

    `whole` makes the JSON of a completion that is not streamed, `renderer` the writer of one that is; `heartbeat`
    is what the dialect sends in silence. `dropped` are fields of the request that go no further than here.
    """

    completion: pb.CompletionRequest
    stream: bool
    whole: Callable[[pb.Completion], dict[str, Any]]
    renderer: Callable[[], Renderer]
    heartbeat: bytes = HEARTBEAT
    dropped: tuple[str, ...] = ()
