"""Events and streams as the contract writes them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from penstock.chat.v1 import chat_pb2
from penstock.common.v1 import common_pb2

from chat_stream_service.domain.model.component import ComponentStatus
from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.event import (
    ChatEvent,
    CompleteState,
    DebugInfo,
    ErrorEvent,
    MessageChunk,
    Status,
    Thinking,
    ToolCall,
    ToolResult,
)
from chat_stream_service.domain.model.event_log import StreamState
from chat_stream_service.domain.model.language_model import ResponseCache
from chat_stream_service.domain.model.stream_request import (
    StreamRequest,
    on_busy_named,
    on_disconnect_named,
    role_named,
)
from chat_stream_service.domain.model.usage import Cost, Usage
from penstock_kit.context import current_context

Response = TypeVar("Response", chat_pb2.StreamChatResponse, chat_pb2.ReadStreamResponse, chat_pb2.WatchClientResponse)

_STATUS: Final = {
    Status.RUNNING: chat_pb2.CompleteState.STATUS_RUNNING,
    Status.COMPLETED: chat_pb2.CompleteState.STATUS_COMPLETED,
    Status.STOPPED: chat_pb2.CompleteState.STATUS_STOPPED,
    Status.LENGTH: chat_pb2.CompleteState.STATUS_LENGTH,
    Status.BUDGET_EXCEEDED: chat_pb2.CompleteState.STATUS_BUDGET_EXCEEDED,
}


def caller_owner() -> Owner:
    """Return the owner that the current call acts for."""
    caller = current_context().caller
    return Owner(tenant_id=caller.tenant_id, user_id=caller.user_id)


def request_from_proto(request: chat_pb2.StreamChatRequest) -> StreamRequest:
    """Return the question; InvalidArgument for a role or policy that there is not."""
    return StreamRequest(
        owner=caller_owner(),
        conversation_id=request.conversation_id,
        content=request.content,
        pictures=tuple(picture.data for picture in request.pictures),
        role=role_named(request.role),
        engine=request.engine,
        model=request.model,
        personality_id=request.personality_id,
        use_tools=request.use_tools if request.HasField("use_tools") else True,
        on_disconnect=on_disconnect_named(request.on_disconnect),
        debug=request.debug,
        request_id=request.request_id,
        client_id=request.client_id,
        template_id=request.template_id,
        template_values=dict(request.template_values),
        on_busy=on_busy_named(request.on_busy),
        cache=ResponseCache(
            bypass=request.cache.bypass,
            exact=request.cache.exact,
            semantic=request.cache.semantic,
            threshold=request.cache.threshold,
        ),
    )


def with_events(response: Response, events: Iterable[ChatEvent], *, debug: bool) -> Response:
    """Return `response` with events of a stream, with their debug information when it is asked for and there."""
    for event in events:
        _fill(response.events.add(), event, debug=debug)
    return response


def _fill(made: chat_pb2.ChatEvent, event: ChatEvent, *, debug: bool) -> None:
    # The hottest conversion there is. Messages inside others are filled in place: one that is built apart is copied.
    made.stream_id = event.stream_id
    made.sequence = event.sequence
    created = made.create_time
    created.seconds, created.nanos = seconds_and_nanos(event.create_time)
    made.conversation_id = event.conversation_id
    match event.body:
        case MessageChunk(content=content):
            made.message_chunk.content = content
        case Thinking(content=content):
            made.thinking.content = content
        case ToolCall(tool_call_id=call_id, name=name, arguments_json=arguments):
            made.tool_call.CopyFrom(chat_pb2.ToolCalled(tool_call_id=call_id, name=name, arguments_json=arguments))
        case ToolResult(tool_call_id=call_id, name=name, content=content, is_error=is_error):
            made.tool_result.CopyFrom(
                chat_pb2.ToolResult(tool_call_id=call_id, name=name, content=content, is_error=is_error)
            )
        case CompleteState():
            made.complete_state.CopyFrom(_complete_state(event.body))
        case ErrorEvent():
            made.error.CopyFrom(_error(event.body))
    if debug and event.debug is not None:
        made.debug.CopyFrom(_debug(event.debug))


def state_to_proto(state: StreamState) -> chat_pb2.GetStreamResponse:
    """Return what is known of a stream."""
    return chat_pb2.GetStreamResponse(
        stream_id=state.header.stream_id,
        conversation_id=state.header.conversation_id,
        status=state.status.value,
        first_sequence=state.first_sequence,
        last_sequence=state.last_sequence,
        create_time=timestamp_to_proto(state.header.create_time),
    )


def component_to_proto(status: ComponentStatus) -> common_pb2.ComponentStatus:
    """Return the state of a store or peer."""
    return common_pb2.ComponentStatus(
        name=status.name, state=status.state, detail=status.detail, blocking=status.blocking
    )


def usage_to_proto(usage: Usage) -> common_pb2.Usage:
    """Return token counts."""
    return common_pb2.Usage(
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        output_tokens=usage.output_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        estimated=usage.estimated,
    )


def timestamp_to_proto(time: datetime) -> Timestamp:
    """Return a time; `time` is in UTC."""
    seconds, nanos = seconds_and_nanos(time)
    return Timestamp(seconds=seconds, nanos=nanos)


def seconds_and_nanos(time: datetime) -> tuple[int, int]:
    """Return a time as Unix seconds and nanoseconds; `time` is in UTC."""
    return int(time.timestamp() // 1), time.microsecond * 1000


def duration_to_proto(seconds: float) -> Duration:
    """Return a length of time."""
    made = Duration()
    made.FromTimedelta(timedelta(seconds=seconds))
    return made


def _complete_state(state: CompleteState) -> chat_pb2.CompleteState:
    return chat_pb2.CompleteState(
        status=_STATUS[state.status],
        content=state.content,
        thinking=state.thinking,
        finish_reason=state.finish_reason,
        model=state.model,
        usage=usage_to_proto(state.usage),
        cost=_money(state.cost),
        message_id=state.message_id,
        notices=state.notices,
    )


def _money(cost: Cost) -> common_pb2.Money:
    amount = "" if cost.amount is None else format(cost.amount, "f")
    return common_pb2.Money(currency=cost.currency, amount=amount, source=cost.source)


def _error(error: ErrorEvent) -> chat_pb2.ErrorEvent:
    return chat_pb2.ErrorEvent(
        code=error.code,
        reason=error.reason,
        message=error.message,
        retryable=error.retryable,
        partial_content=error.partial_content,
    )


def _debug(debug: DebugInfo) -> chat_pb2.DebugInfo:
    return chat_pb2.DebugInfo(
        elapsed=duration_to_proto(debug.elapsed),
        hops={hop: duration_to_proto(seconds) for hop, seconds in debug.hops.items()},
        provider=debug.provider,
        cache=debug.cache,
        engine=debug.engine,
    )
