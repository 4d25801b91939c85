"""Completion requests: messages, tools, sampling, response format and cache policy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from llm_service.domain.model.failure import Attempt
from llm_service.domain.model.message import Message
from llm_service.domain.model.route import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolDefinition:
    """A tool the model may call; `parameters` is the JSON Schema of its arguments as JSON text, or empty.

    `cache_ttl` ("", "5m" or "1h") marks the end of a prefix the provider should cache. `extra` holds fields of the
    caller's dialect without a place here; with "type" it is a tool of a vendor's own form that the caller runs.
    """

    name: str
    description: str = ""
    parameters: str = ""
    strict: bool = False
    cache_ttl: str = ""
    extra: Mapping[str, object] = field(default_factory=dict[str, object])


class ToolMode(StrEnum):
    """Whether the model may, must or must not call tools. DEFAULT leaves it to the vendor."""

    DEFAULT = ""
    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"
    NAMED = "named"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolChoice:
    """The mode and, with NAMED, the tool."""

    mode: ToolMode = ToolMode.DEFAULT
    name: str = ""


class ResponseForm(StrEnum):
    """The form of a completion: text, JSON, or JSON of a schema."""

    TEXT = "text"
    JSON_OBJECT = "json_object"
    JSON_SCHEMA = "json_schema"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseFormat:
    """The form of a completion with its JSON Schema: `schema` is JSON text, for JSON_SCHEMA only."""

    form: ResponseForm = ResponseForm.TEXT
    name: str = ""
    schema: str = ""
    strict: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Sampling parameters; None leaves the vendor's default. `max_output_tokens` includes reasoning."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_output_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    parallel_tool_calls: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoning:
    """The reasoning budget: an `effort` word or tokens; `include` sends the reasoning to the caller."""

    effort: str = ""
    max_tokens: int = 0
    include: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePolicy:
    """How response caches may be used; `threshold` (0 to 1) tightens the semantic one, 0 is the operator's.

    `own`: of the exact one only the answers to the caller's own user.
    """

    bypass: bool = False
    exact: bool = False
    own: bool = False
    semantic: bool = False
    threshold: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest:
    """A request for a completion.

    `model` is "provider/model", a model, an alias, or empty for the policy's choice. A provider
    receives it with `model` as the vendor names it. `streaming` says that the caller wants pieces;
    when false a provider may fetch the answer at once and yield it as one batch. `extra` holds knobs
    without a field here, by their name in the caller's dialect, `betas` a vendor's unfinished features that the caller
    asked for. `failed_attempts` says, to a provider that is asked after others, which ones could not answer. `route` is
    where the request goes, once that is decided, `size` in how many bytes it came; both are no part of what is asked.
    """

    messages: tuple[Message, ...]
    model: str = ""
    streaming: bool = True
    tools: tuple[ToolDefinition, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    response_format: ResponseFormat = ResponseFormat()
    sampling: Sampling = Sampling()
    reasoning: Reasoning = Reasoning()
    cache: CachePolicy = CachePolicy()
    extra: Mapping[str, object] = field(default_factory=dict[str, object])
    policy: str = ""
    exclude_providers: tuple[str, ...] = ()
    end_user: str = ""
    idempotency_key: str = ""
    surface: str = ""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    failed_attempts: tuple[Attempt, ...] = ()
    betas: tuple[str, ...] = ()
    route: Route | None = field(default=None, repr=False, compare=False)
    size: int = field(default=0, repr=False, compare=False)


def route_of(request: CompletionRequest, decide: Callable[[CompletionRequest], Route]) -> Route:
    """Return the route that `request` carries; decide it when it carries none.

    A policy may draw or follow what it measured, so that two decisions for one request can differ.
    """
    return request.route or decide(request)
