"""Descriptions of the bare routes below ``/v1`` for ``/openapi.json``: FastAPI doesn't see them."""

from typing import Any, Final

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
_ANTHROPIC_ERROR: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "const": "error"},
        "error": {"type": "object", "properties": {"type": {"type": "string"}, "message": {"type": "string"}}},
        "request_id": {"type": "string"},
    },
}
SCHEMAS: Final[dict[str, Any]] = {"OpenAiError": _OPENAI_ERROR, "AnthropicError": _ANTHROPIC_ERROR}

_TEXT: Final[dict[str, Any]] = {"type": "string"}
_COUNT: Final[dict[str, Any]] = {"type": "integer"}
_FLAG: Final[dict[str, Any]] = {"type": "boolean"}
_OBJECTS: Final[dict[str, Any]] = {"type": "array", "items": {"type": "object"}}
_OWN: Final[dict[str, Any]] = {"type": "object", "description": "`policy`, `exclude_providers`, `labels`, `cache`."}
_HELLO: Final[list[dict[str, str]]] = [{"role": "user", "content": "Hello"}]
_IDEMPOTENCY_KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 200},
    "description": "Same key: the same answer and one charge, not a second call.",
}
_KNOBS: Final = "Knobs that the provider lacks are ignored and named in `x-dropped-params`."


def _operation(
    *,
    tag: str,
    name: str,
    description: str,
    required: tuple[str, ...],
    fields: dict[str, Any],
    example: dict[str, Any],
    error: str,
    streamed: str = "",
) -> dict[str, Any]:
    """Return the description of one POST; `streamed` says what its events are."""
    content: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
    if streamed:
        content["text/event-stream"] = {"schema": _TEXT}
    schema = {"type": "object", "required": list(required), "properties": fields}
    failed = {
        "description": "What went wrong, in the shape that the clients of this path know.",
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{error}"}}},
    }
    answered = {"description": f"The answer{f', or {streamed} when streamed' if streamed else ''}.", "content": content}
    return {
        "post": {
            "tags": [tag],
            "summary": name,
            "description": description,
            "operationId": name.lower().replace(" ", "_"),
            "parameters": [_IDEMPOTENCY_KEY] if streamed else [],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": schema, "example": example}},
            },
            "responses": {"200": answered, "4XX": failed, "5XX": failed},
        }
    }


PATHS: Final[dict[str, Any]] = {
    "/v1/chat/completions": _operation(
        tag="openai",
        name="Chat Completions",
        description=(
            "OpenAI's chat completions, streamed or whole. `model` is `provider/model`, a model, an alias, or left out "
            f"for the policy's choice. {_KNOBS}"
        ),
        required=("messages",),
        fields={
            "model": _TEXT,
            "messages": {**_OBJECTS, "minItems": 1},
            "stream": _FLAG,
            "stream_options": {"type": "object"},
            "tools": _OBJECTS,
            "tool_choice": {},
            "response_format": {"type": "object"},
            "temperature": {"type": "number"},
            "max_completion_tokens": _COUNT,
            "x_penstock": _OWN,
        },
        example={"model": "fallback/rules", "messages": _HELLO},
        error="OpenAiError",
        streamed="`chat.completion.chunk` events",
    ),
    "/v1/responses": _operation(
        tag="openai",
        name="Responses",
        description=(
            "OpenAI's responses, streamed or whole. Nothing is stored: send the whole conversation as `input`; "
            f"`previous_response_id` is refused. {_KNOBS}"
        ),
        required=("input",),
        fields={
            "model": _TEXT,
            "input": {"description": "A string or items."},
            "instructions": _TEXT,
            "stream": _FLAG,
            "tools": _OBJECTS,
            "tool_choice": {},
            "text": {"type": "object"},
            "reasoning": {"type": "object"},
            "max_output_tokens": _COUNT,
            "x_penstock": _OWN,
        },
        example={"model": "fallback/rules", "input": "Hello"},
        error="OpenAiError",
        streamed="`response.*` events",
    ),
    "/v1/messages": _operation(
        tag="anthropic",
        name="Messages",
        description=f"Anthropic's messages, streamed or whole, answered by any provider. {_KNOBS}",
        required=("messages", "max_tokens"),
        fields={
            "model": _TEXT,
            "max_tokens": _COUNT,
            "system": {"description": "A string or text blocks."},
            "messages": {**_OBJECTS, "minItems": 1},
            "stream": _FLAG,
            "tools": _OBJECTS,
            "tool_choice": {"type": "object"},
            "thinking": {"type": "object"},
            "output_config": {"type": "object"},
            "x_penstock": _OWN,
        },
        example={"model": "fallback/rules", "max_tokens": 200, "messages": _HELLO},
        error="AnthropicError",
        streamed="`message_start` … `message_stop` events",
    ),
    "/v1/messages/count_tokens": _operation(
        tag="anthropic",
        name="Count Tokens",
        description="Count the tokens of a request to `/v1/messages` without running it.",
        required=("messages",),
        fields={"model": _TEXT, "messages": {**_OBJECTS, "minItems": 1}, "tools": _OBJECTS},
        example={"model": "fallback/rules", "messages": _HELLO},
        error="AnthropicError",
    ),
}
