"""JSON values by their kind, for what walks through documents it knows nothing of."""

from typing import Any, cast


def object_in(value: Any) -> dict[str, Any]:
    """Return a JSON object, an empty one in place of anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def list_in(value: Any) -> list[Any]:
    """Return a JSON array, an empty one in place of anything else."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def children(value: Any) -> list[Any]:
    """Return the values directly inside an object or an array."""
    return [*object_in(value).values(), *list_in(value)]
