"""Sends calls to whichever gateway works, with the caller's credentials."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2

from penstock_client._call import Call, failure, is_worth_another_try, payload
from penstock_client._endpoints import Endpoints, backoff
from penstock_client.errors import ApiError, AuthenticationError, ConnectionFailedError

_SILENT_SECONDS: Final = 60.0  # a stream's heartbeat comes every 15 s
_RENEW_BEFORE: Final = 30.0


class AsyncTransport:
    """One connection pool over all gateways; retries inside `max_retries`, each at the gateway that works."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        api_key: str,
        username: str,
        password: str,
        tenant: str,
        timeout: float,
        max_retries: int,
        trust_env: bool,
    ) -> None:
        self._endpoints = Endpoints(urls)
        self._api_key = api_key
        self._login = {"username": username, "password": password} if username else None
        if self._login is not None and tenant:
            self._login["tenant_id"] = tenant
        self._token = ""
        self._token_until = 0.0
        self._signing_in = asyncio.Lock()
        self._attempts = max(1, max_retries + 1, len(self._endpoints))
        self._http = httpx2.AsyncClient(timeout=timeout, trust_env=trust_env, follow_redirects=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def call(self, call: Call) -> Any:
        """Return the decoded answer. Raises ApiError, or ConnectionFailedError when no gateway answered."""
        response = await self._send(call, stream=False)
        return payload(response)

    @asynccontextmanager
    async def open(self, call: Call) -> AsyncGenerator[httpx2.Response]:
        """Open an answer that is read piece by piece; leaving the block gives its connection back."""
        response = await self._send(call, stream=True)
        try:
            yield response
        finally:
            await response.aclose()

    async def _send(self, call: Call, *, stream: bool) -> httpx2.Response:
        attempt = 0
        while True:
            attempt += 1
            url = self._endpoints.best()
            try:
                return await self._attempt(url, call, stream=stream)
            except (httpx2.TransportError, ApiError) as error:
                if isinstance(error, AuthenticationError) and self._login and attempt == 1 and call.authenticated:
                    self._token = ""  # ended on the server before its time: sign in once more
                    continue
                if attempt >= self._attempts or not is_worth_another_try(error, call):
                    raise _told(error, url) from error
                moved = self._moves_on(url, error)
                await asyncio.sleep(0 if moved else backoff(attempt, retry_after=_retry_after(error)))

    async def _attempt(self, url: str, call: Call, *, stream: bool) -> httpx2.Response:
        arguments = call.arguments()
        if call.authenticated:
            arguments["headers"].update(await self._credentials())
        if stream:
            timeout = httpx2.Timeout(call.timeout or self._http.timeout.connect, read=call.timeout or _SILENT_SECONDS)
            arguments["timeout"] = timeout
        request = self._http.build_request(call.method, url + call.path, **arguments)
        response = await self._http.send(request, stream=stream)
        if not response.is_success:
            try:
                body = await response.aread()
            finally:
                await response.aclose()
            raise failure(response.status_code, body, response.headers)
        self._endpoints.mark_working(url)
        return response

    def _moves_on(self, url: str, error: Exception) -> bool:
        """Whether the next attempt goes to another gateway. One that said "too many requests" works: wait for it."""
        if isinstance(error, ApiError) and error.status in {408, 429}:
            return False
        return self._endpoints.mark_failed(url)

    async def _credentials(self) -> dict[str, str]:
        if self._login is None:
            return {"authorization": f"Bearer {self._api_key}"} if self._api_key else {}
        async with self._signing_in:
            if not self._token or time.monotonic() > self._token_until:
                await self._sign_in(self._login)
        return {"authorization": f"Bearer {self._token}"}

    async def _sign_in(self, body: dict[str, str]) -> None:
        # Signing in twice does no harm, so a lost answer is asked for again.
        call = Call(method="POST", path="/api/v2/auth/login", body=body, authenticated=False)
        tokens = await self.call(call)
        self._token = tokens["access_token"]
        self._token_until = time.monotonic() + float(tokens.get("expires_in") or 900) - _RENEW_BEFORE


def _retry_after(error: Exception) -> float | None:
    return error.retry_after if isinstance(error, ApiError) else None


def _told(error: Exception, url: str) -> Exception:
    if isinstance(error, ApiError):
        return error
    what = "did not answer in time" if isinstance(error, httpx2.TimeoutException) else f"can't be reached ({error})"
    return ConnectionFailedError(f"{url} {what}")
