"""mem0's extractor with its answers checked: mem0 itself takes one that it can't read for one without facts."""

import json
from typing import Any, Final

# Facts of one turn, and characters of one; more is no fact.
_MOST_FACTS: Final = 50
_FACT_CHARACTERS: Final = 2000


class CheckedExtractor:
    """The language model inside, raising ValueError for an answer that holds no list of facts."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def generate_response(self, *arguments: Any, **named: Any) -> Any:
        """Return the answer as JSON that mem0 can read, bounded."""
        return json.dumps({"memory": _facts(self._inner.generate_response(*arguments, **named))}, ensure_ascii=False)


def _facts(answer: Any) -> list[dict[str, Any]]:
    from mem0.memory import utils

    reading: Any = utils
    text: str = reading.remove_code_blocks(answer) if isinstance(answer, str) else ""
    try:
        read: Any = json.loads(text, strict=False)
    except ValueError:
        read = json.loads(reading.extract_json(text), strict=False)
    facts: Any = read.get("memory") if isinstance(read, dict) else None  # pyright: ignore
    if not isinstance(facts, list):
        raise ValueError("the extractor answered no JSON object with a list under memory")
    return [_bounded(fact) for fact in facts[:_MOST_FACTS]]  # pyright: ignore[reportUnknownVariableType]


def _bounded(fact: Any) -> dict[str, Any]:
    if not isinstance(fact, dict) or not isinstance(fact.get("text", ""), str):  # pyright: ignore[reportUnknownMemberType]
        raise ValueError("the extractor answered a fact that is no object with a text")
    known: dict[str, Any] = {**fact}
    return {**known, "text": known.get("text", "")[:_FACT_CHARACTERS]}
