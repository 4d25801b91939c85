"""Halves of characters: JSON in which a letter beyond U+FFFF was cut in two, each half in a chunk of its own.

Vendors that send ``\\ud83d`` in one chunk and ``\\ude00`` in the next are read piece by piece: the halves are put
together again, a half that stays alone becomes U+FFFD. Sound chunks never come here.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final, NoReturn, cast

import orjson

from llm_service.domain.model.event import Event, RefusalDelta, TextDelta, ThinkingDelta, ToolCallDelta

_ESCAPED: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_HIGH: Final = re.compile("[\ud800-\udbff]\\Z")
_ALONE: Final = re.compile("[\ud800-\udfff]")
_Spoken = TextDelta | ThinkingDelta | RefusalDelta | ToolCallDelta


class SplitJson(dict[str, Any]):
    """A JSON object whose texts may hold halves of characters."""


def decode_split(data: bytes) -> SplitJson | None:
    """Return the JSON object in `data` when nothing but halves of characters is wrong with it, else None."""
    if not _ESCAPED.search(data):
        return None
    try:
        decoded = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return SplitJson(cast(dict[str, Any], decoded)) if isinstance(decoded, dict) else None


def without_halves(text: str) -> str:
    """Return `text` with the pairs of halves joined and U+FFFD for those that stand alone."""
    if not _ALONE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def sound_json(value: Any) -> Any:
    """Return a JSON value with `without_halves` of every text in it."""
    match value:
        case str():
            return without_halves(value)
        case dict():
            return {sound_json(name): sound_json(entry) for name, entry in cast(dict[str, Any], value).items()}
        case list():
            return [sound_json(entry) for entry in cast(list[Any], value)]
        case _:
            return value


def encoded_json(value: Any) -> str:
    """Return `value` as JSON text; halves of characters in it become U+FFFD."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return orjson.dumps(sound_json(value)).decode()


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
        if half := _HIGH.search(text):
            self._waiting[key] = (_continued(event), half[0])
            text = text[: half.start()]
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


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
