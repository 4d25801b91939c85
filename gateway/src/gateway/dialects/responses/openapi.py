"""OpenAI's responses as ``/openapi.json`` describes them."""

from typing import Any, Final, Literal

from pydantic import BaseModel, Field

from gateway.http.names import END_USER
from gateway.model_call.openapi import KNOBS, BodyRoute, PenstockOptions


class ResponsesBody(BaseModel):
    """A request to `/v1/responses`; fields that are not listed go on to the provider."""

    model: str | None = Field(None, description="`provider/model`, a model or an alias; none: the policy's choice.")
    input: str | list[Any] = Field(description="A string or items.")
    instructions: str | None = None
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    text: dict[str, Any] | None = Field(None, description="`format` and `verbosity`.")
    reasoning: dict[str, Any] | None = Field(None, description="`effort`; its summary is always shown.")
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    max_output_tokens: int | None = Field(None, ge=1, le=2**31 - 1)
    top_logprobs: int | None = Field(None, ge=0, le=20)
    include: list[str] | str | None = None
    store: bool | None = Field(None, description="Nothing is stored: true is named in `x-dropped-params`.")
    background: Literal[False] | None = None
    truncation: str | None = None
    metadata: dict[str, Any] | None = None
    safety_identifier: str | None = Field(None, max_length=END_USER)
    user: str | None = Field(None, max_length=END_USER)
    x_penstock: PenstockOptions | None = None


ROUTES: Final = (
    BodyRoute(
        path="/v1/responses",
        tag="openai",
        name="Responses",
        description=(
            "OpenAI's responses, streamed or whole. Nothing is stored: send the whole conversation as `input`; "
            f"`previous_response_id` is refused. {KNOBS}"
        ),
        body=ResponsesBody,
        example={"model": "fallback/rules", "input": "Hello"},
        error="OpenAiError",
        streamed="`response.*` events",
    ),
)
