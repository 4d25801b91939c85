"""The fold of a stream's events: what a reader has in hand after each of them."""

from collections.abc import Iterable

from chat_stream_service.domain.model.event import (
    ChatEvent,
    CompleteState,
    EventBody,
    MessageChunk,
    Status,
    Thinking,
    outcome_of,
)
from chat_stream_service.domain.model.growing_text import GrowingText


class EventFold:
    """Text and reasoning put together from deltas; a snapshot or an end replaces what was there.

    Deltas are joined a few at a time, so that a fold costs the same for each chunk.
    """

    def __init__(self) -> None:
        self._text = GrowingText()
        self._thinking = GrowingText()
        self.status = Status.RUNNING
        self.sequence = 0
        self.model = ""

    def add(self, body: EventBody) -> None:
        """Fold one more event in."""
        match body:
            case MessageChunk(content=content):
                self._text.append(content)
            case Thinking(content=content):
                self._thinking.append(content)
            case CompleteState(content=content, thinking=thinking):
                self._text, self._thinking = GrowingText(content), GrowingText(thinking)
                self.model = body.model
                self.status = body.status
            case _:
                self.status = outcome_of(body)

    def add_events(self, events: Iterable[ChatEvent]) -> None:
        """Fold events in and remember the last sequence."""
        for event in events:
            self.add(event.body)
            self.sequence = event.sequence

    @property
    def text(self) -> str:
        """The answer so far."""
        return self._text.read()

    @property
    def thinking(self) -> str:
        """The reasoning so far."""
        return self._thinking.read()

    def snapshot(self) -> CompleteState:
        """Return the running snapshot a reader can start from instead of the events folded here."""
        return CompleteState(status=Status.RUNNING, content=self.text, thinking=self.thinking, model=self.model)
