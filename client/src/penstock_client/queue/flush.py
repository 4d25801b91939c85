"""Sends a queue: in order within each conversation, each message once, as far as it goes now."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

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
    from penstock_client._async.client import AsyncPenstock
    from penstock_client._sync.client import Penstock
    from penstock_client.queue.offline_queue import OfflineQueue

_LATER: Final = frozenset({408, 409, 425, 429})
_SERVER: Final = 500
_REFUSED: Final = 400
_TOO_LARGE: Final = 413
_T = TypeVar("_T")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one message: its `answer` (None when the answer itself failed), or the `error` that came."""

    answer: CompleteState | None = None
    error: Exception | None = None


def flush(queue: "OfflineQueue", client: "Penstock") -> FlushReport:
    """Send what waits in `queue` through `client`."""
    report = FlushReport()
    with closing(_messages(queue, report)) as messages:
        entry = next(messages, None)
        while entry is not None:
            entry = _settled(messages, _delivered(client, entry))
    report.left = len(queue)
    return report


async def flush_async(queue: "OfflineQueue", client: "AsyncPenstock") -> FlushReport:
    """Send what waits in `queue` through `client`; the queue's own work is done in a thread."""
    report = FlushReport()
    messages = _messages(queue, report)
    try:
        entry: QueueEntry | None = await _in_thread(lambda: next(messages, None))
        while entry is not None:
            outcome = await _delivered_async(client, entry)
            entry = await _in_thread(partial(_settled, messages, outcome))
        report.left = await _in_thread(lambda: len(queue))
    finally:
        await _in_thread(messages.close)
    return report


async def _in_thread(work: Callable[[], _T]) -> _T:
    """Return what `work` does in a thread; one that is cancelled waits for its end, for it has the queue's lock."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _settled(messages: Generator[QueueEntry, Outcome], outcome: Outcome) -> QueueEntry | None:
    """Tell what became of a message; return the next one, None when that was the last that can go."""
    try:
        return messages.send(outcome)
    except StopIteration:
        return None


def _messages(queue: "OfflineQueue", report: FlushReport) -> Generator[QueueEntry, Outcome]:
    """Yield what is to be sent, one at a time; its outcome is durable before the next comes."""
    with queue.flush_turn() as is_ours:
        if not is_ours:
            report.stopped_by = "another flush is under way"
        while is_ours and not report.stopped_by:
            entry = _next(queue)
            if entry is None:
                break
            queue.mark_in_flight(entry.id)
            outcome = yield entry
            _settle(queue, entry, outcome, report)


def _next(queue: "OfflineQueue") -> QueueEntry | None:
    """Return the oldest message that nothing of its conversation is in front of."""
    held_up: set[str] = set()
    for entry in queue.entries():
        if entry.refused and entry.conversation:
            held_up.add(entry.conversation)
        elif not entry.refused and entry.conversation not in held_up:
            return entry
    return None


def _settle(queue: "OfflineQueue", entry: QueueEntry, outcome: Outcome, report: FlushReport) -> None:
    match outcome.error:
        case None:
            queue.discard(entry.id)  # on the disk before the next one is sent
            report.sent += 1
            report.answers[entry.id] = outcome.answer
        case ApiError() as error:
            _failed(queue, entry, error, report)
        case ConnectionFailedError() | StreamBrokenError() as error:
            report.stopped_by = str(error)
        case error:  # no question at all: nothing a gateway could take
            _set_aside(queue, entry, str(error), report)


def _delivered(client: "Penstock", entry: QueueEntry) -> Outcome:
    try:
        conversation, content, options = _question(entry)
        if not conversation:
            conversation = str(client.conversations.create(idempotency_key=f"{entry.id}-conversation")["id"])
        asked = client.conversations.ask(conversation, content, idempotency_key=entry.id, **options)
        return Outcome(answer=asked.result())
    except AnswerFailedError:
        return Outcome()
    except (PenstockError, TypeError, ValueError) as error:
        return Outcome(error=error)


async def _delivered_async(client: "AsyncPenstock", entry: QueueEntry) -> Outcome:
    try:
        conversation, content, options = _question(entry)
        if not conversation:
            made = await client.conversations.create(idempotency_key=f"{entry.id}-conversation")
            conversation = str(made["id"])
        asked = client.conversations.ask(conversation, content, idempotency_key=entry.id, **options)
        return Outcome(answer=await asked.result())
    except AnswerFailedError:
        return Outcome()
    except (PenstockError, TypeError, ValueError) as error:
        return Outcome(error=error)


def _question(entry: QueueEntry) -> tuple[str, str, dict[str, Any]]:
    """Return the conversation (empty: one of its own), the content and the options of a queued question."""
    message = dict(entry.message)
    content = message.pop("content", None)
    if not isinstance(content, str) or not content:
        raise ValueError("the message has no content")
    given = {name: value for name, value in message.items() if value is not None and name != "conversation_id"}
    return str(message.get("conversation_id") or ""), content, {"on_busy": "wait", **given}


def _failed(queue: "OfflineQueue", entry: QueueEntry, error: ApiError, report: FlushReport) -> None:
    """Sort a refusal: of the credentials, for now, or for good."""
    if isinstance(error, AuthenticationError | PermissionDeniedError):
        report.stopped_by = f"new credentials are needed: {error}"
    elif error.status in _LATER or error.status >= _SERVER or not _is_for_good(error):
        report.stopped_by, report.retry_after = str(error), error.retry_after
    else:
        _set_aside(queue, entry, str(error), report)


def _is_for_good(error: ApiError) -> bool:
    """Whether a gateway, or a proxy that takes nothing so large, said it: not a portal, nor another at its address."""
    return error.status == _TOO_LARGE or (error.status >= _REFUSED and bool(error.reason))


def _set_aside(queue: "OfflineQueue", entry: QueueEntry, why: str, report: FlushReport) -> None:
    queue.mark_refused(entry.id, why)
    report.refused.append(entry)
