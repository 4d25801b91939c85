"""The events of a streamed answer: six kinds in one envelope, the last of a stream terminal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from chat_stream_service.domain.model.usage import NO_COST, NO_USAGE, Cost, Usage


class Status(StrEnum):
    """The status of an answer: RUNNING in a snapshot; every other one is terminal."""

    RUNNING = "running"
    COMPLETED = "completed"
    STOPPED = "stopped"
    LENGTH = "length"
    BUDGET_EXCEEDED = "budget_exceeded"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageChunk:
    """A piece of the answer's text; `content` is the delta."""

    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinking:
    """A piece of the model's reasoning; `content` is the delta."""

    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """The model calls a tool; `arguments_json` is a JSON object's text."""

    tool_call_id: str
    name: str
    arguments_json: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """The result of a tool call; `content` is the text that the model is given, bounded in length."""

    tool_call_id: str
    name: str
    content: str
    is_error: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteState:
    """The whole answer so far: a snapshot while `status` is RUNNING, else the end.

    `notices` tell the user how the question was answered, such as by the offline provider.
    """

    status: Status
    content: str
    thinking: str = ""
    finish_reason: str = ""
    model: str = ""
    usage: Usage = NO_USAGE
    cost: Cost = NO_COST
    message_id: str = ""
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEvent:
    """The terminal event of a failed answer: an HTTP status as `code`, a stable `reason`, and the text up to then."""

    code: int
    reason: str
    message: str
    retryable: bool
    partial_content: str = ""


EventBody = MessageChunk | ToolCall | ToolResult | Thinking | CompleteState | ErrorEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class DebugInfo:
    """The timing of an answer: seconds since the request, and seconds by hop."""

    elapsed: float
    hops: Mapping[str, float] = field(default_factory=dict[str, float])
    provider: str = ""
    cache: str = ""
    engine: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatEvent:
    """One event of a stream. Sequences are 1, 2, 3 … without a gap."""

    stream_id: str
    conversation_id: str
    sequence: int
    create_time: datetime
    body: EventBody
    debug: DebugInfo | None = None

    @property
    def is_terminal(self) -> bool:
        """Whether this is the last event of its stream."""
        return is_terminal(self.body)


def is_terminal(body: EventBody) -> bool:
    """Return whether `body` ends a stream: a final complete_state or an error."""
    match body:
        case CompleteState(status=status):
            return status is not Status.RUNNING
        case ErrorEvent():
            return True
        case _:
            return False


def outcome_of(body: EventBody) -> Status:
    """Return the status a stream has after `body`; RUNNING unless it is terminal."""
    match body:
        case CompleteState(status=status):
            return status
        case ErrorEvent():
            return Status.ERROR
        case _:
            return Status.RUNNING
