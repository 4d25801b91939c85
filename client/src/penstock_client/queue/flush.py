"""Sends a queue: in order within each conversation, each message once, as far as it goes now."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from penstock_client.errors import (
    AnswerFailedError,
    ApiError,
    AuthenticationError,
    ConnectionFailedError,
    PenstockError,
    PermissionDeniedError,
    StreamBrokenError,
)
from penstock_client.events import CompleteState
from penstock_client.queue.entry import QueueEntry

if TYPE_CHECKING:
    from penstock_client._sync.client import Penstock
    from penstock_client.queue.offline_queue import OfflineQueue

_LATER: Final = frozenset({408, 409, 425, 429})
_SERVER: Final = 500


@dataclass(slots=True, kw_only=True)
class FlushReport:
    """What a flush did.

    `answers` holds the final state of each message sent, by its id (None when the answer itself failed: the message
    arrived all the same). `refused` are those set aside now. `left` is how many still wait. `stopped_by` says why it
    ended early, empty when all that could go went; `retry_after` is the gateway's wish in seconds, where it had one.
    """

    sent: int = 0
    answers: dict[str, CompleteState | None] = field(default_factory=dict[str, "CompleteState | None"])
    refused: list[QueueEntry] = field(default_factory=list["QueueEntry"])
    left: int = 0
    stopped_by: str = ""
    retry_after: float | None = None


def flush(queue: "OfflineQueue", client: "Penstock") -> FlushReport:
    """Send what waits in `queue` through `client`."""
    report = FlushReport()
    with queue.flush_turn() as is_ours:
        if not is_ours:
            report.stopped_by = "another flush is under way"
        while is_ours and not report.stopped_by:
            entry = _next(queue)
            if entry is None:
                break
            _send(queue, client, entry, report)
    report.left = len(queue)
    return report


def _next(queue: "OfflineQueue") -> QueueEntry | None:
    """Return the oldest message that nothing of its conversation is in front of."""
    held_up: set[str] = set()
    for entry in queue.entries():
        if entry.refused and entry.conversation:
            held_up.add(entry.conversation)
        elif not entry.refused and entry.conversation not in held_up:
            return entry
    return None


def _send(queue: "OfflineQueue", client: "Penstock", entry: QueueEntry, report: FlushReport) -> None:
    queue.mark_in_flight(entry.id)
    try:
        answer = _deliver(client, entry)
    except ApiError as error:
        _failed(queue, entry, error, report)
        return
    except (ConnectionFailedError, StreamBrokenError) as error:
        report.stopped_by = str(error)
        return
    except (PenstockError, TypeError, ValueError) as error:  # no question at all: nothing a gateway could take
        _set_aside(queue, entry, str(error), report)
        return
    queue.discard(entry.id)  # on the disk before the next one is sent
    report.sent += 1
    report.answers[entry.id] = answer


def _deliver(client: "Penstock", entry: QueueEntry) -> CompleteState | None:
    message = dict(entry.message)
    content = message.pop("content", None)
    if not isinstance(content, str) or not content:
        raise ValueError("the message has no content")
    conversation = str(message.pop("conversation_id", "") or "")
    if not conversation:
        made = client.conversations.create(idempotency_key=f"{entry.id}-conversation")
        conversation = str(made["id"])
    options: dict[str, Any] = {"on_busy": "wait", **message}
    try:
        return client.conversations.ask(conversation, content, idempotency_key=entry.id, **options).result()
    except AnswerFailedError:
        return None


def _failed(queue: "OfflineQueue", entry: QueueEntry, error: ApiError, report: FlushReport) -> None:
    """Sort a refusal: of the credentials, for now, or for good."""
    if isinstance(error, AuthenticationError | PermissionDeniedError):
        report.stopped_by = f"new credentials are needed: {error}"
    elif error.status in _LATER or error.status >= _SERVER:
        report.stopped_by, report.retry_after = str(error), error.retry_after
    else:
        _set_aside(queue, entry, str(error), report)


def _set_aside(queue: "OfflineQueue", entry: QueueEntry, why: str, report: FlushReport) -> None:
    queue.mark_refused(entry.id, why)
    report.refused.append(entry)
