"""Numbers of the tools: kept here once, read by the metrics."""

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final

# Seconds a call took.
TOOL_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
# What calls are counted under that name no tool there is, or one too many: a model may write any name.
OTHER: Final = "other"
_MOST_TOOLS: Final = 200


@dataclass(slots=True)
class ToolNumbers:
    """Calls of one tool: how many were answered, how many of these with an error, and how long they took."""

    calls: int = 0
    errors: int = 0
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(TOOL_BUCKETS) + 1))


class ToolStatistics:
    """Counts calls by tool, for a bounded number of tools."""

    def __init__(self) -> None:
        self.tools: dict[str, ToolNumbers] = {}

    def called(self, name: str, *, known: bool, is_error: bool, seconds: float) -> None:
        """Count a call; `known` says whether there is such a tool."""
        numbers = self._of(name if known else OTHER)
        numbers.calls += 1
        numbers.errors += is_error
        numbers.seconds += seconds
        numbers.buckets[bisect_left(TOOL_BUCKETS, seconds)] += 1

    def _of(self, name: str) -> ToolNumbers:
        if name not in self.tools and len(self.tools) >= _MOST_TOOLS:
            name = OTHER
        return self.tools.setdefault(name, ToolNumbers())
