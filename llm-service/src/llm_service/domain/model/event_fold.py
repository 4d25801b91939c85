"""Reasoning and text of an answer in their order: each block of reasoning keeps its own proof."""

from dataclasses import dataclass, field

from llm_service.domain.model.event import ThinkingDelta
from llm_service.domain.model.message import TextPart, ThinkingPart


@dataclass(slots=True, kw_only=True)
class _Open:
    is_text: bool
    pieces: list[str] = field(default_factory=list[str])
    signature: str = ""
    redacted: str = ""

    @property
    def is_over(self) -> bool:
        """Whether more reasoning is another block's: the proof is the last of one."""
        return self.is_text or bool(self.signature or self.redacted)

    def closed(self) -> TextPart | ThinkingPart:
        text = "".join(self.pieces)
        if self.is_text:
            return TextPart(text=text)
        return ThinkingPart(text=text, signature=self.signature, redacted=self.redacted)


class PartFold:
    """Collects the parts of one choice, from its first reasoning on; `said` is the text before it."""

    def __init__(self, said: str = "") -> None:
        self._parts = [_Open(is_text=True, pieces=[said])] if said else []

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

    def parts(self) -> tuple[TextPart | ThinkingPart, ...]:
        """Return the parts; none when no reasoning has a proof, for then their order does not matter."""
        if not any(part.signature or part.redacted for part in self._parts):
            return ()
        return tuple(part.closed() for part in self._parts if part.signature or part.redacted or any(part.pieces))
