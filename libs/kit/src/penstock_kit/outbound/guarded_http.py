"""aiohttp that connects only where it may: to the address that was checked, and never on by a redirect unseen."""

import re
import socket
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from penstock_kit.errors import BadUpstream, InvalidArgument
from penstock_kit.outbound.destinations import Destinations, is_address, resolve

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession
    from yarl import URL

_MAX_REDIRECTS: Final = 3
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_LOOPBACK: Final = ("127.0.0.1", "::1")
_KEEPING: Final = frozenset({307, 308})
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request; `url` is already encoded."""

    method: str
    url: str
    headers: Mapping[str, str]
    json: Any = None
    body: bytes | None = None

    @property
    def has_body(self) -> bool:
        """Whether something is sent along."""
        return self.json is not None or self.body is not None


class GuardedHttp:
    """Sends requests to allowed hosts at allowed addresses, following at most three redirects to such places.

    The session is made on first use. No proxy of the environment is used: it would connect somewhere unchecked.
    `destinations` may be replaced: what is allowed then counts from the next request on.
    """

    def __init__(self, destinations: Destinations) -> None:
        self.destinations = destinations
        self._session: ClientSession | None = None

    @asynccontextmanager
    async def send(
        self, request: Request, *, seconds: float, max_redirects: int = _MAX_REDIRECTS
    ) -> AsyncGenerator["ClientResponse"]:
        """Give the answer, its body unread.

        Raises InvalidArgument URL_INVALID for what is no URL, PermissionDenied for a place not allowed, aiohttp's
        errors else.
        """
        for _ in range(max_redirects + 1):
            url = _read(request.url)
            self._check(url)
            async with self._open().request(
                request.method,
                url,
                headers=request.headers,
                json=request.json,
                data=request.body,
                allow_redirects=False,
                timeout=_timeout(seconds),
            ) as response:
                target = response.headers.get("location") if response.status in _REDIRECTS else None
                if target is None:
                    yield response
                    return
                request = _followed(request, url, _joined(url, target), response.status)
        raise BadUpstream(f"the endpoint redirects more than {max_redirects} times", reason="TOOL_REDIRECT_INVALID")

    def require_allowed(self, url: str) -> None:
        """Raise what :meth:`send` does for a URL to which nothing is ever sent, as far as no resolver is needed."""
        parsed = _read(url)
        self._check(parsed)
        host = (parsed.host or "").rstrip(".").lower()
        if host == "localhost" or host.endswith(".localhost"):  # loopback wherever it is asked (RFC 6761)
            self.destinations.checked(host, _LOOPBACK)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _check(self, url: "URL") -> None:
        host = (url.host or "").rstrip(".")
        if url.scheme not in ("http", "https"):
            raise BadUpstream(f"a redirect leads to the scheme {url.scheme!r}", reason="TOOL_REDIRECT_INVALID")
        self.destinations.check_host(host)
        if is_address(host):
            # aiohttp asks no resolver about an address.
            self.destinations.checked(host, [host])

    def _open(self) -> "ClientSession":
        if self._session is None:
            import aiohttp

            connector = aiohttp.TCPConnector(
                resolver=_resolver(lambda: self.destinations), use_dns_cache=False, limit=64, limit_per_host=16
            )
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, auto_decompress=False
            )
        return self._session


def _read(url: str) -> "URL":
    """Return an encoded URL whose parts are read; InvalidArgument (URL_INVALID) when they can't be."""
    from yarl import URL

    try:
        parsed = URL(url, encoded=True)
        host, _ = parsed.host or "", parsed.port  # yarl looks at them only now
    except UnicodeEncodeError:
        raise _wrong("a host beyond ASCII is written in its form for the DNS, xn--…") from None
    except ValueError as error:
        raise _wrong(str(error)) from None
    if not (_HOST.fullmatch(host) or ":" in host):
        raise _wrong(f"{host!r} is no host" if host else "it names no host")
    return parsed


def _joined(url: "URL", target: str) -> "URL":
    from yarl import URL

    try:
        return _read(str(url.join(URL(target))))
    except (ValueError, InvalidArgument) as error:
        raise BadUpstream(f"a redirect of {url.host} leads nowhere: {error}", reason="TOOL_REDIRECT_INVALID") from None


def _wrong(what: str) -> InvalidArgument:
    return InvalidArgument(f"the url is not one such as https://example.com/hook: {what}", reason="URL_INVALID")


def _timeout(seconds: float) -> Any:
    import aiohttp

    return aiohttp.ClientTimeout(total=seconds)


def _followed(request: Request, old: "URL", new: "URL", status: int) -> Request:
    """Return the request to make after a redirect; another origin is not told the headers, which hold secrets."""
    headers: Mapping[str, str] = request.headers if old.origin() == new.origin() else {}
    if status in _KEEPING or request.method in ("GET", "HEAD"):
        if old.origin() != new.origin() and request.has_body:
            raise BadUpstream(
                f"{old.host} redirects a body to {new.host}; it is not sent on", reason="TOOL_REDIRECT_INVALID"
            )
        return replace(request, url=str(new), headers=headers)
    return Request(method="GET", url=str(new), headers=headers)


def _resolver(destinations: Callable[[], Destinations]) -> Any:
    """Return an aiohttp resolver that gives only addresses that may be connected to."""
    from aiohttp.abc import AbstractResolver, ResolveResult

    class CheckedResolver(AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
        ) -> list[ResolveResult]:
            good = destinations().checked(host, await resolve(host, port))
            return [
                ResolveResult(
                    hostname=host,
                    host=address,
                    port=port,
                    family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                    proto=socket.IPPROTO_TCP,
                    flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                )
                for address in good
            ]

        async def close(self) -> None:
            return None

    return CheckedResolver()
