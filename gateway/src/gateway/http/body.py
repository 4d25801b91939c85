"""Reading request bodies: bounded, and as JSON that is what it says."""

from typing import Any, Final, NoReturn

import orjson
from starlette.types import Receive

from gateway.http.disconnect import ClientDisconnected
from penstock_kit.errors import FieldViolation, InvalidArgument
from penstock_kit.half_character import decode_with_halves, json_without_halves

# Entries of objects and arrays in a body: each costs microseconds on its way, a model call's tens of them, which others
# wait for in part. A conversation of a million tokens in short messages has fewer.
_MOST_ENTRIES: Final = 100_000
_CONTAINERS: Final = frozenset({dict, list})
_NUMBERS: Final = frozenset({int, float})
_ESCAPED_NUL: Final = b"\\u0000"
_NUL: Final = "\x00"


async def read_body(receive: Receive) -> bytes:
    """Return the whole body. Its size is bounded by the middleware in front; ClientDisconnected when it breaks off."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnected
    if not message.get("more_body", False):
        return message.get("body", b"")
    chunks = [message.get("body", b"")]
    while message.get("more_body", False):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        chunks.append(message.get("body", b""))
    return b"".join(chunks)


def parse_json(body: bytes) -> Any:
    """Return the JSON in `body`; raise InvalidArgument (JSON_INVALID) saying where it breaks."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        message = f"the body is not JSON: {error}" if body else "the body is empty; send a JSON object"
        raise InvalidArgument(message, reason="JSON_INVALID") from None


def parse_storable(body: bytes) -> Any:
    """Return the JSON in `body` as :func:`parse_json` does; InvalidArgument for a NUL in a text (REQUEST_INVALID) and
    for more than 100,000 entries (JSON_LIMIT_EXCEEDED).

    PostgreSQL holds no NUL, and nothing that is kept means one.
    """
    value = parse_json(body)
    _check_entries(body, value)
    if _ESCAPED_NUL in body:
        _refuse_nul(value, "")
    return value


def refuse_nul_in_target(path: str, query: bytes) -> None:
    """Raise InvalidArgument (REQUEST_INVALID) when path or query of a request hold a NUL."""
    if _NUL in path:
        _has_nul("path")
    if b"%00" in query:
        _has_nul("query")


def _refuse_nul(value: Any, path: str) -> None:
    """Find the NUL of which the raw body shows that there may be one."""
    match value:
        case str() if _NUL in value:
            _has_nul(path or "body")
        case dict():
            entries: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
            for name, entry in entries.items():
                _refuse_nul(name, path)
                _refuse_nul(entry, f"{path}.{name}".removeprefix("."))
        case list():
            items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
            for index, item in enumerate(items):
                _refuse_nul(item, f"{path}[{index}]")
        case _:
            return


def _has_nul(field: str) -> NoReturn:
    violation = FieldViolation(
        field=field, description="has a NUL character (U+0000), which can't be stored; leave it out"
    )
    raise InvalidArgument(f"{field} {violation.description}", reason="REQUEST_INVALID", violations=[violation])


def parse_object(body: bytes, *, has_token_ids: bool = False) -> dict[str, Any]:
    """Return the JSON object in `body`; raise InvalidArgument for anything else, also (JSON_LIMIT_EXCEEDED) for one of
    more than 100,000 entries. Numbers in arrays are none of these where they may be token ids, which go on as they are.

    A half of a character, as programs leave it that cut a text, becomes U+FFFD: refused, it would end a conversation in
    which it stands for ever.
    """
    try:
        value = parse_json(body)
    except InvalidArgument:
        try:
            value = json_without_halves(decode_with_halves(body))
        except ValueError:
            value = parse_json(body)
    if not isinstance(value, dict):
        message = f"the body must be a JSON object, not {type(value).__name__}"
        raise InvalidArgument(message, reason="JSON_INVALID")
    _check_entries(body, value, but_numbers=has_token_ids)
    return value  # pyright: ignore[reportUnknownVariableType]


def _check_entries(body: bytes, value: Any, *, but_numbers: bool = False) -> None:
    """Raise InvalidArgument (JSON_LIMIT_EXCEEDED) when `value`, the JSON in `body`, has too many entries."""
    if type(value) in _CONTAINERS and _may_be_many(body) and _are_many(value, but_numbers=but_numbers):
        message = f"the body has more than {_MOST_ENTRIES:,} entries of objects and arrays; send fewer of them"
        raise InvalidArgument(message, reason="JSON_LIMIT_EXCEEDED")


def _may_be_many(body: bytes) -> bool:
    """Whether `body` has as many commas and brackets, of which some may be within texts."""
    return len(body) > _MOST_ENTRIES and sum(map(body.count, (b",", b"{", b"["))) > _MOST_ENTRIES


def _are_many(value: Any, *, but_numbers: bool) -> bool:
    """Whether objects and arrays in `value` have more entries than a body may have; looks no further than that."""
    open_ones: list[Any] = [value]
    seen = 0
    while open_ones:
        found: Any = open_ones.pop()
        if isinstance(found, dict):
            seen += len(found)  # pyright: ignore[reportUnknownArgumentType]
            inner: Any = found.values()  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        else:
            inner = [each for each in found if type(each) not in _NUMBERS] if but_numbers else found
            seen += len(inner)
        if seen > _MOST_ENTRIES:
            return True
        open_ones.extend(each for each in inner if type(each) in _CONTAINERS)
    return False
