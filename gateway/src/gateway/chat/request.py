"""The request that starts a turn, over HTTP and over WebSockets."""

from typing import Literal

from pydantic import BaseModel, Field


class ResponseCache(BaseModel):
    """How the response caches may be used for a question."""

    exact: bool = Field(default=False, description="Allow the exact cache: the same prompt, the same answer.")
    semantic: bool = Field(default=False, description="Allow the semantic cache: a prompt that means the same.")
    bypass: bool = Field(default=False, description="Use none, whatever the operator allows.")
    threshold: float = Field(default=0.0, ge=0, le=1, description="Least similarity; 0: the operator's.")


class StreamChatRequest(BaseModel):
    """A question and how to answer it."""

    content: str = Field(min_length=1, max_length=200_000, description="What the user says.")
    role: Literal["user", "system"] = "user"
    engine: str = Field(default="", max_length=100, description="Engine of this turn; empty: the current one.")
    model: str = Field(default="", max_length=200, description="`provider/model` of this turn.")
    personality_id: str = Field(default="", max_length=200)
    use_tools: bool = Field(default=True, description="Offer the device tools to the model.")
    on_disconnect: Literal["detach", "cancel"] = Field(
        default="detach", description="`detach`: the answer goes on and can be resumed; `cancel`: it ends."
    )
    on_busy: Literal["refuse", "wait"] = Field(
        default="refuse",
        description="While another question of the conversation is answered: 409 with its stream's id, or wait for it.",
    )
    cache: ResponseCache | None = None
    template_id: str = Field(default="", max_length=200)
    template_values: dict[str, str] = Field(default_factory=dict)
    client_id: str = Field(
        default="", max_length=200, description="The registered client that asks; its own socket leaves the answer out."
    )
