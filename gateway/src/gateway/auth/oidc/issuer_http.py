"""Requests to the issuer: bounded in time and size, and only where they may go."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import urlencode

import orjson

from gateway.auth.oidc.url import url_problem
from penstock_kit.errors import BadUpstream, PenstockError, Unavailable
from penstock_kit.logging import get_logger
from penstock_kit.outbound.guarded_http import GuardedHttp, Request

_SECONDS: Final = 5.0
_LARGEST: Final = 512 * 1024
_SERVER_ERROR: Final = 500
_TOO_MANY: Final = 429
# An answer's length is that of what was sent: nothing grows by being unpacked.
_HEADERS: Final = {"accept": "application/json", "accept-encoding": "identity"}

log = get_logger(__name__)


def _log_failure(url: str, detail: str) -> None:
    log.warning("the issuer does not do its part", url=url, detail=detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonAnswer:
    """What the issuer answered: a status and a JSON object."""

    status: int
    body: Mapping[str, Any]


class IssuerHttp:
    """Asks the issuer, each question once and for so many seconds at most.

    Errors are Unavailable (ISSUER_UNAVAILABLE), for what may pass by itself, and BadUpstream
    (ISSUER_RESPONSE_INVALID). What was wrong in the network is told to `note` alone, which
    logs it: anybody may begin a sign-in.
    """

    def __init__(
        self, http: GuardedHttp, *, seconds: float = _SECONDS, note: Callable[[str, str], object] = _log_failure
    ) -> None:
        self._http = http
        self._seconds = seconds
        self._note = note

    async def get(self, url: str, *, bearer: str = "") -> Mapping[str, Any]:
        """Return the JSON object at `url`."""
        headers = {**_HEADERS, **({"authorization": f"Bearer {bearer}"} if bearer else {})}
        answer = await self._ask(Request(method="GET", url=url, headers=headers))
        if answer.status != HTTPStatus.OK:
            raise self._invalid(url, f"status {answer.status}")
        return answer.body

    async def post(self, url: str, form: Mapping[str, str], *, basic: tuple[str, str] | None = None) -> JsonAnswer:
        """Send a form and return the answer, whatever its status."""
        headers = {**_HEADERS, "content-type": "application/x-www-form-urlencoded"}
        if basic is not None:
            pair = base64.b64encode(":".join(basic).encode()).decode()
            headers["authorization"] = f"Basic {pair}"
        return await self._ask(Request(method="POST", url=url, headers=headers, body=urlencode(form).encode()))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _ask(self, request: Request) -> JsonAnswer:
        check_issuer_url(request.url)
        try:
            async with self._http.send(request, seconds=self._seconds, max_redirects=0) as response:
                if response.status >= _SERVER_ERROR or response.status == _TOO_MANY:
                    raise self._unavailable(request.url, f"status {response.status}")
                content = bytearray()
                async for piece in response.content.iter_chunked(64 * 1024):
                    content += piece
                    if len(content) > _LARGEST:
                        raise self._invalid(request.url, f"more than {_LARGEST // 1024} KiB")
                return JsonAnswer(status=response.status, body=self._json(request.url, bytes(content)))
        except PenstockError as error:
            if error.reason.startswith("ISSUER_"):
                raise
            if isinstance(error, BadUpstream):
                raise self._invalid(request.url, "a redirect") from error
            raise self._unavailable(request.url, error.message) from error
        except Exception as error:  # aiohttp's, a timeout's, TLS's: a network has many ways to fail
            raise self._unavailable(request.url, str(error) or type(error).__name__) from error

    def _json(self, url: str, content: bytes) -> Mapping[str, Any]:
        try:
            found: Any = orjson.loads(content)
        except ValueError:
            raise self._invalid(url, "no JSON") from None
        if not isinstance(found, dict):
            raise self._invalid(url, "JSON that is no object")
        return cast("dict[str, Any]", found)

    def _invalid(self, url: str, found: str) -> BadUpstream:
        self._note(url, found)
        message = f"the issuer answered {found} where its description or a token was expected; tell the operator"
        return BadUpstream(message, reason="ISSUER_RESPONSE_INVALID")

    def _unavailable(self, url: str, detail: str) -> Unavailable:
        self._note(url, detail)
        message = "the issuer of single sign-on does not answer; try again later, or sign in with a password or a key"
        return Unavailable(message, reason="ISSUER_UNAVAILABLE", retry_after=5.0)


def check_issuer_url(url: str) -> None:
    """Raise BadUpstream (ISSUER_RESPONSE_INVALID) unless `url` is one of TLS, or of this machine."""
    problem = url_problem(url)
    if problem:
        raise BadUpstream(
            f"the issuer names the address {url[:200]!r}, which {problem}", reason="ISSUER_RESPONSE_INVALID"
        )
