"""Halves of characters: one beyond U+FFFF that was cut in two, as programs whose texts are UTF-16 cut them.

No store and no wire holds a half. In JSON it stands as an escape, ``\\ud83d``, which strict readers refuse with
everything around it; here it becomes U+FFFD, and two halves that stand side by side the character that they are.
"""

import json
import re
from typing import Any, Final, NoReturn

import orjson

_ESCAPED: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_HALF: Final = re.compile("[\ud800-\udfff]")
_FIRST_AT_END: Final = re.compile("[\ud800-\udbff]\\Z")


def has_half(text: str) -> bool:
    """Whether there is half a character in `text`."""
    return _HALF.search(text) is not None


def first_half_at_end(text: str) -> str:
    """Return the half with which `text` ends, when its other half may follow; else empty."""
    found = _FIRST_AT_END.search(text)
    return found[0] if found else ""


def without_halves(text: str) -> str:
    """Return `text` with the pairs of halves joined and U+FFFD for those that stand alone."""
    if not has_half(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def json_without_halves(value: Any) -> Any:
    """Return a JSON value with `without_halves` of every text in it."""
    match value:
        case str():
            return without_halves(value)
        case dict():
            entries: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
            return {without_halves(name): json_without_halves(entry) for name, entry in entries.items()}
        case list():
            items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
            return [json_without_halves(item) for item in items]
        case _:
            return value


def decode_with_halves(data: bytes) -> Any:
    """Return the JSON value in `data`, halves in its texts as they are.

    For what a strict reader refused. Raises ValueError when anything but halves is wrong with it.
    """
    if not _ESCAPED.search(data):
        raise ValueError("there is no half of a character in it")
    try:
        return json.loads(data, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def encode_json(value: Any) -> str:
    """Return `value` as JSON text; halves of characters in it become U+FFFD."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return orjson.dumps(json_without_halves(value)).decode()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
