"""The terminal event of a stream, by how its answer ended."""

from dataclasses import replace
from typing import Final

from chat_stream_service.domain.model.event import CompleteState, ErrorEvent, Status
from chat_stream_service.domain.stream.event_fold import EventFold
from chat_stream_service.domain.stream.transcript import Transcript
from penstock_kit.errors import DeadlineExceeded, PenstockError, Unavailable, http_status

_STATUS_BY_FINISH: Final = {"length": Status.LENGTH, "budget_exceeded": Status.BUDGET_EXCEEDED}

_CONTENT_FILTER: Final = "content_filter"
_UNSEEN: Final = "The pictures were not looked at: {model} takes none; choose a model that does and ask again."
_FILTERED: Final = "The model's provider ended the answer before its end (content filter)."


def completed(fold: EventFold, transcript: Transcript) -> CompleteState:
    """Return the end of an answer whose model said all, or all it was allowed to."""
    status = _STATUS_BY_FINISH.get(transcript.finish_reason, Status.COMPLETED)
    state = _state(status, transcript.finish_reason, fold, transcript)
    filtered = transcript.finish_reason == _CONTENT_FILTER
    return replace(state, notices=(*state.notices, _FILTERED)) if filtered else state


def stopped(fold: EventFold, transcript: Transcript, *, finish_reason: str) -> CompleteState:
    """Return the end of an answer that its reader stopped or left."""
    return _state(Status.STOPPED, finish_reason, fold, transcript)


def failed(error: PenstockError, fold: EventFold) -> ErrorEvent:
    """Return the end of an answer that failed, with what had been said by then."""
    return ErrorEvent(
        code=http_status(error.kind),
        reason=error.reason,
        message=error.message,
        retryable=error.retryable,
        partial_content=fold.text,
    )


def timed_out(fold: EventFold, *, total: float, idle: float, was_idle: bool) -> ErrorEvent:
    """Return the end of an answer that took too long."""
    if was_idle:
        text = f"nothing came from the engine for {idle:g} s; ask again"
        return failed(DeadlineExceeded(text, reason="STREAM_IDLE_TIMEOUT"), fold)
    text = f"the answer took longer than the {total:g} s it may take; ask for less at once"
    return failed(DeadlineExceeded(text, reason="TURN_TIMEOUT"), fold)


def shut_down(fold: EventFold) -> ErrorEvent:
    """Return the end of an answer whose service had to stop."""
    text = "the service is shutting down; ask again, another replica will answer"
    return failed(Unavailable(text, reason="REPLICA_UNAVAILABLE"), fold)


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


def _state(status: Status, finish_reason: str, fold: EventFold, transcript: Transcript) -> CompleteState:
    return CompleteState(
        status=status,
        content=fold.text,
        thinking=fold.thinking,
        finish_reason=finish_reason,
        model=transcript.model,
        usage=transcript.usage,
        cost=transcript.cost,
        notices=(_UNSEEN.format(model=transcript.model),) if transcript.drops_pictures else (),
    )
