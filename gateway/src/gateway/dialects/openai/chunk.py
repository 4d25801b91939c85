"""Events of an answer → ``chat.completion.chunk`` frames, without a model object per chunk."""

from collections.abc import Iterable
from typing import Final

import orjson
from penstock.llm.v1 import llm_pb2 as pb

from gateway.dialects.openai.answer import (
    annotation_from_proto,
    answer_id,
    finish_reason,
    image_from_proto,
    usage_from_proto,
)
from gateway.http.json import encode
from gateway.http.problems import openai_error
from gateway.model_call.fields import JsonObject
from gateway.model_call.options import extras_from_proto
from gateway.sse import DONE, data_frame
from penstock_kit.errors import PenstockError

_NO_USAGE: Final = b',"usage":null'


class ChunkRenderer:
    """Renders one stream. With `include_usage` a last chunk without choices carries the counts; `older_calls` for a
    caller that speaks of functions, not of tools, and knows one call.

    Nothing is rendered before the first content: until then another provider may take over.
    """

    def __init__(self, *, include_usage: bool, older_calls: bool = False) -> None:
        self._include_usage = include_usage
        self._older_calls = older_calls
        self._head = b""
        self._tail = b"}\n\n"
        self._spoken: set[int] = set()
        self.started = pb.Started()
        self.finished = False

    def render(self, events: Iterable[pb.CompletionEvent]) -> bytes:
        """Return the frames of `events`; empty when nothing is to be said yet."""
        frames: list[bytes] = []
        for event in events:
            match event.WhichOneof("event"):
                case "text":
                    frames.append(self._text(event.text))
                case "thinking":
                    if event.thinking.text:
                        frames.append(self._delta(event.thinking.index, {"reasoning_content": event.thinking.text}))
                case "tool_call":
                    frames.append(self._tool_call(event.tool_call))
                case "refusal":
                    frames.append(self._delta(event.refusal.index, {"refusal": event.refusal.text}))
                case "annotation":
                    frames.append(self._delta(0, {"annotations": [annotation_from_proto(event.annotation)]}))
                case "picture":
                    frames.append(self._delta(event.picture.index, {"images": [image_from_proto(event.picture)]}))
                case "started":
                    self._start(event.started)
                case "finished":
                    frames.append(self._finish(event.finished))
                case _:
                    pass
        return b"".join(frames)

    def failure(self, error: PenstockError) -> bytes:
        """Return the error frame that ends a stream."""
        return data_frame(encode(openai_error(error)))

    def _start(self, started: pb.Started) -> None:
        self.started = started
        head = {
            "id": answer_id(started),
            "object": "chat.completion.chunk",
            "created": started.create_time.seconds,
            "model": started.model,
        }
        self._head = b"data: " + orjson.dumps(head)[:-1] + b',"choices":['
        self._tail = b"]" + (_NO_USAGE if self._include_usage else b"") + b"}\n\n"

    def _text(self, delta: pb.TextDelta) -> bytes:
        """Return the frame of a text delta; the common case is joined from prepared bytes."""
        if delta.index == 0 and 0 in self._spoken and not delta.logprobs_json:
            body = b'{"index":0,"delta":{"content":%b},"logprobs":null,"finish_reason":null}' % orjson.dumps(delta.text)
            return self._head + body + self._tail
        return self._delta(delta.index, {"content": delta.text}, logprobs=delta.logprobs_json)

    def _tool_call(self, delta: pb.ToolCallDelta) -> bytes:
        if self._older_calls:
            name = {"name": delta.name} if delta.name else {}
            call = {"function_call": {**name, "arguments": delta.arguments}}
            return b"" if delta.call_index else self._delta(delta.index, call)
        call: JsonObject = {"index": delta.call_index, "function": {"arguments": delta.arguments}}
        if delta.id or delta.name:
            function = {"name": delta.name, "arguments": delta.arguments}
            call = {"index": delta.call_index, "id": delta.id, "type": "function", "function": function}
        return self._delta(delta.index, {"tool_calls": [call]})

    def _delta(self, index: int, delta: JsonObject, *, reason: str | None = None, logprobs: str = "") -> bytes:
        """Return one chunk; the first of a choice says who speaks."""
        if not self._head:
            self._start(self.started)
        if index not in self._spoken:
            self._spoken.add(index)
            delta = {"role": "assistant", "content": "", **delta}
        choice: JsonObject = {
            "index": index,
            "delta": delta,
            "logprobs": orjson.Fragment(logprobs) if logprobs else None,
            "finish_reason": reason,
        }
        return self._head + orjson.dumps(choice) + self._tail

    def _finish(self, finished: pb.Finished) -> bytes:
        self.finished = True
        reasons = dict(finished.choice_finish_reasons)
        reasons[0] = finished.finish_reason
        extras = orjson.dumps(extras_from_proto(self.started, finished))
        plain_tail, self._tail = self._tail, b'],"x_penstock":' + extras + self._tail[1:]
        said = {at: finish_reason(reason, older_calls=self._older_calls) for at, reason in reasons.items()}
        ends = [self._delta(index, {}, reason=reason) for index, reason in sorted(said.items())]
        self._tail = plain_tail
        if self._include_usage:
            ends.append(self._usage(finished))
        return b"".join(ends) + DONE

    def _usage(self, finished: pb.Finished) -> bytes:
        usage = orjson.dumps(usage_from_proto(finished.usage))
        return data_frame(self._head.removeprefix(b"data: ") + b'],"usage":' + usage + b"}")
