"""Events of an answer → the event stream of OpenAI's responses."""

from collections.abc import Callable, Iterable
from typing import TypeVar, cast

from penstock.llm.v1 import llm_pb2 as pb

from gateway.dialects.responses.answer import failed_response, finished_response
from gateway.dialects.responses.echo import ResponseEcho, response_head
from gateway.dialects.responses.event import EventSequence
from gateway.dialects.responses.item import Item, ItemEvents, MessageItem, PictureItem, ReasoningItem, ToolCallItem
from gateway.http.problems import openai_error
from gateway.model_call.fields import JsonObject
from gateway.model_call.picture import in_words
from penstock_kit.errors import PenstockError

_Item = TypeVar("_Item", ReasoningItem, MessageItem, PictureItem, ToolCallItem)


class ResponseRenderer:
    """Renders one stream: created, in_progress, the items with their parts, completed (or incomplete, or failed).

    Nothing is rendered before the first content: until then another provider may take over. An item ends when the
    next begins; only a call whose pieces come in turns with another's stays open until it is complete. `form` is
    what every response object repeats of the request, and its tools.
    """

    def __init__(self, form: ResponseEcho) -> None:
        self.started = pb.Started()
        self.finished = False
        self._form = form
        self._events = EventSequence()
        self._begun = False
        self._open: dict[str, Item] = {}
        self._items: list[Item] = []

    def render(self, events: Iterable[pb.CompletionEvent]) -> bytes:
        """Return the frames of `events`; empty when nothing is to be said yet."""
        for event in events:
            match event.WhichOneof("event"):
                case "started":
                    self.started = event.started
                case "text" if event.text.text and not event.text.index:
                    self._message_item().add_text(event.text)
                case "refusal" if event.refusal.text and not event.refusal.index:
                    self._message_item().add_refusal(event.refusal.text)
                case "annotation":
                    self._message_item().add_annotation(event.annotation)
                case "picture" if not event.picture.index:
                    self._show(event.picture)
                case "thinking" if not event.thinking.index:
                    self._think(event.thinking)
                case "tool_call" if not event.tool_call.index:
                    self._call(event.tool_call)
                case "finished":
                    self._finish(event.finished)
                case _:
                    pass
        return self._events.take()

    def failure(self, error: PenstockError) -> bytes:
        """Return the events that end a stream which failed: the failed response, then the error."""
        if self._begun:
            self._events.add(
                "response.failed", response=failed_response(self.started, error, self._output(), self._form)
            )
        shown = openai_error(error)["error"]
        self._events.add("error", code=shown["code"], message=shown["message"], param=shown["param"], error=shown)
        return self._events.take()

    def _message_item(self) -> MessageItem:
        return self._item("said", "msg", MessageItem)

    def _show(self, picture: pb.Picture) -> None:
        if picture.url:
            self._message_item().add_text(pb.TextDelta(text=in_words(picture)))
        else:
            self._item(f"picture {len(self._items)}", "ig", lambda events: PictureItem(events, picture))

    def _think(self, delta: pb.ThinkingDelta) -> None:
        if delta.text or delta.signature or delta.redacted:
            reasoning = self._item("reasoning", "rs", ReasoningItem)
            reasoning.add(delta)
            if reasoning.is_proved:
                self._open.pop("reasoning").end()

    def _call(self, delta: pb.ToolCallDelta) -> None:
        key = f"call {delta.call_index}"
        if key in self._open or delta.name:  # else nothing but space behind a call that is complete
            mark = "ctc" if self._form.tools.is_custom(delta.name) else "fc"
            self._item(key, mark, lambda events: ToolCallItem(events, delta, self._form.tools)).add(delta.arguments)

    def _item(self, key: str, mark: str, begin: Callable[[ItemEvents], _Item]) -> _Item:
        """Return the open item `key`; unless it is open, those before it end and it begins."""
        if key not in self._open:
            self._begin()
            for other, item in list(self._open.items()):
                if item.over():
                    item.end()
                    del self._open[other]
            index = len(self._items)
            events = ItemEvents(events=self._events, index=index, identity=f"{mark}_{self.started.id}_{index}")
            self._open[key] = item = begin(events)
            self._items.append(item)
        return cast("_Item", self._open[key])

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        response = response_head(self.started, "in_progress", [], self._form)
        self._events.add("response.created", response=response)
        self._events.add("response.in_progress", response=response)

    def _finish(self, finished: pb.Finished) -> None:
        self.finished = True
        self._begin()
        for item in self._open.values():
            item.end()
        response = finished_response(self.started, finished, self._output(), self._form)
        self._events.add(f"response.{response['status']}", response=response)

    def _output(self) -> list[JsonObject]:
        return [item.json() for item in self._items]
