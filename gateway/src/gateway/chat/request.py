"""The request that starts a turn, over HTTP and over WebSockets."""

import base64
import binascii
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator

_MOST_PICTURES: Final = 4
# Of a picture of 3 MiB as base64.
_LONGEST_PICTURE: Final = 4 * 1024 * 1024


class ResponseCache(BaseModel):
    """How the response caches may be used for a question."""

    exact: bool = Field(default=False, description="Allow the exact cache: the same prompt, the same answer.")
    semantic: bool = Field(default=False, description="Allow the semantic cache: a prompt that means the same.")
    bypass: bool = Field(default=False, description="Use none, whatever the operator allows.")
    threshold: float = Field(default=0.0, ge=0, le=1, description="Least similarity; 0: the operator's.")


def _from_base64(value: Any) -> bytes:
    if not isinstance(value, str):
        raise ValueError("is no text; send the picture's bytes as base64")
    if value.startswith("data:"):
        raise ValueError("is a data URL; send what stands behind its comma")
    if len(value) > _LONGEST_PICTURE:
        raise ValueError("is more than 3 MiB large; scale the picture down")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64 (A-Z, a-z, 0-9, +, /, = at its end)") from None


PictureBytes = Annotated[
    bytes,
    BeforeValidator(_from_base64),
    WithJsonSchema({"type": "string", "contentEncoding": "base64", "maxLength": _LONGEST_PICTURE}),
]


class AttachedPicture(BaseModel):
    """A picture of a question."""

    data: PictureBytes = Field(
        repr=False,
        description="The file as base64: PNG, JPEG, GIF or WebP, at most 3 MiB and 8,000 pixels a side.",
    )


class StreamChatRequest(BaseModel):
    """A question and how to answer it. It has words, pictures, or both."""

    pictures: list[AttachedPicture] = Field(
        default_factory=list[AttachedPicture],
        max_length=_MOST_PICTURES,
        description="Pictures to look at. A model that takes none says so in the `notices` of its answer.",
    )
    content: str = Field(
        default="",
        validate_default=True,
        max_length=200_000,
        description="What the user says; needed without pictures.",
    )
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

    @field_validator("content")
    @classmethod
    def _says_something(cls, content: str, info: ValidationInfo) -> str:
        if not content and not info.data.get("pictures", True):
            raise ValueError("Field required: say what to answer, or attach pictures")
        return content
