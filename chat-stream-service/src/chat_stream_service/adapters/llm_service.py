"""The language model behind llm-service."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from penstock.common.v1 import common_pb2
from penstock.llm.v1 import llm_pb2, llm_pb2_grpc

from chat_stream_service.domain.model.event import ToolCall
from chat_stream_service.domain.model.language_model import (
    NO_CACHE_WISH,
    ModelEvent,
    ModelFinished,
    ModelRequest,
    ModelStarted,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
)
from chat_stream_service.domain.model.message import PromptMessage, Role
from chat_stream_service.domain.model.usage import UNKNOWN_COST, Cost, Usage
from penstock_kit.grpc import PenstockChannel
from penstock_kit.grpc.call import EOF

_ROLES: Final = {
    Role.SYSTEM: llm_pb2.ROLE_SYSTEM,
    Role.USER: llm_pb2.ROLE_USER,
    Role.ASSISTANT: llm_pb2.ROLE_ASSISTANT,
    Role.TOOL: llm_pb2.ROLE_TOOL,
}
_SURFACE: Final = "chat"
# What llm-service calls pictures that a model does not take.
_DROPPED_PICTURE: Final = "messages.image"


class LlmServiceModel:
    """Asks llm-service, which selects the provider, counts and bills; see LanguageModel."""

    def __init__(self, channel: PenstockChannel) -> None:
        self._stub = llm_pb2_grpc.LlmServiceStub(channel)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Sequence[ModelEvent]]:
        """Yield the events of each message as one batch; closing the generator cancels the call."""
        # Neither the question nor an answer has a name here: it would be in memory while the next answer is waited for.
        call: Any = self._stub.StreamComplete(llm_pb2.StreamCompleteRequest(completion=completion_to_proto(request)))
        async with call:
            while (batch := _batch_from_proto(await call.read())) is not None:
                yield batch


def completion_to_proto(request: ModelRequest) -> llm_pb2.CompletionRequest:
    """Return the completion that asks `request`."""
    completion = llm_pb2.CompletionRequest(
        model=request.model,
        messages=[_message_to_proto(message) for message in request.messages],
        tools=[
            common_pb2.ToolDefinition(name=tool.name, description=tool.description, parameters_json=tool.schema_json)
            for tool in request.tools
        ],
        surface=_SURFACE,
    )
    if request.tools and not request.use_tools:
        completion.tool_choice.mode = llm_pb2.ToolChoice.MODE_NONE
    if request.temperature is not None:
        completion.sampling.temperature = request.temperature
    completion.reasoning.include = request.include_thinking
    if request.cache != NO_CACHE_WISH:
        cache = request.cache
        completion.cache.bypass, completion.cache.threshold = cache.bypass, cache.threshold
        completion.cache.exact, completion.cache.semantic = cache.exact, cache.semantic
    return completion


def _batch_from_proto(answer: Any) -> Sequence[ModelEvent] | None:
    """Return the events of a message, None at the end of the call."""
    if answer is EOF:
        return None
    return [known for event in answer.events if (known := event_from_proto(event)) is not None]


def event_from_proto(event: llm_pb2.CompletionEvent) -> ModelEvent | None:
    """Return the event, or None for one that a chat does not show (a citation)."""
    made: ModelEvent | None = None
    match event.WhichOneof("event"):
        case "text":
            made = TextDelta(text=event.text.text)
        case "refusal":
            made = TextDelta(text=event.refusal.text)
        case "picture":
            made = TextDelta(text=_picture_in_words(event.picture))
        case "thinking":
            thought = event.thinking
            made = ThinkingDelta(text=thought.text, signature=thought.signature, redacted=thought.redacted)
        case "tool_call":
            call = event.tool_call
            made = ToolCallDelta(index=call.call_index, id=call.id, name=call.name, arguments=call.arguments)
        case "started":
            started = event.started
            made = ModelStarted(
                provider=started.provider,
                model=started.model,
                cache=_verdict(started.cache),
                drops_pictures=_DROPPED_PICTURE in started.dropped_params,
            )
        case "finished":
            made = _finished(event.finished)
        case _:
            pass
    return made


def _picture_in_words(picture: llm_pb2.Picture) -> str:
    """Return what stands in the place of a picture that the model made: answers of conversations are text."""
    if picture.url:
        return f"\n![picture]({picture.url})\n"
    return f"\n[{picture.media_type} of {len(picture.data):,} bytes left out: answers in conversations are text]\n"


def _message_to_proto(message: PromptMessage) -> llm_pb2.Message:
    return llm_pb2.Message(
        role=_ROLES[message.role],
        parts=list(_parts(message)),
        tool_calls=[_call_to_proto(call) for call in message.tool_calls],
        tool_call_id=message.tool_call_id,
        name=message.name,
        is_error=message.is_error,
    )


def _parts(message: PromptMessage) -> Iterable[llm_pb2.Part]:
    for thought in message.thoughts:
        # llm-service hands each vendor what it wants back, and none another's.
        thinking = llm_pb2.ThinkingPart(text=thought.text, signature=thought.signature, redacted=thought.redacted)
        yield llm_pb2.Part(thinking=thinking)
    for picture in message.pictures:
        yield llm_pb2.Part(image=llm_pb2.ImagePart(data=picture.data, media_type=picture.media_type))
    if message.content:
        yield llm_pb2.Part(text=message.content)


def _call_to_proto(call: ToolCall) -> common_pb2.ToolCall:
    return common_pb2.ToolCall(id=call.tool_call_id, name=call.name, arguments_json=call.arguments_json)


def _finished(end: llm_pb2.Finished) -> ModelFinished:
    usage = end.usage
    return ModelFinished(
        finish_reason=end.finish_reason,
        usage=Usage(
            input_tokens=usage.input_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            output_tokens=usage.output_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            estimated=usage.estimated,
        ),
        cost=_cost(end.cost),
    )


def _cost(money: common_pb2.Money) -> Cost:
    try:
        return Cost(amount=Decimal(money.amount), currency=money.currency or "USD", source=money.source)
    except InvalidOperation:
        return UNKNOWN_COST


def _verdict(cache: str) -> str:
    """Return a cache verdict as readers know it: ``hit``, ``miss``, ``bypass`` or empty."""
    return "hit" if cache == "semantic_hit" else cache
