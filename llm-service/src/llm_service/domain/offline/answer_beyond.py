"""Yes or no of two numbers, and by how much they differ: of two machines, two times, or two groups."""

from collections.abc import Callable

from llm_service.domain.offline.phrases import Wording
from llm_service.domain.offline.query import StructuredQuery
from llm_service.domain.offline.verdict import changes_nothing


def beyond(
    say: Wording,
    query: StructuredQuery,
    sides: tuple[str, str],
    name: str,
    values: tuple[float, float],
    *,
    apart: Callable[[float], str],
) -> str:
    """Say whether the first of two numbers is above (or below) the second, "" where that is not asked.

    `apart` tells a difference with its unit.
    """
    if not query.beyond or not changes_nothing(query.unread):
        return ""
    first, second = values
    holds = first > second if query.beyond == "above" else first < second
    by = apart(abs(first - second)) if first != second else ""
    return say.beyond(sides, name, above=query.beyond == "above", holds=holds, by=by)
