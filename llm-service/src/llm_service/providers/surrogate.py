"""Halves of characters in a stream: a letter beyond U+FFFF that was cut in two, each half in a chunk of its own.

Vendors that send ``\\ud83d`` in one chunk and ``\\ude00`` in the next are read piece by piece: the halves are put
together again, a half that stays alone becomes U+FFFD. Sound chunks never come here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, cast

from llm_service.domain.model.event import Event, RefusalDelta, TextDelta, ThinkingDelta, ToolCallDelta
from penstock_kit.half_character import decode_with_halves, first_half_at_end, without_halves

_Spoken = TextDelta | ThinkingDelta | RefusalDelta | ToolCallDelta


class SplitJson(dict[str, Any]):
    """A JSON object whose texts may hold halves of characters."""


def decode_split(data: bytes) -> SplitJson | None:
    """Return the JSON object in `data` when nothing but halves of characters is wrong with it, else None."""
    try:
        decoded = decode_with_halves(data)
    except ValueError:
        return None
    return SplitJson(cast(dict[str, Any], decoded)) if isinstance(decoded, dict) else None


class SurrogateJoiner:
    """Joins the halves in the texts of one answer. Give it what came of a `SplitJson`, and all that comes after it."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[object, ...], tuple[_Spoken, str]] = {}

    def join(self, events: Iterable[Event]) -> list[Event]:
        """Return `events` with whole characters in their texts; a half at an end is kept for the next piece."""
        joined: list[Event] = []
        for event in events:
            if isinstance(event, _Spoken):
                joined += self._joined(event)
            else:
                joined.append(event)
        return joined

    def rest(self) -> Iterator[Event]:
        """Yield what still waits, now that nothing more comes."""
        for event, _ in self._waiting.values():
            yield _with_text(event, "\ufffd")
        self._waiting.clear()

    def _joined(self, event: _Spoken) -> Iterator[Event]:
        text, key = _text_of(event), _key(event)
        before = self._waiting.pop(key, None)
        # What stands before anything else of its choice is over.
        for other in [other for other in self._waiting if other[1] == event.index]:
            yield _with_text(self._waiting.pop(other)[0], "\ufffd")
        if before is not None:
            text = before[1] + text
        if half := first_half_at_end(text):
            self._waiting[key] = (_continued(event), half)
            text = text[:-1]
            if not text and _continued(event) == _with_text(event, ""):
                return
        yield _with_text(event, without_halves(text))


def _key(event: _Spoken) -> tuple[object, ...]:
    return (type(event), event.index, event.call_index if isinstance(event, ToolCallDelta) else 0)


def _text_of(event: _Spoken) -> str:
    return event.arguments if isinstance(event, ToolCallDelta) else event.text


def _with_text(event: _Spoken, text: str) -> _Spoken:
    if isinstance(event, ToolCallDelta):
        return replace(event, arguments=text, name=without_halves(event.name))
    return replace(event, text=text)


def _continued(event: _Spoken) -> _Spoken:
    """An empty piece that goes on where `event` stands."""
    match event:
        case ToolCallDelta():
            return ToolCallDelta(index=event.index, call_index=event.call_index)
        case ThinkingDelta():
            return ThinkingDelta(index=event.index)
        case TextDelta():
            return TextDelta(text="", index=event.index)
        case RefusalDelta():
            return RefusalDelta(text="", index=event.index)
