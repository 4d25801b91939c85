"""One request as data, and what of its outcome is tried again."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias, cast

import httpx2

from penstock_client.errors import RETRIED, ApiError, ConnectionFailedError, api_error

JsonObject: TypeAlias = dict[str, Any]
_SAFE: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request of the API. What is None in `query` and `body` is left out.

    `repeatable` says that a second attempt does no harm; a call with an idempotency key is, and so are those that read,
    replace or delete.
    """

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict[str, Any])
    body: Mapping[str, Any] | None = None
    content: Any = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    idempotency_key: str = ""
    timeout: float | None = None
    authenticated: bool = True

    @property
    def repeatable(self) -> bool:
        """Whether the call may be sent again when its answer was lost."""
        return self.method in _SAFE or bool(self.idempotency_key)

    def arguments(self) -> dict[str, Any]:
        """Return what httpx2 takes for this call, without its address and its credentials."""
        headers = {"accept": "application/json", **self.headers}
        if self.idempotency_key:
            headers["idempotency-key"] = self.idempotency_key
        content = self.content
        if self.body is not None:
            headers["content-type"] = "application/json"
            content = json.dumps(plain(self.body), ensure_ascii=False, allow_nan=False).encode()
        query = {name: _text(value) for name, value in self.query.items() if value is not None}
        arguments: dict[str, Any] = {"headers": headers, "params": query or None, "content": content}
        if self.timeout is not None:
            arguments["timeout"] = self.timeout
        return arguments


def new_key() -> str:
    """Return a new idempotency key."""
    return uuid.uuid4().hex


def plain(value: Any, *, keep_none: bool = False) -> Any:
    """Return `value` as JSON has it: times in ISO 8601, fields that are None left out unless they are kept."""
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        return {
            name: plain(inner, keep_none=keep_none) for name, inner in fields.items() if keep_none or inner is not None
        }
    if isinstance(value, (list, tuple)):
        return [plain(inner, keep_none=keep_none) for inner in cast("list[Any]", value)]
    return value.isoformat() if isinstance(value, datetime) else value


def is_worth_another_try(error: Exception, call: Call) -> bool:
    """Whether `call` should be sent again after `error`.

    A request that never reached a gateway always is; one that may have been carried out only when it is repeatable.
    """
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout):
        return True
    if isinstance(error, httpx2.TransportError):
        return call.repeatable
    return isinstance(error, ApiError) and error.status in RETRIED and _may_repeat(error, call)


def failure(status: int, body: bytes, headers: Mapping[str, str]) -> ApiError:
    """Return the error of an answer that is none of the 2xx."""
    if 300 <= status < 400:
        where = headers.get("location", "")
        told = f"the gateway's address redirects to {where!r}: give the client the address that answers itself"
        return api_error(status, {"detail": told}, headers)
    try:
        problem = json.loads(body)
    except ValueError:
        problem = None
    if isinstance(problem, dict):
        return api_error(status, _flat(cast("JsonObject", problem)), headers)
    return api_error(status, {"detail": body[:200].decode(errors="replace")} if body else {}, headers)


def payload(response: httpx2.Response) -> Any:
    """Return the JSON of an answer, out of the envelope of ``/api/v2``; None when it has no body.

    Raises ConnectionFailedError for a web page: a portal, or another program, has answered in the gateway's place.
    """
    if not response.content:
        return None
    kind = response.headers.get("content-type", "")
    if "html" in kind:
        raise ConnectionFailedError(f"{response.url} is a web page, no gateway's answer: is the address the gateway's?")
    if "json" not in kind:
        return response.text
    decoded: Any = response.json()
    if isinstance(decoded, dict):
        fields = cast("JsonObject", decoded)
        return fields["data"] if fields.keys() >= {"success", "data"} else fields
    return decoded


def _flat(problem: dict[str, Any]) -> dict[str, Any]:
    """Return problem+json as it is, and OpenAI's and Anthropic's error objects in its words."""
    inner = problem.get("error")
    if isinstance(inner, dict):
        fields = cast("JsonObject", inner)
        return {"detail": fields.get("message"), "reason": fields.get("code") or fields.get("type"), **problem}
    return problem


def _may_repeat(error: ApiError, call: Call) -> bool:
    # 429 and 503 say that nothing was done; after the others it may have been.
    return error.retryable and (call.repeatable or error.status in {429, 503})


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else value
