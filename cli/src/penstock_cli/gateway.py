"""The gateway's HTTP API as the terminal commands use it."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from penstock_cli.command_name import command_name
from penstock_cli.failure import CommandFailed
from penstock_cli.settings import CliSettings
from penstock_kit import address

EXIT_UNREACHABLE: Final = 3
EXIT_REFUSED: Final = 4
_SECONDS: Final = 30.0
_UNAUTHENTICATED, _FORBIDDEN = 401, 403


def is_loopback(url: str) -> bool:
    """Whether `url` is on this machine."""
    return address.is_loopback(urlsplit(url).hostname or "")


class Gateway:
    """Requests with the caller's key; what goes wrong becomes a CommandFailed that says what to do."""

    def __init__(self, settings: CliSettings, *, seconds: float = _SECONDS) -> None:
        self._settings = settings
        key = settings.api_key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # A stream may be silent for as long as a model thinks; the gateway's heartbeats come every 15 s.
        timeout = httpx.Timeout(seconds, read=max(seconds, 60.0))
        # A proxy of the environment is for calls to the outside.
        self._client = httpx.Client(
            base_url=settings.url, headers=headers, timeout=timeout, trust_env=not is_loopback(settings.url)
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the answer's JSON, None when it has no body."""
        with self._explained():
            response = self._client.request(method, path, json=body)
            self._check(response)
        return response.json() if response.content else None

    @contextmanager
    def stream(
        self, method: str, path: str, *, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Generator[httpx.Response]:
        """Open an event stream; transport errors while it is read are the reader's."""
        with self._explained():
            request = self._client.build_request(method, path, json=body, headers=headers)
            response = self._client.send(request, stream=True)
        try:
            if response.is_error:
                response.read()
            self._check(response)
            yield response
        finally:
            response.close()

    @contextmanager
    def _explained(self) -> Generator[None]:
        try:
            yield
        except httpx.TimeoutException:
            message = f"{self._settings.url} did not answer in time"
            raise CommandFailed(message, exit_code=EXIT_UNREACHABLE) from None
        except httpx.TransportError as error:
            remedy = (
                f"start it with `{command_name()} up`; one that was started with a PENSTOCK_HOME or PENSTOCK_HTTP_PORT "
                "of its own wants the same here; one elsewhere, PENSTOCK_URL and PENSTOCK_API_KEY"
            )
            message = f"{self._settings.url} can't be reached ({error}); {remedy}"
            raise CommandFailed(message, exit_code=EXIT_UNREACHABLE) from None

    def _check(self, response: httpx.Response) -> None:
        if not response.is_error:
            return
        problem = _problem(response)
        if response.status_code == _UNAUTHENTICATED:
            raise CommandFailed(self._credentials_hint(problem), exit_code=EXIT_REFUSED)
        code = EXIT_REFUSED if response.status_code == _FORBIDDEN else 1
        raise CommandFailed(f"{problem} (HTTP {response.status_code})", exit_code=code)

    def _credentials_hint(self, problem: str) -> str:
        file = self._settings.home / "admin.key"
        if self._settings.text("PENSTOCK_API_KEY"):
            return f"the key in PENSTOCK_API_KEY is not accepted: {problem}"
        if self._settings.api_key:
            return f"the key in {file} is not accepted: {problem}; `{command_name()} admin reset` makes a new one"
        if self._settings.key_file_text:
            return f"no API key: set PENSTOCK_API_KEY. {file} says: {self._settings.key_file_text}"
        return f"no API key: set PENSTOCK_API_KEY, or PENSTOCK_HOME to the folder with admin.key (there is no {file})"


def _problem(response: httpx.Response) -> str:
    """Return the detail of a problem+json answer, or the beginning of whatever came."""
    try:
        body: dict[str, Any] = response.json()
        return str(body.get("detail") or body.get("title") or body)
    except (ValueError, AttributeError):
        return response.text[:200] or response.reason_phrase
