"""One WebSocket of a conversation: questions and stops in, the events of the streams out."""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Final, Literal

from penstock.chat.v1 import chat_pb2 as pb
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from gateway.chat.request import StreamChatRequest
from gateway.chat.sse_response import SseResponseFactory
from gateway.convert.event import event_from_proto
from gateway.convert.protobuf import build_message
from gateway.http.body import parse_storable
from gateway.http.json import encode
from gateway.http.problems import running_stream
from penstock_kit.aside import run_aside
from penstock_kit.context import current_context, set_context
from penstock_kit.errors import InvalidArgument, PenstockError, ResourceExhausted, http_status
from penstock_kit.ids import new_id

_MOST_STREAMS: Final = 8
_ESCAPED_NUL: Final = "\\u0000"


class Ask(StreamChatRequest):
    """Ask something; `request_id` comes back in an error, and makes a repetition harmless."""

    type: Literal["ask"]
    request_id: str = Field(default="", max_length=200)


class Resume(BaseModel):
    """Go on with a stream after the events the client has."""

    type: Literal["resume"]
    stream_id: str = Field(min_length=1, max_length=200)
    after: int = Field(default=0, ge=0)
    request_id: str = ""


class Stop(BaseModel):
    """Stop a running stream."""

    type: Literal["stop"]
    stream_id: str = Field(min_length=1, max_length=200)
    request_id: str = ""


class Ping(BaseModel):
    """Ask for a sign of life."""

    type: Literal["ping"]
    request_id: str = ""


ClientMessage = Ask | Resume | Stop | Ping
_CLIENT_MESSAGE: Final[TypeAdapter[ClientMessage]] = TypeAdapter(Annotated[ClientMessage, Field(discriminator="type")])


class ConversationWebSocket:
    """Serves an accepted WebSocket until the client closes it.

    Events are the same as over HTTP, one JSON text each. What fails outside of a stream comes as an ``error``
    without a stream id, with the `request_id` of the wish. Closing the socket leaves the streams to their
    `on_disconnect`.
    """

    def __init__(self, websocket: WebSocket, conversation_id: str, responses: SseResponseFactory) -> None:
        self._websocket = websocket
        self._conversation_id = conversation_id
        self._responses = responses
        self._streams: set[asyncio.Task[None]] = set()

    async def serve(self, *, stream_id: str = "", after: int = 0) -> None:
        """Read wishes and follow streams until the client leaves; go on with `stream_id` first when it is given."""
        async with asyncio.TaskGroup() as group:
            if stream_id:
                self._resume(stream_id, after, group)
            try:
                while True:
                    await self._handle_next(group)
            except WebSocketDisconnect:
                for stream in self._streams:
                    stream.cancel()

    def _resume(self, stream_id: str, after: int, group: asyncio.TaskGroup) -> None:
        """Start following a stream that runs or ran."""
        request = build_message(pb.ReadStreamRequest, stream_id=stream_id, after_sequence=after)
        self._follow(lambda: self._responses.streams.ReadStream(request), "", group)

    async def _handle_next(self, group: asyncio.TaskGroup) -> None:
        request_id = ""
        try:
            received = await next_message(self._websocket)
            request_id = received.request_id
            await self._handle(received, group)
        except PenstockError as error:
            await self._send(_error(error, request_id))

    async def _handle(self, received: ClientMessage, group: asyncio.TaskGroup) -> None:
        match received:
            case Ask():
                turn = received.model_dump(exclude={"type", "request_id"})
                request_id = received.request_id or new_id("ask")
                request = build_message(
                    pb.StreamChatRequest, conversation_id=self._conversation_id, request_id=request_id, **turn
                )
                self._follow(lambda: self._responses.streams.StreamChat(request), received.request_id, group)
            case Resume():
                self._resume(received.stream_id, received.after, group)
            case Stop():
                response = await self._responses.streams.StopStream(pb.StopStreamRequest(stream_id=received.stream_id))
                await self._send({"type": "stopped", "stream_id": received.stream_id, "stopped": response.stopped})
            case Ping():
                await self._send({"type": "pong", "request_id": received.request_id})

    def _follow(self, start: Callable[[], Any], request_id: str, group: asyncio.TaskGroup) -> None:
        if len(self._streams) >= _MOST_STREAMS:
            message = f"this socket follows {_MOST_STREAMS} streams already; wait for one to end"
            raise ResourceExhausted(message, reason="STREAMS_LIMIT_EXCEEDED")
        task = group.create_task(self._relay(start, request_id))
        self._streams.add(task)
        task.add_done_callback(self._streams.discard)

    async def _relay(self, start: Callable[[], Any], request_id: str) -> None:
        set_context(replace(current_context(), deadline=time.monotonic() + self._responses.timeouts.stream))
        chat_stream = self._responses.open(start)
        try:
            async with aclosing(chat_stream.batches()) as batches:
                async for events in batches:
                    for event in events:
                        await self._send(event_from_proto(event))
        except PenstockError as error:
            lost = (
                event_from_proto(chat_stream.failure(error))
                if chat_stream.last.stream_id
                else _error(error, request_id)
            )
            await self._send(lost)
        except WebSocketDisconnect:
            return

    async def _send(self, json: dict[str, Any]) -> None:
        await self._websocket.send_text(encode(json).decode())


async def next_text(websocket: WebSocket) -> str:
    """Return the next text; raise WebSocketDisconnect when the client has left, InvalidArgument for a binary frame."""
    received = await websocket.receive()
    if received["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(received["code"])
    text: str | None = received.get("text")
    if text is None:
        raise InvalidArgument("a binary frame came; send JSON in text frames", reason="VALIDATION_FAILED")
    return text


async def next_message(websocket: WebSocket) -> ClientMessage:
    """Return the next wish; raise what :func:`next_text` does, and InvalidArgument for what is none."""
    text = await next_text(websocket)
    return await run_aside(len(text), partial(_client_message, text))


def _client_message(text: str) -> ClientMessage:
    if _ESCAPED_NUL in text:
        parse_storable(text.encode())
    try:
        return _CLIENT_MESSAGE.validate_json(text)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"]) or "message"
        raise InvalidArgument(f"{where}: {problem['msg']}", reason="VALIDATION_FAILED") from None


def _error(error: PenstockError, request_id: str) -> dict[str, Any]:
    return {
        "type": "error",
        "stream_id": "",
        "sequence": 0,
        "request_id": request_id,
        "code": http_status(error.kind),
        "reason": error.reason,
        "message": error.message,
        "retryable": error.retryable,
        **running_stream(error),
    }
