"""Tools as an MCP server describes them, and whether it still describes them so."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

# Tools of one server that are remembered, and those that one line of the log names.
_MOST_KNOWN: Final = 1_000
_MOST_NAMED: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolDescription:
    """A tool as its server describes it."""

    name: str
    description: str
    schema: Mapping[str, Any]


class ToolChanges:
    """Remembers how tools were described when they were first listed.

    A model reads a description as it reads an instruction: a server that was looked at once may say something else
    later, also of a tool that it took away meanwhile.
    """

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def note(self, described: Sequence[ToolDescription]) -> list[str]:
        """Return the names of the tools that are not described as they were, the first ten of them."""
        changed: list[str] = []
        for tool in described:
            digest = _digest(tool)
            known = self._known.get(tool.name)
            if known is not None and known != digest:
                changed.append(tool.name)
            if known is not None or len(self._known) < _MOST_KNOWN:
                self._known[tool.name] = digest
        return changed[:_MOST_NAMED]


def _digest(tool: ToolDescription) -> str:
    text = json.dumps([tool.description, tool.schema], sort_keys=True)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
