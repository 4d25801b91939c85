"""Tools a model may call, and what their arguments are checked with: the ports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Arguments = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """For whom and in which stream a tool is called. `max_characters` is how long its result may be."""

    tenant_id: str
    user_id: str
    conversation_id: str
    stream_id: str
    max_characters: int


class Tool(Protocol):
    """Something a model may call by name with arguments that fit a JSON schema."""

    @property
    def name(self) -> str:
        """Name, ``[A-Za-z0-9_-]{1,64}``."""
        ...

    @property
    def description(self) -> str:
        """What it does and when to use it, for the model."""
        ...

    @property
    def schema(self) -> Mapping[str, Any]:
        """JSON Schema of the arguments, an object schema."""
        ...

    async def call(self, arguments: Arguments, context: ToolContext) -> str:
        """Return the result as text for the model; PenstockError when it can't, with a text the model can act on."""
        ...


class WrappedTool:
    """The base of a :class:`Tool` that changes how the tool inside is called, and neither its name nor its schema."""

    def __init__(self, tool: Tool) -> None:
        self._tool = tool

    @property
    def name(self) -> str:
        """Name of the tool inside."""
        return self._tool.name

    @property
    def description(self) -> str:
        """Description of the tool inside."""
        return self._tool.description

    @property
    def schema(self) -> Mapping[str, Any]:
        """Schema of the tool inside."""
        return self._tool.schema


class ToolSource(Protocol):
    """Somewhere tools come from, such as a server that may be down; its tools come and go."""

    @property
    def name(self) -> str:
        """What its tools are told apart by when another has one of the same name."""
        ...

    def tools(self) -> Sequence[Tool]:
        """Return the tools known now; never waits."""
        ...


class ArgumentChecker(Protocol):
    """Checks arguments against a JSON schema in bounded time, whatever either of them is."""

    async def problems(self, schema: Mapping[str, Any], arguments: Any) -> Sequence[str]:
        """Return what is wrong, one text per problem; empty when the arguments fit."""
        ...
