"""The port to vendors' servers: a POST of JSON whose answer is read as it comes. Two clients serve it.

Without a proxy it is our own small client (`http_client`), which costs a third of a general one; with a proxy it is
aiohttp's (`proxied_client`), which knows CONNECT and proxies that want a name and a password.
"""

import ssl
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from llm_service.domain.model.profile import ProviderProfile
from llm_service.providers.http_client import HttpClient, tls_context
from llm_service.providers.http_connection import HttpResponse


class Transport(Protocol):
    """Posts to one vendor over kept connections."""

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[HttpResponse]:
        """Return the request, to be entered; leaving it before the answer is complete closes the connection.

        Entering raises ConnectFailed, AllInUse, ConnectionCut or HttpError, and ValueError for a URL or header that
        can't be sent; reading raises ConnectionCut or HttpError.
        """
        ...

    async def close(self) -> None:
        """Close the connections that nobody uses."""
        ...


def open_transport(*, headers: Mapping[str, str], connect_timeout: float, proxy: str) -> Transport:
    """Return the client for a vendor that is called through `proxy`, or directly when that is empty."""
    if not proxy:
        return HttpClient(headers=headers, connect_timeout=connect_timeout)
    # Only who has a proxy needs it.
    from llm_service.providers.proxied_client import ProxiedClient

    return ProxiedClient(headers=headers, connect_timeout=connect_timeout, proxy=proxy)


def sdk_options(profile: ProviderProfile) -> dict[str, Any]:
    """Return the options of a vendor SDK's HTTP client: no redirects, our proxy and roots, nothing by itself."""
    verify: ssl.SSLContext = tls_context()
    return {"follow_redirects": False, "proxy": profile.proxy or None, "trust_env": False, "verify": verify}
