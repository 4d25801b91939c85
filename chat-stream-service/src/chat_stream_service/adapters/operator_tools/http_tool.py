"""An HTTP endpoint as a tool."""

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from chat_stream_service.adapters.operator_tools.entry import PLACE, HttpEntry
from chat_stream_service.adapters.operator_tools.inflate import Inflater
from chat_stream_service.domain.model.tool import Arguments, ToolContext
from chat_stream_service.domain.tools.tool_box import bounded
from penstock_kit.errors import BadUpstream, DeadlineExceeded, FailedPrecondition, InvalidArgument, Unavailable
from penstock_kit.outbound.guarded_http import GuardedHttp, Request

_HEADERS: Final = {"accept": "application/json, text/*;q=0.9", "user-agent": "penstock", "accept-encoding": "identity"}
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_ERROR_CHARACTERS: Final = 1000
_SERVER_ERROR: Final = 500
_TEXTS: Final = ("text/", "application/json", "application/xml", "application/problem+json", "application/yaml")

_CHARSETS: Final = (
    "utf-8", "utf8", "utf-16", "utf-32", "us-ascii", "iso-8859", "latin", "windows-", "cp125", "koi8", "gb", "big5",
    "euc", "shift", "sjis", "iso-2022",
)  # fmt: skip


class HttpTool:
    """Calls one endpoint with the model's arguments and returns its answer as text; see Tool."""

    def __init__(self, entry: HttpEntry, http: GuardedHttp, *, max_seconds: float) -> None:
        self._entry = entry
        self._http = http
        self._seconds = min(entry.timeout_seconds, max_seconds)

    @property
    def name(self) -> str:
        """Name of the entry."""
        return self._entry.name

    @property
    def description(self) -> str:
        """Description of the entry."""
        return self._entry.description

    @property
    def schema(self) -> Mapping[str, Any]:
        """Parameters of the entry."""
        return self._entry.parameters

    async def call(self, arguments: Arguments, context: ToolContext) -> str:
        """Return the body of the answer.

        Raises FailedPrecondition for a status of 400 to 499 with what the endpoint said, BadUpstream from 500 on,
        for answers too long or no text; DeadlineExceeded and Unavailable when it does not answer.
        """
        import aiohttp

        try:
            async with self._http.send(_request(self._entry, arguments), seconds=self._seconds) as response:
                text = await self._body(response)
                self._check(response.status, text)
        except TimeoutError:
            message = f"{self.name} did not answer within {self._seconds:g} s"
            raise DeadlineExceeded(message, reason="TOOL_TIMEOUT") from None
        except aiohttp.ClientError as error:
            raise Unavailable(
                f"{self.name} can't be reached ({type(error).__name__})", reason="TOOL_UNAVAILABLE"
            ) from error
        limit = min(self._entry.max_result_characters or context.max_characters, context.max_characters)
        return bounded(text, limit)

    async def _body(self, response: Any) -> str:
        kind = response.content_type
        if response.status != 204 and not (kind.startswith(_TEXTS) or kind.endswith(("+json", "+xml"))):
            raise BadUpstream(f"{self.name} answered {kind}, which is no text", reason="TOOL_ANSWER_INVALID")
        inflater = Inflater(response.headers.get("content-encoding", ""))
        parts: list[bytes] = []
        left = self._entry.max_response_bytes
        async for packed in response.content.iter_any():
            part = inflater.feed(packed, left)
            left -= len(part)
            if left < 0:
                text = f"{self.name} answered more than {self._entry.max_response_bytes:,} bytes; ask for less"
                raise FailedPrecondition(text, reason="TOOL_ANSWER_LIMIT_EXCEEDED")
            parts.append(part)
        return _decoded(b"".join(parts), response.charset)

    def _check(self, status: int, text: str) -> None:
        if status < 300:
            return
        message = f"{self.name} answered with status {status}: {bounded(text.strip(), _ERROR_CHARACTERS)}"
        if status >= _SERVER_ERROR:
            raise BadUpstream(message, reason="TOOL_FAILED")
        raise FailedPrecondition(message, reason="TOOL_REQUEST_INVALID")


def _request(entry: HttpEntry, arguments: Arguments) -> Request:
    places = set(PLACE.findall(entry.url))
    path, mark, query = entry.url.partition("?")
    url = PLACE.sub(lambda place: _segment(place[1], arguments[place[1]]), path)
    url += mark + PLACE.sub(lambda place: quote(_text(arguments[place[1]]), safe=""), query)
    rest = {name: value for name, value in arguments.items() if name not in places}
    headers = _HEADERS | {name.lower(): value for name, value in entry.headers.items()}
    if entry.method in _WITH_BODY:
        return Request(method=entry.method, url=url, headers=headers, json=rest)
    if rest:
        pairs = [(name, _text(item)) for name, value in rest.items() for item in _items(value)]
        url += ("&" if mark else "?") + urlencode(pairs)
    return Request(method=entry.method, url=url, headers=headers)


def _segment(name: str, value: Any) -> str:
    """Return a value as part of a path: it can't leave its place."""
    text = _text(value)
    if text.strip(".") == "":
        raise InvalidArgument(f"{name} is {text!r}, which can't be part of a path", reason="TOOL_ARGUMENTS_INVALID")
    return quote(text, safe="")


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownVariableType]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _decoded(body: bytes, charset: str | None) -> str:
    """Return the text in the charset its server names, if that is one of texts: some codecs take quadratic time."""
    known = (charset or "").lower().startswith(_CHARSETS)
    try:
        return body.decode(charset if charset and known else "utf-8", errors="replace")
    except LookupError:
        return body.decode("utf-8", errors="replace")
