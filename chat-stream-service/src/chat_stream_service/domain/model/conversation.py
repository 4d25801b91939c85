"""Conversations, their owners, their changes and pages of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_TITLE_CHARACTERS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The user of a tenant to whom a resource belongs; other users get NotFound for it."""

    tenant_id: str
    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A conversation and the defaults of its turns. `active_stream_id` is empty while no stream runs."""

    id: str
    owner: Owner
    title: str
    create_time: datetime
    update_time: datetime
    message_count: int = 0
    model: str = ""
    personality_id: str = ""
    active_stream_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationChanges:
    """The fields that an update sets; None leaves a field as it is."""

    title: str | None = None
    model: str | None = None
    personality_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One page of a list, and the token of the next page (empty: this is the last one)."""

    items: Sequence[T]
    next_token: str = ""


def title_from(question: str) -> str:
    """Return a title made from the first question: its first line, shortened at a word."""
    first = next((line for line in (part.strip() for part in question.splitlines()) if line), "")
    line = " ".join(first.split())
    if len(line) <= _TITLE_CHARACTERS:
        return line
    cut = line.rfind(" ", _TITLE_CHARACTERS // 2, _TITLE_CHARACTERS)
    return line[: cut if cut > 0 else _TITLE_CHARACTERS - 1].rstrip(" ,.;:") + "…"
