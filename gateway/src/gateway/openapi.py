"""The OpenAPI description: FastAPI's own, with the bare routes, the errors and the credentials added."""

from typing import Any, Final

from fastapi import FastAPI

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
        "/metrics",
        "/api/v2/metrics",
        "/api/v2/auth/login",
        "/api/v2/auth/refresh",
        "/api/v2/auth/logout",
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
_ERROR: Final[dict[str, Any]] = {
    "description": "What went wrong, in OpenAI's shape.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OpenAiError"}}},
}
_OPENAI_ERROR: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "code": {"type": ["string", "null"]},
                "param": {"type": ["string", "null"]},
            },
        }
    },
}
_CHAT: Final[dict[str, Any]] = {
    "tags": ["openai"],
    "summary": "Chat Completions",
    "description": (
        "OpenAI's chat completions, streamed or whole. `model` is `provider/model`, a model, an alias, or left out "
        "for the policy's choice. Knobs that the provider lacks are ignored and named in `x-dropped-params`."
    ),
    "operationId": "chat_completions",
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["messages"],
                    "properties": {
                        "model": {"type": "string"},
                        "messages": {"type": "array", "items": {"type": "object"}, "minItems": 1},
                        "stream": {"type": "boolean"},
                        "stream_options": {"type": "object"},
                        "tools": {"type": "array", "items": {"type": "object"}},
                        "tool_choice": {},
                        "response_format": {"type": "object"},
                        "temperature": {"type": "number"},
                        "max_completion_tokens": {"type": "integer"},
                        "x_penstock": {
                            "type": "object",
                            "description": "`policy`, `exclude_providers`, `labels`, `cache`.",
                        },
                    },
                },
                "example": {"model": "fallback/rules", "messages": [{"role": "user", "content": "Hello"}]},
            }
        },
    },
    "responses": {
        "200": {
            "description": "A `chat.completion`, or `chat.completion.chunk` events when streamed.",
            "content": {
                "application/json": {"schema": {"type": "object"}},
                "text/event-stream": {"schema": {"type": "string"}},
            },
        },
        "4XX": _ERROR,
        "5XX": _ERROR,
    },
}


class DescribedApi(FastAPI):
    """FastAPI that serves ``/openapi.json`` and no page of its own, for those load from elsewhere."""

    def __init__(self) -> None:
        super().__init__(title="Penstock", version="0.1.0", description=_DESCRIPTION, docs_url=None, redoc_url=None)

    def openapi(self) -> dict[str, Any]:
        """Return the description, made once."""
        if self.openapi_schema is None:
            schema = super().openapi()
            schema["paths"]["/v1/chat/completions"] = {"post": _CHAT}
            components = schema.setdefault("components", {})
            schemas = components.setdefault("schemas", {})
            schemas |= {"Problem": _PROBLEM, "OpenAiError": _OPENAI_ERROR}
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
