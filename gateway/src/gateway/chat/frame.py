"""Chat events → frames of an event stream; pieces of an answer, which nearly all are, without an object in between."""

from collections.abc import Iterable
from typing import Final

import orjson
from penstock.chat.v1 import chat_pb2 as pb

from gateway.convert.event import event_from_proto, iso_second
from gateway.http.json import encode
from gateway.sse import event_frame

# What `frame_from_event` makes of a piece, with places for what differs from one to the next.
_PIECE: Final = (
    b'id: %d\nevent: message_chunk\ndata: {"type":"message_chunk",%b,"sequence":%d,"create_time":"%b.%03dZ"%b'
)


class FrameRenderer:
    """Renders the events of one stream."""

    __slots__ = ("_conversation", "_conversation_id", "_second", "_second_text", "_stream", "_stream_id")

    def __init__(self) -> None:
        # What the last piece named, and the same as JSON.
        self._stream_id = self._conversation_id = ""
        self._stream = self._conversation = b""
        self._second, self._second_text = -1, b""

    def render(self, events: Iterable[pb.ChatEvent], *, retry: int | None = None) -> bytes:
        """Return the frames of `events`; the first carries `retry`, in milliseconds."""
        frames: list[bytes] = []
        for event in events:
            if retry is None and event.HasField("message_chunk") and not event.HasField("debug"):
                frames.append(self._piece(event))
            else:
                frames.append(frame_from_event(event, retry=retry))
                retry = None
        return frames[0] if len(frames) == 1 else b"".join(frames)

    def _piece(self, event: pb.ChatEvent) -> bytes:
        if event.stream_id != self._stream_id or event.conversation_id != self._conversation_id or not self._stream:
            self._name(event.stream_id, event.conversation_id)
        created, sequence = event.create_time, event.sequence
        if created.seconds != self._second:
            self._second, self._second_text = created.seconds, iso_second(created.seconds).encode()
        millis = created.nanos // 1_000_000
        head = _PIECE % (sequence, self._stream, sequence, self._second_text, millis, self._conversation)
        return head + b',"content":' + orjson.dumps(event.message_chunk.content) + b"}\n\n"

    def _name(self, stream_id: str, conversation_id: str) -> None:
        self._stream_id, self._conversation_id = stream_id, conversation_id
        self._stream = b'"stream_id":' + orjson.dumps(stream_id)
        self._conversation = b',"conversation_id":' + orjson.dumps(conversation_id) if conversation_id else b""


def frame_from_event(event: pb.ChatEvent, *, retry: int | None = None) -> bytes:
    """Return the SSE frame of `event`: its sequence as id, its kind as event name."""
    kind = event.WhichOneof("event") or ""
    return event_frame(encode(event_from_proto(event)), event=kind, id=event.sequence, retry=retry)
