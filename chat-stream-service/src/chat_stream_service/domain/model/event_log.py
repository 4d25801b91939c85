"""The event log: the store of the events of all streams, and the only source of their readers."""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chat_stream_service.domain.model.event import ChatEvent, Status
from penstock_kit.errors import Aborted


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamHeader:
    """The ids, owner and start of a stream. `request_id` may be empty."""

    stream_id: str
    conversation_id: str
    tenant_id: str
    user_id: str
    create_time: datetime
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamState:
    """A stream as its log knows it. `first_sequence` is that of the oldest event kept, 1 until trimmed;
    `last_sequence` is 0 before the first event."""

    header: StreamHeader
    status: Status
    first_sequence: int
    last_sequence: int


# Takes the events that follow those its reader has, at once and without an error, and returns True; False: it does not.
Offer = Callable[[Sequence[ChatEvent]], bool]


class StreamTakenOver(Aborted):
    """Another replica took this one for dead and has ended its stream."""


class ConversationBusy(Aborted):
    """Another stream runs in the conversation: `stream_id`."""

    def __init__(self, conversation_id: str, stream_id: str) -> None:
        text = (
            f"the conversation {conversation_id} is being answered in the stream {stream_id}; wait for its end, stop it"
        )
        super().__init__(
            f"{text}, or ask with on_busy: wait", reason="RUNNING_STREAM_EXISTS", metadata={"stream_id": stream_id}
        )
        self.stream_id = stream_id


class EventLog(Protocol):
    """Append-only events by stream, bounded in size and age.

    Laws, which the contract suite checks on every implementation: sequences are gapless and begin at 1; nothing
    follows a terminal event; a read after n gives exactly what follows n, live events included, without gap or
    double, and ends with the terminal event; when n + 1 was trimmed away the read begins with a running
    complete_state whose sequence is that of the last trimmed event and whose content is the fold up to it.
    """

    @property
    def name(self) -> str:
        """``memory`` or ``redis``."""
        ...

    @property
    def shared(self) -> bool:
        """Whether other replicas can read what this one writes, now."""
        ...

    async def open(self, header: StreamHeader) -> StreamHeader:
        """Begin a stream and return `header`; or, when the conversation already has a stream of the same non-empty
        `request_id`, return that stream's header and begin nothing.

        Of a conversation one stream runs at a time, on all replicas that share the log: ConversationBusy otherwise.
        """
        ...

    async def append(self, events: Sequence[ChatEvent]) -> None:
        """Append events of one open stream, in order, and wake its readers.

        Events that are not terminal may become readable a little later than this returns; terminal ones are readable
        then. Raises FailedPrecondition when a sequence does not follow the last one, or after the terminal event,
        NotFound when the stream is not open, and StreamTakenOver when another replica has ended it.
        """
        ...

    async def settle(self, stream_id: str) -> None:
        """Return when all that was appended to a stream of this replica is readable; StreamTakenOver like `append`."""
        ...

    async def describe(self, stream_id: str) -> StreamState | None:
        """Return the stream's state, or None when the log does not hold it (any more)."""
        ...

    async def active(self, conversation_ids: Iterable[str]) -> Mapping[str, str]:
        """Return the newest running stream of each conversation that has one."""
        ...

    def read(self, stream_id: str, *, after: int, offer: Offer | None = None) -> AsyncGenerator[Sequence[ChatEvent]]:
        """Yield the events after a sequence in batches, replay first, then live, to the terminal event.

        While the reader waits, live events are offered to it first: what `offer` takes is not yielded. Terminal ones
        are always yielded.
        Every reader has its own cursor; a slow one is handed a snapshot instead of what was trimmed meanwhile.
        Raises NotFound for an unknown stream and InvalidArgument (SEQUENCE_INVALID) for a sequence not reached yet.
        """
        ...

    async def drop(self, conversation_id: str) -> None:
        """Forget every stream of a conversation; readers of them end with NotFound."""
        ...

    async def clean(self) -> int:
        """Forget streams that ended longer ago than the retention, and return how many."""
        ...
