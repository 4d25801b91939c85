"""The events of a completion, which every provider yields and every dialect renders."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from llm_service.domain.model.failure import Attempt, FailureKind
from llm_service.domain.model.usage import UNKNOWN_COST, Cost, Usage


class FinishReason(StrEnum):
    """Why a completion ended."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"
    BUDGET_EXCEEDED = "budget_exceeded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The first event: the provider and model that answer. `model` is the vendor's name as it reported it; durations
    are seconds.
    """

    id: str
    provider: str
    model: str
    create_time: datetime
    dropped_params: tuple[str, ...] = ()
    cache: str = ""
    similarity: float = 0.0
    failed_attempts: tuple[Attempt, ...] = ()
    degraded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """A piece of the text of choice `index`; log probabilities in OpenAI's JSON form."""

    text: str
    index: int = 0
    logprobs_json: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalDelta:
    """A piece of the refusal of choice `index`."""

    text: str
    index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinkingDelta:
    """A piece of the reasoning of choice `index`, its signature, or an encrypted block."""

    text: str = ""
    index: int = 0
    signature: str = ""
    redacted: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallDelta:
    """A piece of the tool call `call_index`. Its first delta has id and name; `arguments` is a piece of JSON."""

    call_index: int
    arguments: str = ""
    id: str = ""
    name: str = ""
    index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A source that the answer cites, for characters `start_index` to `end_index` of the text."""

    url: str
    title: str = ""
    start_index: int = 0
    end_index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture of choice `index`, whole: its bytes as base64 with their media type, or the `url` where it lies."""

    base64: str = ""
    media_type: str = ""
    url: str = ""
    index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReport:
    """Counts so far, before the end. Cumulative: the last one counts. For metering; never leaves the service."""

    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStarted:
    """A provider is being asked; the vendor may bill from here on. For metering; never leaves the service."""

    provider: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFailed:
    """The attempt that started last came to nothing; `billed` when the vendor may bill it all the same.

    For metering; never leaves the service.
    """

    failure: FailureKind | None = None
    billed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The last event of a success. Providers set reason and usage; metering adds cost, seconds and ledger id.

    `vendor_reason` is the vendor's own word for the reason, `details_json` what else it says of the end, as JSON.
    """

    reason: FinishReason
    usage: Usage | None = None
    stop_sequence: str = ""
    vendor_reason: str = ""
    details_json: str = ""
    choice_reasons: Mapping[int, FinishReason] = field(default_factory=dict[int, FinishReason])
    cost: Cost = UNKNOWN_COST
    cache_savings: Cost = UNKNOWN_COST
    time_to_first_token: float | None = None
    duration: float | None = None
    ledger_id: str = ""


MeterEvent = UsageReport | AttemptStarted | AttemptFailed
Event = (
    Started | TextDelta | RefusalDelta | ThinkingDelta | ToolCallDelta | Annotation | Picture | MeterEvent | Finished
)

_CONTENT = (TextDelta, RefusalDelta, ThinkingDelta, ToolCallDelta, Annotation, Picture)
_SHOWN = (*_CONTENT, Finished)


def is_content(event: Event) -> bool:
    """Whether `event` carries content of the completion; no failover follows the first that does."""
    return isinstance(event, _CONTENT)


def shows_content(events: Iterable[Event]) -> bool:
    """Whether there is content, or the end, among `events`."""
    for event in events:  # noqa: SIM110 - asked of every piece: a generator would cost more than the answer
        if isinstance(event, _SHOWN):
            return True
    return False
