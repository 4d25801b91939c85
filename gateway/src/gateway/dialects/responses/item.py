"""Output items while they are streamed: each begins, grows and ends with its own events."""

from dataclasses import dataclass
from typing import Protocol

from penstock.common.v1.common_pb2 import ToolCall
from penstock.llm.v1 import llm_pb2 as pb

from gateway.dialects.responses.event import EventSequence
from gateway.dialects.responses.output import (
    annotation_from_proto,
    message_item,
    picture_item,
    proof_of,
    reasoning_item,
    refusal_part,
    summary_part,
    text_part,
    token_logprobs,
)
from gateway.dialects.responses.tool import ResponseTools
from gateway.model_call.fields import JsonObject
from gateway.model_call.tool_arguments import is_complete


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemEvents:
    """Where an item stands: its position in the output, its id, and where its events go."""

    events: EventSequence
    index: int
    identity: str

    def item(self, what: str, item: JsonObject) -> None:
        """Add the event that the item was added or is done."""
        self.events.add(f"response.output_item.{what}", output_index=self.index, item=item)

    def add(self, type: str, **fields: object) -> None:
        """Add an event inside the item."""
        self.events.add(f"response.{type}", item_id=self.identity, output_index=self.index, **fields)


class Item(Protocol):
    """An output item that has begun."""

    def over(self) -> bool:
        """Whether nothing can follow in it once another item begins."""
        ...

    def end(self) -> None:
        """Add the events with which it ends."""
        ...

    def json(self) -> JsonObject:
        """Return the item as it is now."""
        ...


class ReasoningItem:
    """ReasoningItem: one summary that grows."""

    def __init__(self, events: ItemEvents) -> None:
        self._events = events
        self._pieces: list[str] = []
        self._proof = ""
        self._status = "in_progress"
        events.item("added", self.json())

    def add(self, delta: pb.ThinkingDelta) -> None:
        """Add more reasoning."""
        self._proof = proof_of(delta) or self._proof
        if not delta.text:
            return
        if not self._pieces:
            self._events.add("reasoning_summary_part.added", summary_index=0, part=summary_part(""))
        self._pieces.append(delta.text)
        self._events.add("reasoning_summary_text.delta", summary_index=0, delta=delta.text)

    @property
    def is_proved(self) -> bool:
        """Whether its proof came, which is the last of it."""
        return bool(self._proof)

    def over(self) -> bool:
        """Whether nothing can follow: always."""
        return True

    def end(self) -> None:
        """Add the events with which it ends."""
        self._status = "completed"
        text = "".join(self._pieces)
        if text:
            self._events.add("reasoning_summary_text.done", summary_index=0, text=text)
            self._events.add("reasoning_summary_part.done", summary_index=0, part=summary_part(text), status=None)
        self._events.item("done", self.json())

    def json(self) -> JsonObject:
        """Return the item as it is now."""
        return reasoning_item(self._events.identity, "".join(self._pieces), self._proof, self._status)


class MessageItem:
    """A message: texts and refusals, one after another."""

    def __init__(self, events: ItemEvents) -> None:
        self._events = events
        self._parts: list[JsonObject] = []
        self._status = "in_progress"
        events.item("added", self.json())

    def add_text(self, delta: pb.TextDelta) -> None:
        """Add more text."""
        part = self._part("output_text", text_part(""))
        logprobs = token_logprobs(delta.logprobs_json)
        part["text"] += delta.text
        part["logprobs"] += logprobs
        self._add("output_text.delta", delta=delta.text, logprobs=logprobs)

    def add_refusal(self, text: str) -> None:
        """Add more of a refusal."""
        self._part("refusal", refusal_part(""))["refusal"] += text
        self._add("refusal.delta", delta=text)

    def add_annotation(self, annotation: pb.Annotation) -> None:
        """Add a cited source."""
        annotations: list[JsonObject] = self._part("output_text", text_part(""))["annotations"]
        annotations.append(annotation_from_proto(annotation))
        self._add("output_text.annotation.added", annotation_index=len(annotations) - 1, annotation=annotations[-1])

    def over(self) -> bool:
        """Whether nothing can follow: always."""
        return True

    def end(self) -> None:
        """Add the events with which it ends."""
        self._status = "completed"
        self._end_part()
        self._events.item("done", self.json())

    def json(self) -> JsonObject:
        """Return the item as it is now."""
        return message_item(self._events.identity, self._parts, self._status)

    def _part(self, kind: str, fresh: JsonObject) -> JsonObject:
        """Return the open part of `kind`, begun as `fresh` unless there is one."""
        if not self._parts or self._parts[-1]["type"] != kind:
            self._end_part()
            self._parts.append(fresh)
            self._add("content_part.added", part=fresh)
        return self._parts[-1]

    def _end_part(self) -> None:
        if not self._parts:
            return
        part = self._parts[-1]
        if part["type"] == "refusal":
            self._add("refusal.done", refusal=part["refusal"])
        else:
            self._add("output_text.done", text=part["text"], logprobs=part["logprobs"])
        self._add("content_part.done", part=part)

    def _add(self, type: str, **fields: object) -> None:
        self._events.add(type, content_index=len(self._parts) - 1, **fields)


class PictureItem:
    """A picture, which comes whole."""

    def __init__(self, events: ItemEvents, picture: pb.Picture) -> None:
        self._item = picture_item(events.identity, picture)
        events.item("added", picture_item(events.identity, None))
        events.add("image_generation_call.completed")
        events.item("done", self._item)

    def over(self) -> bool:
        """Whether nothing can follow: always."""
        return True

    def end(self) -> None:
        """Add nothing: it ended when it came."""

    def json(self) -> JsonObject:
        """Return the item."""
        return self._item


class ToolCallItem:
    """A call whose arguments come in pieces. The text of a custom tool is known, and sent, once they are complete."""

    def __init__(self, events: ItemEvents, first: pb.ToolCallDelta, tools: ResponseTools) -> None:
        self._events = events
        self._tools = tools
        self._call = ToolCall(id=first.id, name=first.name)
        self._is_custom = tools.is_custom(first.name)
        self._pieces: list[str] = []
        self._status = "in_progress"
        events.item("added", self.json())

    def add(self, arguments: str) -> None:
        """Add more arguments."""
        if arguments:
            self._pieces.append(arguments)
            if not self._is_custom:
                self._events.add("function_call_arguments.delta", delta=arguments)

    def over(self) -> bool:
        """Whether the arguments are complete."""
        return is_complete("".join(self._pieces))

    def end(self) -> None:
        """Add the events with which it ends. A call without arguments has an empty object of them."""
        self._status = "completed"
        self._pieces = self._pieces or ["{}"]
        item = self.json()
        if self._is_custom:
            self._events.add("custom_tool_call_input.delta", delta=item["input"])
            self._events.add("custom_tool_call_input.done", input=item["input"])
        else:
            arguments = item["arguments"]
            self._events.add("function_call_arguments.done", name=item["name"], arguments=arguments)
        self._events.item("done", item)

    def json(self) -> JsonObject:
        """Return the item as it is now."""
        self._call.arguments_json = "".join(self._pieces)
        return self._tools.call_item(self._events.identity, self._call, self._status)
