"""Python client of Penstock: sync and async, typed events, streams that resume by themselves, an offline queue."""

from typing import TYPE_CHECKING, Any

from penstock_client._async.client import AsyncPenstock
from penstock_client._async.stream import AsyncAnswer
from penstock_client._sync.client import Penstock
from penstock_client._sync.stream import Answer
from penstock_client.errors import (
    AnswerClosedError,
    AnswerFailedError,
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    ConnectionFailedError,
    NotFoundError,
    PenstockError,
    PermissionDeniedError,
    QueueError,
    RateLimitError,
    ServerError,
    StreamBrokenError,
    TenantRequiredError,
)
from penstock_client.events import (
    CompleteState,
    ErrorEvent,
    Event,
    MessageChunk,
    StreamEvent,
    Thinking,
    ToolCall,
    ToolResult,
    UnknownEvent,
)
from penstock_client.frames import FeatureMatrix, Rows

if TYPE_CHECKING:
    from penstock_client.queue import LocalCache, OfflineQueue

__all__ = [
    "Answer",
    "AnswerClosedError",
    "AnswerFailedError",
    "ApiError",
    "AsyncAnswer",
    "AsyncPenstock",
    "AuthenticationError",
    "BadRequestError",
    "CompleteState",
    "ConflictError",
    "ConnectionFailedError",
    "ErrorEvent",
    "Event",
    "FeatureMatrix",
    "LocalCache",
    "MessageChunk",
    "NotFoundError",
    "OfflineQueue",
    "Penstock",
    "PenstockError",
    "PermissionDeniedError",
    "QueueError",
    "RateLimitError",
    "Rows",
    "ServerError",
    "StreamBrokenError",
    "StreamEvent",
    "TenantRequiredError",
    "Thinking",
    "ToolCall",
    "ToolResult",
    "UnknownEvent",
]


def __getattr__(name: str) -> Any:
    """Load the offline queue, and the encryption it needs, when it is first asked for."""
    if name in {"LocalCache", "OfflineQueue"}:
        from penstock_client import queue

        return getattr(queue, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
