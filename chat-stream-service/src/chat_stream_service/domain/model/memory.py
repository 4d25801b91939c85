"""The memory port: turns kept, what fits a question recalled, conversations forgotten."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.engine import EngineHealth


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedTurn:
    """A question and its answer, as they are kept."""

    owner: Owner
    conversation_id: str
    stream_id: str
    question: str
    answer: str
    create_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something recalled. `question` is the question it stems from, empty when it is a statement of its own."""

    text: str
    question: str = ""
    time: str = ""


class Memory(Protocol):
    """Remembers what was said to a user, and only to that user. Its methods raise when they fail; callers bound them
    in time."""

    async def recall(self, owner: Owner, question: str) -> Sequence[Note]:
        """Return what fits the question, best first."""
        ...

    async def keep(self, turn: RememberedTurn) -> None:
        """Remember a turn; one of a conversation that is deleted meanwhile is not kept."""
        ...

    async def forget(self, owner: Owner, conversation_id: str) -> None:
        """Forget a conversation."""
        ...

    async def health(self) -> EngineHealth:
        """Return whether it remembers now; never raises."""
        ...


def note_of(exchange_time: datetime, question: str, answer: str) -> Note:
    """Return a turn as a note, both sides shortened."""
    asked, told = shortened(question, 300), shortened(answer, 600)
    return Note(text=f"asked: {asked} — answered: {told}", question=question, time=f"{exchange_time:%Y-%m-%d}")


def shortened(text: str, most: int) -> str:
    """Return `text` as one line of at most `most` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
