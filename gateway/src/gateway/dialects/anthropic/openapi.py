"""Anthropic's messages as ``/openapi.json`` describes them."""

from typing import Any, Final

from pydantic import BaseModel, Field

from gateway.http.names import END_USER
from gateway.model_call.openapi import HELLO, KNOBS, BodyRoute, PenstockOptions


class CountTokensBody(BaseModel):
    """A request to `/v1/messages/count_tokens`."""

    model: str | None = Field(None, description="`provider/model`, a model or an alias; none: the policy's choice.")
    system: str | list[Any] | None = Field(None, description="A string or text blocks.")
    messages: list[dict[str, Any]] = Field(min_length=1)
    tools: list[dict[str, Any]] | None = None
    tool_choice: dict[str, Any] | None = None
    thinking: dict[str, Any] | None = None
    output_config: dict[str, Any] | None = None
    output_format: dict[str, Any] | None = Field(None, description="Older than `output_config.format`.")


class MessagesBody(CountTokensBody):
    """A request to `/v1/messages`; fields that are not listed go on to the provider."""

    max_tokens: int = Field(ge=1, le=2**31 - 1, description="The most tokens the answer may have.")
    stream: bool | None = None
    temperature: float | None = Field(None, ge=0, le=1)
    top_p: float | None = Field(None, ge=0, le=1)
    top_k: int | None = Field(None, ge=0, le=2**31 - 1)
    stop_sequences: list[str] | str | None = None
    metadata: dict[str, Any] | None = Field(None, description=f"`user_id`, of at most {END_USER} characters.")
    x_penstock: PenstockOptions | None = None


ERRORS: Final[dict[str, Any]] = {
    "AnthropicError": {
        "type": "object",
        "properties": {
            "type": {"type": "string", "const": "error"},
            "error": {"type": "object", "properties": {"type": {"type": "string"}, "message": {"type": "string"}}},
            "request_id": {"type": "string"},
        },
    }
}
ROUTES: Final = (
    BodyRoute(
        path="/v1/messages",
        tag="anthropic",
        name="Messages",
        description=f"Anthropic's messages, streamed or whole, answered by any provider. {KNOBS}",
        body=MessagesBody,
        example={"model": "fallback/rules", "max_tokens": 200, "messages": HELLO},
        error="AnthropicError",
        streamed="`message_start` … `message_stop` events",
    ),
    BodyRoute(
        path="/v1/messages/count_tokens",
        tag="anthropic",
        name="Count Tokens",
        description="Count the tokens of a request to `/v1/messages` without running it.",
        body=CountTokensBody,
        example={"model": "fallback/rules", "messages": HELLO},
        error="AnthropicError",
        idempotent=False,
    ),
)
