"""Events of an answer → the event stream of Anthropic's messages."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import orjson
from penstock.common.v1.common_pb2 import Usage
from penstock.llm.v1 import llm_pb2 as pb

from gateway.dialects.anthropic.answer import citation_from_proto, message_head, stop_from_proto, usage_from_proto
from gateway.http.problems import anthropic_error
from gateway.model_call.fields import JsonObject
from gateway.model_call.options import extras_from_proto
from gateway.model_call.picture import in_words
from gateway.model_call.tool_arguments import is_complete
from gateway.sse import event_frame
from penstock_kit.context import current_context
from penstock_kit.errors import PenstockError

PING: Final = event_frame(b'{"type":"ping"}', event="ping")


@dataclass(slots=True)
class _Block:
    """A content block that has begun and not stopped; `arguments` of a tool call so far, None for others."""

    index: int
    arguments: list[str] | None = field(default=None)

    def over(self) -> bool:
        """Whether nothing can follow in it once another block begins."""
        return self.arguments is None or is_complete("".join(self.arguments))


class MessageRenderer:
    """Renders one stream: message_start, blocks with start, deltas and stop, message_delta, message_stop.

    Nothing is rendered before the first content: until then another provider may take over. A block stops when
    the next begins; only a tool call whose pieces come in turns with another's stays open until it is complete.
    """

    def __init__(self) -> None:
        self.started = pb.Started()
        self.finished = False
        self._begun = False
        self._refused = False
        self._blocks = 0
        self._open: dict[str, _Block] = {}

    def render(self, events: Iterable[pb.CompletionEvent]) -> bytes:
        """Return the frames of `events`; empty when nothing is to be said yet."""
        frames: list[bytes] = []
        for event in events:
            match event.WhichOneof("event"):
                case "started":
                    self.started = event.started
                case "text":
                    frames.append(self._text(event.text))
                case "refusal":
                    self._refused = True
                    frames.append(self._text(event.refusal))
                case "picture" if not event.picture.index:
                    frames.append(self._text(pb.TextDelta(text=in_words(event.picture))))
                case "thinking":
                    frames.append(self._thinking(event.thinking))
                case "tool_call":
                    frames.append(self._tool_call(event.tool_call))
                case "annotation":
                    frames.append(self._cite(event.annotation))
                case "finished":
                    frames.append(self._finish(event.finished))
                case _:
                    pass
        return b"".join(frames)

    def failure(self, error: PenstockError) -> bytes:
        """Return the error event that ends a stream."""
        return _frame(anthropic_error(error, request_id=current_context().request_id))

    def _text(self, delta: pb.TextDelta) -> bytes:
        if delta.index or not delta.text:
            return b""
        begun = self._block("text", {"type": "text", "text": ""})
        return begun + self._delta("text", {"type": "text_delta", "text": delta.text})

    def _cite(self, annotation: pb.Annotation) -> bytes:
        begun = self._block("text", {"type": "text", "text": ""})
        return begun + self._delta("text", {"type": "citations_delta", "citation": citation_from_proto(annotation)})

    def _thinking(self, delta: pb.ThinkingDelta) -> bytes:
        if delta.index:
            return b""
        if delta.redacted:
            block = {"type": "redacted_thinking", "data": delta.redacted}
            return self._block("redacted", block) + self._stop("redacted")
        if not delta.text and not delta.signature:
            return b""
        frames = self._block("thinking", {"type": "thinking", "thinking": "", "signature": ""})
        if delta.text:
            frames += self._delta("thinking", {"type": "thinking_delta", "thinking": delta.text})
        if delta.signature:
            frames += self._delta("thinking", {"type": "signature_delta", "signature": delta.signature})
            # The proof is the last of a block; more reasoning is another one, with its own.
            frames += self._stop("thinking")
        return frames

    def _tool_call(self, delta: pb.ToolCallDelta) -> bytes:
        key = f"call {delta.call_index}"
        if delta.index or (key not in self._open and not delta.name):
            return b""  # another choice, or nothing but space behind a call that is complete
        frames = self._block(key, {"type": "tool_use", "id": delta.id, "name": delta.name, "input": {}})
        if not delta.arguments:
            return frames
        pieces = self._open[key].arguments
        if pieces is not None:
            pieces.append(delta.arguments)
        return frames + self._delta(key, {"type": "input_json_delta", "partial_json": delta.arguments})

    def _finish(self, finished: pb.Finished) -> bytes:
        self.finished = True
        ends = self._begin() + b"".join(self._stop(key) for key in list(self._open))
        delta = {
            "type": "message_delta",
            "delta": stop_from_proto(finished, refused=self._refused),
            "usage": usage_from_proto(finished.usage),
            "x_penstock": extras_from_proto(self.started, finished),
        }
        return ends + _frame(delta) + _frame({"type": "message_stop"})

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        message: JsonObject = {
            **message_head(self.started),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage_from_proto(Usage()),
        }
        return _frame({"type": "message_start", "message": message}) + PING

    def _block(self, key: str, content: JsonObject) -> bytes:
        """Return what begins the block `key` unless it is open: the stops of those before, and its start."""
        if key in self._open:
            return b""
        frames = self._begin() + b"".join(
            self._stop(other) for other, block in list(self._open.items()) if block.over()
        )
        index = self._blocks
        self._blocks += 1
        self._open[key] = _Block(index, [] if content["type"] == "tool_use" else None)
        return frames + _frame({"type": "content_block_start", "index": index, "content_block": content})

    def _delta(self, key: str, delta: JsonObject) -> bytes:
        return _frame({"type": "content_block_delta", "index": self._open[key].index, "delta": delta})

    def _stop(self, key: str) -> bytes:
        return _frame({"type": "content_block_stop", "index": self._open.pop(key).index})


def _frame(event: JsonObject) -> bytes:
    return event_frame(orjson.dumps(event), event=event["type"])
