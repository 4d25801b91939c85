"""OpenAI's chat completions and embeddings as ``/openapi.json`` describes them."""

from typing import Any, Final, Literal

from pydantic import BaseModel, Field

from gateway.dialects.openai.embedding import MOST_DIMENSIONS
from gateway.http.names import END_USER
from gateway.model_call.openapi import HELLO, KNOBS, BodyRoute, PenstockOptions


class ChatCompletionBody(BaseModel):
    """A request to `/v1/chat/completions`; fields that are not listed go on to the provider."""

    model: str | None = Field(None, description="`provider/model`, a model or an alias; none: the policy's choice.")
    messages: list[dict[str, Any]] = Field(min_length=1)
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    functions: list[dict[str, Any]] | None = Field(None, description="Older than `tools`; the answer is as old.")
    function_call: Literal["none", "auto"] | dict[str, Any] | None = Field(
        None, description="Older than `tool_choice`."
    )
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    top_k: int | None = Field(None, ge=-(2**31), le=2**31 - 1)
    max_tokens: int | None = Field(None, ge=1, le=2**31 - 1)
    max_completion_tokens: int | None = Field(None, ge=1, le=2**31 - 1, description="Goes before `max_tokens`.")
    stop: list[str] | str | None = None
    seed: int | None = Field(None, ge=-(2**63), le=2**63 - 1)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    n: int | None = Field(None, ge=1, le=128)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)
    user: str | None = Field(None, max_length=END_USER)
    x_penstock: PenstockOptions | None = None


class EmbeddingsBody(BaseModel):
    """A request to `/v1/embeddings`."""

    model: str | None = None
    input: str | list[Any] = Field(description="A string, strings, token ids, or lists of token ids.")
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = Field(None, ge=1, le=MOST_DIMENSIONS)
    user: str | None = Field(None, max_length=END_USER)


ERRORS: Final[dict[str, Any]] = {
    "OpenAiError": {
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
}
ROUTES: Final = (
    BodyRoute(
        path="/v1/chat/completions",
        tag="openai",
        name="Chat Completions",
        description=(
            "OpenAI's chat completions, streamed or whole. `model` is `provider/model`, a model, an alias, or left out "
            f"for the policy's choice. {KNOBS}"
        ),
        body=ChatCompletionBody,
        example={"model": "fallback/rules", "messages": HELLO},
        error="OpenAiError",
        streamed="`chat.completion.chunk` events",
    ),
    BodyRoute(
        path="/v1/embeddings",
        tag="openai",
        name="Create Embeddings",
        description="Embed texts or token ids; vectors as floats or base64.",
        body=EmbeddingsBody,
        example={"model": "fallback/hashing", "input": "Hello"},
        error="OpenAiError",
        operation_id="create_embeddings_v1_embeddings_post",
    ),
)
