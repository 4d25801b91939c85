"""One model call, folded: deltas in, chunks out, and at the end the calls it made."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from chat_stream_service.domain.model.chunking import split_chunks
from chat_stream_service.domain.model.engine import ModelSelected, TurnEvent
from chat_stream_service.domain.model.event import MessageChunk, Thinking
from chat_stream_service.domain.model.growing_text import GrowingText
from chat_stream_service.domain.model.language_model import (
    ModelEvent,
    ModelFinished,
    ModelStarted,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
)
from chat_stream_service.domain.model.message import Thought
from penstock_kit.token_estimate import surely_within


@dataclass(slots=True, kw_only=True)
class PartialToolCall:
    """A tool call under construction: arguments are the text so far."""

    id: str = ""
    name: str = ""
    arguments: str = ""


class Reply:
    """Folds the events of one model call.

    Text and reasoning that arrived in one batch are joined into chunks of at most `max_chunk_tokens`; nothing is
    ever held back for a later batch. `lead` goes before the first text, as a break after what earlier calls said.
    """

    def __init__(self, *, max_chunk_tokens: int, new_id: Callable[[str], str], lead: str = "") -> None:
        self._lead = lead
        self._max_chunk_tokens = max_chunk_tokens
        self._new_id = new_id
        self._drafts: dict[int, PartialToolCall] = {}
        self._text = GrowingText()
        self._thinking = GrowingText()
        self._thoughts: list[Thought] = []
        self.started: ModelStarted | None = None
        self.finished: ModelFinished | None = None

    def add_batch(self, batch: Sequence[ModelEvent]) -> list[TurnEvent]:
        """Fold a batch in and return the events it makes."""
        if len(batch) == 1 and isinstance(only := batch[0], TextDelta) and self._is_small(only.text):
            self._text.append(only.text)
            content, self._lead = self._lead + only.text, ""
            return [MessageChunk(content=content)]
        made: list[TurnEvent] = []
        run: list[str] = []
        kind: type[MessageChunk] | type[Thinking] = MessageChunk
        for event in batch:
            match event:
                case TextDelta(text=text):
                    next_kind = MessageChunk
                case ThinkingDelta(text=text):
                    next_kind = Thinking
                    self._think(event)
                case _:
                    made += self._apply(event)
                    continue
            if next_kind is not kind:
                made += self._chunks(kind, run)
                kind, run = next_kind, []
            run.append(text)
        made += self._chunks(kind, run)
        return made

    def _is_small(self, text: str) -> bool:
        """Whether `text` is a chunk as it is, which nearly every piece of a model is."""
        return bool(text) and surely_within(self._lead + text, self._max_chunk_tokens)

    def _think(self, event: ThinkingDelta) -> None:
        """Add to the block of reasoning, or begin the next: a proof is the last of its block."""
        last = self._thoughts[-1] if self._thoughts else None
        if last is None or last.signature or last.redacted or event.redacted:
            self._thoughts.append(Thought(text=event.text, signature=event.signature, redacted=event.redacted))
        else:
            self._thoughts[-1] = replace(last, text=last.text + event.text, signature=event.signature)

    def _apply(self, event: ModelEvent) -> Iterable[TurnEvent]:
        match event:
            case ModelStarted(provider=provider, model=model):
                self.started = event
                name = f"{provider}/{model}" if provider else model
                return (ModelSelected(model=name, drops_pictures=event.drops_pictures),)
            case ToolCallDelta(index=index):
                draft = self._drafts.setdefault(index, PartialToolCall())
                draft.id = draft.id or event.id
                draft.name = draft.name or event.name
                draft.arguments += event.arguments
            case ModelFinished():
                self.finished = event
            case _:
                pass
        return ()

    def _chunks(self, kind: type[MessageChunk] | type[Thinking], run: list[str]) -> Iterator[TurnEvent]:
        text = "".join(run)
        if text:
            (self._text if kind is MessageChunk else self._thinking).append(text)
            if kind is MessageChunk:
                text, self._lead = self._lead + text, ""
            for piece in split_chunks(text, self._max_chunk_tokens):
                yield kind(content=piece)

    @property
    def text(self) -> str:
        """The text of this call."""
        return self._text.read()

    @property
    def thinking(self) -> str:
        """The reasoning of this call."""
        return self._thinking.read()

    @property
    def thoughts(self) -> tuple[Thought, ...]:
        """The blocks of reasoning of this call, each with its own proof."""
        return tuple(self._thoughts)

    def calls(self, seen: set[str]) -> list[PartialToolCall]:
        """Return the tool calls in the model's order, each with an id that is not in `seen`, and add theirs to it."""
        calls = [self._drafts[index] for index in sorted(self._drafts)]
        for call in calls:
            if not call.id or call.id in seen:
                call.id = self._new_id("call")
            seen.add(call.id)
        return calls
