"""What a tools file may say, as pydantic checks it."""

import re
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, IPvAnyNetwork, model_validator

from chat_stream_service.adapters.json_schema.fitness import unchecked_patterns, unfitness

PLACE: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_MEBIBYTE: Final = 1024 * 1024


def _fixed_host(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"{url!r} is no URL: {error}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"{url!r} is no URL such as https://api.example.com/v1/{{place}}")
    if "{" in parts.netloc:
        raise ValueError(f"the host of {url!r} must be fixed; places go into the path or the query")
    if parts.username is not None or parts.fragment:
        raise ValueError(f"{url!r} must hold no credentials and no fragment; send credentials in headers")
    return url


def _object_schema(schema: dict[str, Any]) -> dict[str, Any]:
    problem = unfitness(schema)
    if problem:
        raise ValueError(problem)
    for pattern in unchecked_patterns(schema):
        raise ValueError(
            f"has the pattern {pattern!r}, which RE2 does not take; write it without looking around or back"
        )
    return schema


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Url = Annotated[str, AfterValidator(_fixed_host)]
Seconds = Annotated[float, Field(gt=0, le=600)]
Schema = Annotated[dict[str, Any], AfterValidator(_object_schema)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HttpEntry(_Entry):
    """An HTTP endpoint as a tool.

    `{places}` in the URL are filled from the arguments of those names; the other arguments go into the query (GET,
    DELETE) or a JSON body (POST, PUT, PATCH).
    """

    name: Name
    description: str = Field(min_length=1, max_length=4000)
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: Url
    headers: dict[str, str] = Field(default_factory=dict)
    parameters: Schema = Field(default_factory=lambda: {"type": "object", "properties": {}})
    timeout_seconds: Seconds = 10.0
    max_response_bytes: int = Field(default=_MEBIBYTE, ge=1, le=64 * _MEBIBYTE)
    max_result_characters: int = Field(default=0, ge=0, description="0: what the service allows.")

    @model_validator(mode="after")
    def _places_are_required(self) -> "HttpEntry":
        required = set(self.parameters.get("required", ()))
        missing = sorted(set(PLACE.findall(self.url)) - required)
        if missing:
            raise ValueError(f"url has the places {', '.join(missing)}, which parameters must list under required")
        return self


class McpEntry(_Entry):
    """An MCP server, by URL (Streamable HTTP) or by the command that starts it (stdio)."""

    name: Name
    url: Url = ""
    headers: dict[str, str] = Field(default_factory=dict)
    command: list[str] = Field(default_factory=list)
    environment: dict[str, str] = Field(default_factory=dict)
    tools: list[str] = Field(default_factory=list, description="Which of its tools; empty: all.")
    max_tools: int = Field(default=64, ge=1, le=512)
    timeout_seconds: Seconds = 10.0
    # A message is parsed as a whole, on the event loop.
    max_response_bytes: int = Field(default=_MEBIBYTE, ge=1, le=8 * _MEBIBYTE)
    max_result_characters: int = Field(default=0, ge=0, description="0: what the service allows.")

    @model_validator(mode="after")
    def _url_or_command(self) -> "McpEntry":
        if bool(self.url) is bool(self.command):
            raise ValueError("give either url or command")
        if PLACE.search(self.url):
            raise ValueError(f"url {self.url!r} must be whole; only HTTP tools have places")
        if (self.command and self.headers) or (self.url and self.environment):
            raise ValueError("headers go with url, environment with command")
        return self


class ToolsFile(_Entry):
    """A whole tools file."""

    allowed_hosts: list[str] = Field(default_factory=list)
    allowed_networks: list[IPvAnyNetwork] = Field(default_factory=list[Any])
    http: list[HttpEntry] = Field(default_factory=list[HttpEntry])
    mcp: list[McpEntry] = Field(default_factory=list[McpEntry])
