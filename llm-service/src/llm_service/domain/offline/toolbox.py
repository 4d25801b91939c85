"""The device tools among those offered, and calls of them that fit their schemas."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, cast

from llm_service.domain.model.request import ToolDefinition
from llm_service.domain.offline.query import TimeRange


class DeviceTool(StrEnum):
    """The tools the rules know how to use."""

    LIST = "list_devices"
    STATISTICS = "device_statistics"
    QUERY = "device_query"
    FEATURES = "device_features"
    ANOMALIES = "device_anomalies"
    ALARM = "prepare_alarm"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    """A call to make: the tool by the name it was offered under."""

    tool: DeviceTool
    name: str
    arguments: dict[str, object]


# The same argument under the names operators' own tools tend to use.
_ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "device_code": ("device_code", "device", "device_id", "code"),
    "fields": ("fields", "columns", "metrics"),
    "start_time": ("start_time", "start", "from", "since"),
    "end_time": ("end_time", "end", "to", "until"),
}


def device_tool(name: str) -> DeviceTool | None:
    """Return the device tool that `name` is, also when it is prefixed ("features.device_query")."""
    return next((tool for tool in DeviceTool if name == tool.value or _ends_with(name, tool.value)), None)


def _ends_with(name: str, ending: str) -> bool:
    return name.endswith(ending) and not name[: -len(ending)][-1:].isalnum()


class Toolbox:
    """The device tools among `tools`."""

    def __init__(self, tools: Sequence[ToolDefinition]) -> None:
        named = ((device_tool(tool.name), tool) for tool in tools)
        self._tools = {kind: tool for kind, tool in reversed([*named]) if kind is not None}

    def __bool__(self) -> bool:
        return bool(self._tools)

    def has(self, tool: DeviceTool) -> bool:
        """Whether `tool` is offered."""
        return tool in self._tools

    def accepts(self, tool: DeviceTool, argument: str) -> bool:
        """Whether `tool` is offered and its schema names `argument`."""
        properties = _properties(self._tools[tool].parameters) if tool in self._tools else None
        return properties is not None and argument in properties

    def limits(self, tool: DeviceTool) -> bool:
        """Whether the schema of `tool` says which arguments there are."""
        return tool in self._tools and _properties(self._tools[tool].parameters) is not None

    def call(self, tool: DeviceTool, *, time: TimeRange | None = None, **arguments: object) -> PlannedCall:
        """Return a call of `tool` with what its schema knows of `arguments` and `time`; None is left out."""
        definition = self._tools[tool]
        wanted = {**arguments, **_times(time)}
        properties = _properties(definition.parameters)
        named = {_argument_name(key, properties): value for key, value in wanted.items() if value not in (None, (), [])}
        fitting = {key: value for key, value in named.items() if key}
        return PlannedCall(tool=tool, name=definition.name, arguments=fitting)


def _times(time: TimeRange | None) -> dict[str, object]:
    if time is None:
        return {}
    return {
        "start_time": iso_time(time.start) if time.start else None,
        "end_time": iso_time(time.end) if time.end else None,
    }


def iso_time(time: datetime) -> str:
    """Return `time` in ISO 8601 with Z, whole seconds without a fraction."""
    return time.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _properties(schema: str) -> frozenset[str] | None:
    """The property names of the JSON Schema, None when it names none (then every argument fits)."""
    try:
        decoded: object = json.loads(schema or "{}")
    except ValueError:
        return None
    properties = cast(dict[str, object], decoded).get("properties") if isinstance(decoded, dict) else None
    return frozenset(cast(dict[str, object], properties)) if isinstance(properties, dict) else None


def _argument_name(name: str, properties: frozenset[str] | None) -> str:
    if properties is None or name in properties:
        return name
    return next((alias for alias in _ALIASES.get(name, ()) if alias in properties), "")
