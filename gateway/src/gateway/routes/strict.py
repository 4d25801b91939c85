"""What a request may say: a field or parameter that a route of ``/api/v2`` does not know is refused by its name."""

from difflib import get_close_matches
from typing import Any, Final, cast

from fastapi import Request
from pydantic import BaseModel, ConfigDict

from penstock_kit.errors import FieldViolation, Unprocessable

STRICT_PATHS: Final = "/api/v2/"


class RequestModel(BaseModel):
    """A body, or a set of parameters, that takes the fields it names and no others."""

    model_config = ConfigDict(extra="forbid")


class KnownParameters:
    """Refuses what a query names that its route does not know; one for each route."""

    def __init__(self) -> None:
        self._known: tuple[str, ...] | None = None

    async def __call__(self, request: Request) -> None:
        """Raise Unprocessable VALIDATION_FAILED that names the unknown parameters."""
        if not request.query_params:
            return
        if self._known is None:
            self._known = tuple(_names(request.scope["route"].dependant))
        known = self._known
        unknown = [name for name in request.query_params if name not in known]
        if unknown:
            violations = [FieldViolation(field=name, description=_unknown(name, known)) for name in unknown]
            listed = "; ".join(f"{entry.field}: {entry.description}" for entry in violations[:3])
            raise Unprocessable(
                f"the request is not valid: {listed}", reason="VALIDATION_FAILED", violations=violations
            )


def _names(dependant: Any) -> list[str]:
    names: list[str] = []
    for parameter in dependant.query_params:
        kind: Any = parameter.field_info.annotation
        is_model = isinstance(kind, type) and issubclass(kind, BaseModel)
        names += list(cast("type[BaseModel]", kind).model_fields) if is_model else [parameter.alias]
    return names + [name for inner in dependant.dependencies for name in _names(inner)]


def _unknown(name: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(name, known, n=1)
    takes = f"it takes {', '.join(known)}" if known else "it takes none"
    return f"is no parameter of this route; {f'did you mean {near[0]}? ' if near else ''}{takes}"
