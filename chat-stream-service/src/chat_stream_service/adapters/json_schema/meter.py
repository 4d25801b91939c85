"""How much one check may cost, and the patterns and value sets it has made so far."""

import re
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, Final

from chat_stream_service.adapters.json_schema.value import list_in, object_in

# Characters of a text that a pattern is looked for in; nobody means a pattern for more.
_MAX_TEXT: Final = 65_536
# Characters that cost one step of a search.
_TEXT_STEP: Final = 8
# Bytes a compiled pattern may take.
_PATTERN_MEMORY: Final = 1 << 20
_UNICODE: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u([0-9A-Fa-f]{4})")


class TooCostly(Exception):  # noqa: N818 - a condition that the checker answers, not an error of ours
    """The check would take more than it may."""


class Meter:
    """Counts the steps of one check, up to `steps` or until `seconds` have passed.

    `patterned` says that the schema has patternProperties.
    """

    def __init__(
        self, steps: int, seconds: float, *, patterned: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.patterned = patterned
        self._left = steps
        self._clock = clock
        self._end = clock() + seconds
        self._patterns: dict[str, Any] = {}
        self._sets: dict[int, frozenset[str]] = {}

    def spend(self, steps: int) -> None:
        """Count `steps`; TooCostly when there are no more."""
        self._left -= steps
        if self._left < 0 or self._clock() > self._end:
            raise TooCostly

    def matches(self, pattern: str, text: str) -> bool:
        """Return whether `pattern` is found in `text`, in time linear in both; one that RE2 does not know fits all."""
        if len(text) > _MAX_TEXT:
            raise TooCostly
        self.spend(1 + len(text) // _TEXT_STEP)
        if pattern not in self._patterns:
            self.spend(1 + len(pattern) // _TEXT_STEP)
            self._patterns[pattern] = compiled(pattern)
        found = self._patterns[pattern]
        return found is None or found.search(text) is not None

    def one_of(self, values: Sequence[Any], value: Any) -> bool:
        """Return whether JSON's `value` is among `values`."""
        key = id(values)
        if key not in self._sets:
            self._sets[key] = frozenset(self.canonical(each) for each in values)
        return self.canonical(value) in self._sets[key]

    def canonical(self, value: Any) -> str:
        """Return a text that is the same for values that are equal in JSON: 1 and 1.0 are, 1 and true are not."""
        self.spend(1)
        match value:
            case str():
                return f'"{value}'
            case float() if value.is_integer():
                return str(int(value))
            case dict():
                items = object_in(value).items()
                return "{" + _joined(sorted(_joined([name, self.canonical(item)]) for name, item in items))
            case list():
                return "[" + _joined([self.canonical(item) for item in list_in(value)])
            case _:
                return str(value)


def _joined(texts: Sequence[str]) -> str:
    """Return texts as one that no others make: each with its length before it."""
    return "".join(f"{len(text)}:{text}" for text in texts)


current_meter: ContextVar[Meter] = ContextVar("current_meter")


def compiled(pattern: str) -> Any:
    """Return the pattern compiled by RE2, which is linear; None when it needs what RE2 does not have."""
    import re2

    engine: Any = re2
    options = engine.Options()
    options.log_errors, options.never_capture, options.max_mem = False, True, _PATTERN_MEMORY
    try:
        # JSON Schema's patterns are ECMAScript's: \u4e00 there is \x{4e00} here.
        return engine.compile(_UNICODE.sub(r"\1\\x{\2}", pattern), options)
    except engine.error:
        return None
