"""The OpenAPI description: FastAPI's own, with the bare routes, the errors and the credentials added."""

from typing import Any, Final

from fastapi import FastAPI

from penstock_kit.version import VERSION

_DESCRIPTION: Final = """
A self-hosted AI platform for teams that run devices: streaming chat that can ask the machines, telemetry with
features and data sets, and any OpenAI client on `/v1`.

Send `Authorization: Bearer <API key or access token>` or `x-api-key: <API key>`. Errors are problem+json
(RFC 9457); those of `/v1` have OpenAI's shape, those of `/v1/messages` Anthropic's.
"""
_OPEN: Final = frozenset(
    {
        "/health",
        "/ready",
        "/ready/gateway",
        "/ping",
        "/metrics",
        "/api/v2/metrics",
        "/api/v2/auth/login",
        "/api/v2/auth/refresh",
        "/api/v2/auth/logout",
        "/api/v2/auth/methods",
        "/api/v2/auth/oidc/session",
    }
)
_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "detail", "reason", "request_id", "success"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was wrong, with the value, and what would be right."},
        "instance": {"type": "string"},
        "reason": {"type": "string", "description": "Stable name for programs, such as DEVICE_NOT_FOUND."},
        "request_id": {"type": "string"},
        "retryable": {"type": "boolean"},
        "success": {"type": "boolean", "const": False},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "description": {"type": "string"}},
            },
        },
    },
}


class DocumentedApi(FastAPI):
    """FastAPI that serves ``/openapi.json`` and no page of its own, for those load from elsewhere."""

    def __init__(self) -> None:
        super().__init__(
            title="Penstock",
            version=VERSION,
            description=_DESCRIPTION,
            docs_url=None,
            redoc_url=None,
            # The gateway has spans of its own; FastAPI's show query strings, which may hold a secret.
            telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
        )

    def openapi(self) -> dict[str, Any]:
        """Return the description, made once."""
        if self.openapi_schema is None:
            schema = super().openapi()
            paths, bodies = _bare_routes()
            schema["paths"] |= paths
            components = schema.setdefault("components", {})
            components.setdefault("schemas", {}).update({"Problem": _PROBLEM, **bodies})
            components["securitySchemes"] = {
                "bearer": {"type": "http", "scheme": "bearer", "description": "API key or access token."},
                "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            }
            schema["security"] = [{"bearer": []}, {"key": []}]
            for path in _OPEN & schema["paths"].keys():
                for operation in schema["paths"][path].values():
                    operation["security"] = []
            self.openapi_schema = schema
        return self.openapi_schema


def _bare_routes() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the dialects' paths and schemas; their models are imported here, for few processes are asked for them."""
    from gateway.dialects.anthropic import openapi as anthropic
    from gateway.dialects.openai import openapi as openai
    from gateway.dialects.responses import openapi as responses
    from gateway.model_call.openapi import describe

    paths, schemas = describe((*openai.ROUTES, *responses.ROUTES, *anthropic.ROUTES))
    return paths, {**schemas, **openai.ERRORS, **anthropic.ERRORS}
