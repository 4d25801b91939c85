"""Describes bare routes for ``/openapi.json``, which FastAPI doesn't see, by pydantic models of their bodies.

Bodies are read by hand (`gateway.model_call.fields`), whose errors name the value and the bound; the models say the
same for programs. They are imported when the document is asked for, and cost a call nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from gateway.http.names import LABEL_NAME, LABEL_VALUE, MOST_LABELS

KNOBS: Final = "Knobs that the provider lacks are ignored and named in `x-dropped-params`."
HELLO: Final[list[dict[str, str]]] = [{"role": "user", "content": "Hello"}]
_REF: Final = "#/components/schemas/{model}"
_IDEMPOTENCY_KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 200},
    "description": "Same key: the same answer and one charge, not a second call.",
}


class CacheOptions(BaseModel):
    """How the answer may come from the cache."""

    bypass: bool | None = None
    exact: bool | None = Field(
        None, description="Share answers within the tenant. Left out: at `temperature` 0 the user's own."
    )
    semantic: bool | None = None
    threshold: float | None = Field(None, ge=0, le=1, description="Least similarity; it can only be tightened.")


class PenstockOptions(BaseModel):
    """What a request adds to its dialect."""

    policy: Literal["order", "weight", "cost", "latency", "hedge"] | None = None
    exclude_providers: list[str] | str | None = None
    labels: dict[str, Any] | None = Field(
        None,
        max_length=MOST_LABELS,
        description=f"Kept in the ledger's row; names of {LABEL_NAME} characters, values of {LABEL_VALUE} at most.",
    )
    cache: CacheOptions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyRoute:
    """One POST of a dialect: its place, words, body and example; `streamed` says what its events are.

    `operation_id` is made of the name when empty.
    """

    path: str
    tag: str
    name: str
    description: str
    body: type[BaseModel]
    example: dict[str, Any]
    error: str
    streamed: str = ""
    idempotent: bool = True
    operation_id: str = ""


def describe(routes: Sequence[BodyRoute]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the paths of `routes` and the schemas that they refer to."""
    models = [(route.body, "validation") for route in routes]
    references, definitions = models_json_schema(models, ref_template=_REF)  # pyright: ignore[reportArgumentType]
    paths = {route.path: {"post": _operation(route, references[route.body, "validation"])} for route in routes}
    return paths, definitions["$defs"]


def _operation(route: BodyRoute, schema: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
    if route.streamed:
        content["text/event-stream"] = {"schema": {"type": "string"}}
    failed = {
        "description": "What went wrong, in the shape that the clients of this path know.",
        "content": {"application/json": {"schema": {"$ref": _REF.format(model=route.error)}}},
    }
    streamed = f", or {route.streamed} when streamed" if route.streamed else ""
    return {
        "tags": [route.tag],
        "summary": route.name,
        "description": route.description,
        "operationId": route.operation_id or route.name.lower().replace(" ", "_"),
        "parameters": [_IDEMPOTENCY_KEY] if route.idempotent else [],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, "example": route.example}},
        },
        "responses": {
            "200": {"description": f"The answer{streamed}.", "content": content},
            "4XX": failed,
            "5XX": failed,
        },
    }
