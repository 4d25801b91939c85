"""JSON-RPC messages of MCP over HTTP: one request in, one answer out, in both ages of the protocol.

Up to 2025-11-25 a client shakes hands first (`initialize`); from 2026-07-28 on every request carries its version in
``params._meta`` and the same facts again in headers, for what stands in between.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

HANDSHAKE_VERSIONS: Final = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
MODERN_VERSIONS: Final = ("2026-07-28",)

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
HEADER_MISMATCH: Final = -32020
UNSUPPORTED_VERSION: Final = -32022

_VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"
_VERSION_HEADER: Final = "mcp-protocol-version"
_METHOD_HEADER: Final = "mcp-method"
_NAME_HEADER: Final = "mcp-name"


class McpError(Exception):
    """An error answer: its JSON-RPC code and HTTP status."""

    def __init__(self, code: int, message: str, *, status: int = 400, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.data = data


@dataclass(frozen=True, slots=True, kw_only=True)
class McpRequest:
    """A request, or with `id` None a notification. `modern`: it needs no handshake."""

    id: str | int | None
    method: str
    params: Mapping[str, Any]
    modern: bool

    def text(self, name: str) -> str:
        """Return a parameter that must be a text; McpError (INVALID_PARAMS) otherwise."""
        value = self.params.get(name)
        if not isinstance(value, str) or not value:
            raise McpError(INVALID_PARAMS, f"params.{name} must be a text, not {value!r}")
        return value


def request_from_json(body: Any, headers: Mapping[str, str]) -> McpRequest:
    """Return the message in a body; McpError says what is wrong with it or with its headers."""
    if isinstance(body, list):
        raise McpError(INVALID_REQUEST, "batches are not taken; send one message a request")
    if not isinstance(body, Mapping) or body.get("jsonrpc") != "2.0":  # pyright: ignore[reportUnknownMemberType]
        raise McpError(INVALID_REQUEST, 'the body must be a JSON-RPC message with "jsonrpc": "2.0"')
    message: Mapping[str, Any] = body  # pyright: ignore[reportUnknownVariableType]
    method, params, identity = message.get("method", ""), message.get("params"), message.get("id")
    if not isinstance(method, str) or not isinstance(params or {}, Mapping):
        raise McpError(INVALID_REQUEST, "method must be a text and params an object")
    if isinstance(identity, bool) or not isinstance(identity, str | int | None):
        raise McpError(INVALID_REQUEST, f"id must be a text or a whole number, not {identity!r}")
    requested = McpRequest(id=identity, method=method, params=params or {}, modern=_is_modern(params or {}, headers))
    if requested.modern and requested.id is not None:
        _check_headers(requested, headers)
    return requested


def result_message(request: McpRequest, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to a request."""
    extra = {"resultType": "complete"} if request.modern else {}
    return {"jsonrpc": "2.0", "id": request.id, "result": {**extra, **result}}


def error_message(identity: str | int | None, error: McpError) -> dict[str, Any]:
    """Return the error answer to a request, or to a message that is none (id null)."""
    described: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        described["data"] = error.data
    return {"jsonrpc": "2.0", "id": identity, "error": described}


def _is_modern(params: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
    """Return whether the message is of the age without a handshake; McpError for a version of neither age."""
    told = headers.get(_VERSION_HEADER, "")
    meta = params.get("_meta")
    version: Any = meta.get(_VERSION_KEY) if isinstance(meta, Mapping) else None  # pyright: ignore
    if version is None and (not told or told in HANDSHAKE_VERSIONS):
        return False
    if version is None and told in MODERN_VERSIONS:
        raise McpError(INVALID_PARAMS, f"params._meta must hold {_VERSION_KEY!r}")
    if version is not None and version != told:
        raise McpError(HEADER_MISMATCH, f"the header {_VERSION_HEADER} is {told!r}, params._meta says {version!r}")
    if version not in MODERN_VERSIONS:
        data: dict[str, Any] = {"supported": [*HANDSHAKE_VERSIONS, *MODERN_VERSIONS], "requested": version or told}
        raise McpError(UNSUPPORTED_VERSION, "Unsupported protocol version", data=data)
    return True


def _check_headers(request: McpRequest, headers: Mapping[str, str]) -> None:
    expected = {_METHOD_HEADER: request.method}
    if request.method == "tools/call":
        expected[_NAME_HEADER] = request.text("name")
    for name, value in expected.items():
        if headers.get(name) != value:
            raise McpError(HEADER_MISMATCH, f"the header {name} is {headers.get(name)!r}, the body says {value!r}")
