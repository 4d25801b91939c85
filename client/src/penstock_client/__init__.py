"""Python client of Penstock: sync and async, typed events, streams that resume by themselves, an offline queue."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

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
    from penstock_client._async.client import AsyncPenstock
    from penstock_client._async.stream import AsyncAnswer
    from penstock_client._sync.client import Penstock
    from penstock_client._sync.stream import Answer
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


_LOADED_AT_FIRST_USE: Final = {
    "Answer": "penstock_client._sync.stream",
    "AsyncAnswer": "penstock_client._async.stream",
    "AsyncPenstock": "penstock_client._async.client",
    "LocalCache": "penstock_client.queue",
    "OfflineQueue": "penstock_client.queue",
    "Penstock": "penstock_client._sync.client",
}


def __getattr__(name: str) -> Any:
    """Load a client with its HTTP library, or the queue with its encryption, when it is first asked for."""
    if name not in _LOADED_AT_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_LOADED_AT_FIRST_USE[name]), name)
    return found


def __dir__() -> list[str]:
    """Return all names, those not loaded yet too."""
    return sorted({*globals(), *__all__})
