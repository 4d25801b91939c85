"""Reasoning, text and calls of an answer in their order: each block of reasoning keeps its own proof."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from llm_service.domain.model.event import ThinkingDelta
from llm_service.domain.model.message import CallPart, TextPart, ThinkingPart


@dataclass(slots=True, kw_only=True)
class _Open:
    is_text: bool
    call: int | None = None
    pieces: list[str] = field(default_factory=list[str])
    signature: str = ""
    redacted: str = ""

    @property
    def is_over(self) -> bool:
        """Whether more reasoning is another block's: the proof is the last of one."""
        return self.is_text or self.call is not None or bool(self.signature or self.redacted)

    @property
    def is_something(self) -> bool:
        """Whether there is anything to hand back."""
        return self.call is not None or bool(self.signature or self.redacted) or any(self.pieces)

    def closed(self) -> TextPart | ThinkingPart | CallPart:
        if self.call is not None:
            return CallPart(index=self.call)
        text = "".join(self.pieces)
        if self.is_text:
            return TextPart(text=text)
        return ThinkingPart(text=text, signature=self.signature, redacted=self.redacted)


class PartFold:
    """Collects the parts of one choice, from its first reasoning on; `said` and `calls` are what came before it."""

    def __init__(self, said: str = "", calls: Iterable[int] = ()) -> None:
        self._parts = [_Open(is_text=True, pieces=[said])] if said else []
        for index in calls:
            self.call(index)

    def say(self, text: str) -> None:
        """Take more text."""
        if not self._parts or not self._parts[-1].is_text:
            self._parts.append(_Open(is_text=True))
        self._parts[-1].pieces.append(text)

    def think(self, event: ThinkingDelta) -> None:
        """Take more reasoning, its proof, or an encrypted block."""
        if not self._parts or self._parts[-1].is_over or event.redacted:
            self._parts.append(_Open(is_text=False))
        part = self._parts[-1]
        part.pieces.append(event.text)
        part.signature, part.redacted = event.signature, event.redacted

    def call(self, index: int) -> None:
        """Take note that call `index` begins."""
        self._parts.append(_Open(is_text=False, call=index))

    def parts(self) -> tuple[TextPart | ThinkingPart | CallPart, ...]:
        """Return the parts; none when no reasoning has a proof, for then their order does not matter."""
        if not any(part.signature or part.redacted for part in self._parts):
            return ()
        return tuple(part.closed() for part in self._parts if part.is_something)
