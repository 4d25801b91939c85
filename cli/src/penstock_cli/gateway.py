"""The gateway's HTTP API as the terminal commands use it."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final, cast
from urllib.parse import urlsplit

import httpx

from penstock_cli.command_name import command_name
from penstock_cli.failure import CommandFailed
from penstock_cli.settings import CliSettings
from penstock_kit import address
from penstock_kit.text.control import without_controls

EXIT_UNREACHABLE: Final = 3
EXIT_REFUSED: Final = 4
_SECONDS: Final = 30.0
_UNAUTHENTICATED, _FORBIDDEN = 401, 403
_OF_PROXIES: Final = frozenset({502, 503, 504})


def is_loopback(url: str) -> bool:
    """Whether `url` is on this machine."""
    return address.is_loopback(urlsplit(url).hostname or "")


class Gateway:
    """Requests with the caller's key; what goes wrong becomes a CommandFailed that says what to do."""

    def __init__(self, settings: CliSettings, *, seconds: float = _SECONDS) -> None:
        self._settings = settings
        key = settings.api_key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        timeout = httpx.Timeout(seconds, read=max(seconds, 60.0))
        # A proxy of the environment is for calls to the outside.
        self._client = httpx.Client(
            base_url=settings.url, headers=headers, timeout=timeout, trust_env=not is_loopback(settings.url)
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, is_ours: Callable[[Any], bool]
    ) -> Any:
        """Return the answer's JSON, None when it has no body; what is not `is_ours` came from another program."""
        with self._explained():
            response = self._client.request(method, path, json=body)
            self._check(response)
        try:
            answer = response.json() if response.content else None
        except ValueError:
            raise self._not_penstock(response) from None
        if not is_ours(answer):
            raise self._not_penstock(response)
        return answer

    @contextmanager
    def _explained(self) -> Generator[None]:
        try:
            yield
        except httpx.TimeoutException:
            message = f"{self._settings.url} did not answer in time"
            raise CommandFailed(message, exit_code=EXIT_UNREACHABLE) from None
        except httpx.TransportError as error:
            raise unreachable(self._settings, str(error)) from None

    def _check(self, response: httpx.Response) -> None:
        if response.is_success:
            return
        if not json_object(response):
            raise self._not_penstock(response)
        raise refused(self._settings, response.status_code, _problem(response))

    def _not_penstock(self, response: httpx.Response) -> CommandFailed:
        return not_penstock(stranger(self._settings.url, response))


def not_penstock(why: str) -> CommandFailed:
    """Return the failure that says what to do when another program answers, as `why` tells."""
    remedy = "correct PENSTOCK_URL or PENSTOCK_HTTP_PORT: the gateway's are wanted"
    return CommandFailed(f"{why}; {remedy}", exit_code=EXIT_UNREACHABLE)


def is_empty(answer: Any) -> bool:
    """Whether an answer has no body."""
    return answer is None


def is_object(*fields: str) -> Callable[[Any], bool]:
    """Return what tells whether an answer is a JSON object that has all `fields`."""
    return lambda answer: isinstance(answer, dict) and all(field in answer for field in fields)


def is_list_of(name: str, *fields: str) -> Callable[[Any], bool]:
    """Return what tells whether an answer is a JSON object whose `name` is a list of objects that have all `fields`."""
    is_item = is_object(*fields)

    def tell(answer: Any) -> bool:
        items = cast("dict[str, Any]", answer).get(name) if isinstance(answer, dict) else None
        return isinstance(items, list) and all(map(is_item, cast("list[Any]", items)))

    return tell


def json_object(response: httpx.Response) -> dict[str, Any]:
    """Return the answer's JSON object, an empty one when it is something else."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return cast("dict[str, Any]", body) if isinstance(body, dict) else {}


def stranger(url: str, response: httpx.Response) -> str:
    """Say that what answers at `url` is not Penstock, or a proxy in front of none, and what tells it."""
    program = without_controls(response.headers.get("server", ""))[:100]
    where = without_controls(response.headers.get("location", ""))[:200]
    told = f"HTTP {response.status_code}" + (f" to {where}" if where else "") + (f", of {program}" if program else "")
    what = "a proxy without a gateway behind it" if response.status_code in _OF_PROXIES else "this is not Penstock"
    return f"{what}: {url} answers {response.request.url.path} with {told}"


def unreachable(settings: CliSettings, why: str) -> CommandFailed:
    """Return the failure that says what to do when no gateway answers."""
    remedy = (
        f"start it with `{command_name()} up`; one that was started with a PENSTOCK_HOME or PENSTOCK_HTTP_PORT "
        "of its own wants the same here; one elsewhere, PENSTOCK_URL and PENSTOCK_API_KEY"
    )
    return CommandFailed(f"{settings.url} can't be reached ({why}); {remedy}", exit_code=EXIT_UNREACHABLE)


def refused(settings: CliSettings, status: int, problem: str) -> CommandFailed:
    """Return the failure that says why a request was refused, and what to do when it was for want of a key."""
    if status == _UNAUTHENTICATED:
        return CommandFailed(_credentials_hint(settings, problem), exit_code=EXIT_REFUSED)
    return CommandFailed(f"{problem} (HTTP {status})", exit_code=EXIT_REFUSED if status == _FORBIDDEN else 1)


def _credentials_hint(settings: CliSettings, problem: str) -> str:
    file = settings.key_file
    if settings.text("PENSTOCK_API_KEY"):
        return f"the key in PENSTOCK_API_KEY is not accepted: {problem}"
    if settings.api_key:
        return f"the key in {file} is not accepted: {problem}; `{command_name()} admin reset` makes a new one"
    if settings.key_file_text:
        return f"no API key: set PENSTOCK_API_KEY. {file} says: {settings.key_file_text}"
    return f"no API key: set PENSTOCK_API_KEY, or PENSTOCK_HOME to the folder with admin.key (there is no {file})"


def _problem(response: httpx.Response) -> str:
    """Return the detail of a problem+json answer, or the whole of another JSON."""
    body = json_object(response)
    return str(body.get("detail") or body.get("title") or body)
