"""What a request may say: a parameter that a route of ``/api`` does not know is refused by its name."""

from typing import Any, Final, cast

from fastapi.requests import HTTPConnection
from pydantic import BaseModel, ConfigDict

from gateway.http.validation import unknown_parameters_error

STRICT_PATHS: Final = ("/api/v1/", "/api/v2/")


class RequestModel(BaseModel):
    """A body, or a set of parameters, that takes the fields it names and no others."""

    model_config = ConfigDict(extra="forbid")


class KnownParameters:
    """Refuses what a query names that its route does not know; one for each route."""

    def __init__(self) -> None:
        self._known: tuple[str, ...] | None = None

    async def __call__(self, connection: HTTPConnection) -> None:
        """Raise Unprocessable (VALIDATION_FAILED) that names the unknown parameters."""
        if not connection.query_params:
            return
        if self._known is None:
            self._known = tuple(_names(connection.scope["route"].dependant))
        unknown = [name for name in connection.query_params if name not in self._known]
        if unknown:
            raise unknown_parameters_error(unknown, self._known)


def _names(dependant: Any) -> list[str]:
    names: list[str] = []
    for parameter in dependant.query_params:
        kind: Any = parameter.field_info.annotation
        is_model = isinstance(kind, type) and issubclass(kind, BaseModel)
        names += list(cast("type[BaseModel]", kind).model_fields) if is_model else [parameter.alias]
    return names + [name for inner in dependant.dependencies for name in _names(inner)]
