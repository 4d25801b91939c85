"""Which tools there are now, each under a name that no other has."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chat_stream_service.domain.model.language_model import ToolSpec
from chat_stream_service.domain.model.tool import Tool, ToolSource

_MAX_NAME: Final = 64
_ODD: Final = re.compile(r"[^A-Za-z0-9_-]+")
_BETWEEN: Final = "__"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedTool:
    """A tool and what a model is told of it; the spec's name is the one it is called by."""

    tool: Tool
    spec: ToolSpec


class ToolCatalog:
    """The fixed tools, and those of sources that come and go (an MCP server that is down has none).

    A tool keeps its own name when it is free, else it is called ``source__tool``. A name once given belongs to that
    tool for good, so that what a personality may use does not depend on which servers are up.
    """

    def __init__(self, tools: Iterable[Tool], sources: Callable[[], Sequence[ToolSource]] = tuple) -> None:
        self._fixed = {tool.name: ListedTool(tool=tool, spec=_spec(tool.name, tool)) for tool in tools}
        self._sources = sources
        self._owners: dict[str, tuple[str, str]] = {name: ("", name) for name in self._fixed}
        self._names: dict[tuple[str, str], str] = {}
        self._listed: dict[tuple[str, str], ListedTool] = {}

    def tools(self) -> Mapping[str, ListedTool]:
        """Return the tools known now, by the name to call them by; never waits."""
        sources = self._sources()
        if not sources:
            return self._fixed
        found = dict(self._fixed)
        for source in sources:
            for tool in source.tools():
                listed = self._listed_tool(source.name, tool)
                found[listed.spec.name] = listed
        return found

    def _listed_tool(self, source: str, tool: Tool) -> ListedTool:
        key = (source, tool.name)
        listed = self._listed.get(key)
        if listed is None or listed.tool is not tool:
            listed = ListedTool(tool=tool, spec=_spec(self._name(key), tool))
            self._listed[key] = listed
        return listed

    def _name(self, key: tuple[str, str]) -> str:
        if key not in self._names:
            source, tool = key
            wished = (_safe(tool), _safe(f"{source}{_BETWEEN}{tool}"))
            numbered = (f"{wished[1][: _MAX_NAME - 4]}_{number}" for number in range(2, 1000))
            name = next(name for name in (*wished, *numbered) if name not in self._owners)
            self._names[key], self._owners[name] = name, key
        return self._names[key]


def _safe(name: str) -> str:
    """Return `name` as models take it: letters, digits, ``_`` and ``-``, at most 64."""
    return _ODD.sub("_", name)[:_MAX_NAME] or "tool"


def _spec(name: str, tool: Tool) -> ToolSpec:
    return ToolSpec(name=name, description=tool.description, schema_json=json.dumps(tool.schema))
