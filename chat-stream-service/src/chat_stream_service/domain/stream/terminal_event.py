"""The terminal event of a stream, by how its answer ended."""

from dataclasses import replace
from typing import Final

from chat_stream_service.domain.model.event import CompleteState, ErrorEvent, Status
from chat_stream_service.domain.stream.event_fold import Assembly
from chat_stream_service.domain.stream.transcript import Transcript
from penstock_kit.errors import DeadlineExceeded, PenstockError, Unavailable, http_status

_STATUS_BY_FINISH: Final = {"length": Status.LENGTH, "budget_exceeded": Status.BUDGET_EXCEEDED}

_CONTENT_FILTER: Final = "content_filter"
_FILTERED: Final = "The model's provider ended the answer before its end (content filter)."


def completed(assembly: Assembly, transcript: Transcript) -> CompleteState:
    """Return the end of an answer whose model said all, or all it was allowed to."""
    status = _STATUS_BY_FINISH.get(transcript.finish_reason, Status.COMPLETED)
    state = _state(status, transcript.finish_reason, assembly, transcript)
    return replace(state, notices=(_FILTERED,)) if transcript.finish_reason == _CONTENT_FILTER else state


def stopped(assembly: Assembly, transcript: Transcript, *, finish_reason: str) -> CompleteState:
    """Return the end of an answer that its reader stopped or left."""
    return _state(Status.STOPPED, finish_reason, assembly, transcript)


def failed(error: PenstockError, assembly: Assembly) -> ErrorEvent:
    """Return the end of an answer that failed, with what had been said by then."""
    return ErrorEvent(
        code=http_status(error.kind),
        reason=error.reason,
        message=error.message,
        retryable=error.retryable,
        partial_content=assembly.text,
    )


def timed_out(assembly: Assembly, *, total: float, idle: float, was_idle: bool) -> ErrorEvent:
    """Return the end of an answer that took too long."""
    if was_idle:
        text = f"nothing came from the engine for {idle:g} s; ask again"
        return failed(DeadlineExceeded(text, reason="STREAM_IDLE_TIMEOUT"), assembly)
    text = f"the answer took longer than the {total:g} s it may take; ask for less at once"
    return failed(DeadlineExceeded(text, reason="TURN_TIMEOUT"), assembly)


def shut_down(assembly: Assembly) -> ErrorEvent:
    """Return the end of an answer whose service had to stop."""
    text = "the service is shutting down; ask again, another replica will answer"
    return failed(Unavailable(text, reason="REPLICA_UNAVAILABLE"), assembly)


def replica_lost(partial_content: str) -> ErrorEvent:
    """Return the end of an answer whose replica died, written by another."""
    text = "the replica that made this answer died; ask again"
    error = Unavailable(text, reason="STREAM_INTERRUPTED")
    return ErrorEvent(
        code=http_status(error.kind),
        reason=error.reason,
        message=error.message,
        retryable=error.retryable,
        partial_content=partial_content,
    )


def _state(status: Status, finish_reason: str, assembly: Assembly, transcript: Transcript) -> CompleteState:
    return CompleteState(
        status=status,
        content=assembly.text,
        thinking=assembly.thinking,
        finish_reason=finish_reason,
        model=transcript.model,
        usage=transcript.usage,
        cost=transcript.cost,
    )
