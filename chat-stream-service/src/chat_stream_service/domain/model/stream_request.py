"""What is asked of the stream service."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.language_model import NO_CACHE_WISH, ResponseCache
from chat_stream_service.domain.model.message import Role
from penstock_kit.errors import FieldViolation, InvalidArgument

_MAX_CONTENT: Final = 200_000
_MAX_NAME: Final = 200


class OnDisconnect(StrEnum):
    """What becomes of an answer whose last reader leaves."""

    DETACH = "detach"
    CANCEL = "cancel"


class OnBusy(StrEnum):
    """What becomes of a question while another one of its conversation is being answered."""

    REFUSE = "refuse"
    WAIT = "wait"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRequest:
    """One question in a conversation. The same non-empty `request_id` gets the same stream."""

    owner: Owner
    conversation_id: str
    content: str
    pictures: tuple[bytes, ...] = ()
    role: Role = Role.USER
    engine: str = ""
    model: str = ""
    personality_id: str = ""
    use_tools: bool = True
    on_disconnect: OnDisconnect = OnDisconnect.DETACH
    debug: bool = False
    request_id: str = ""
    client_id: str = ""
    template_id: str = ""
    template_values: Mapping[str, str] = field(default_factory=dict[str, str])
    on_busy: OnBusy = OnBusy.REFUSE
    cache: ResponseCache = NO_CACHE_WISH

    def check_content(self, content: str) -> None:
        """Raise InvalidArgument naming the field when `content` (the request's, or its filled template) can't be
        answered."""
        if not content.strip() and not self.pictures:
            raise _invalid("content", "is empty; say what to answer")
        if self.pictures and self.role is not Role.USER:
            raise _invalid("pictures", f"come with the role {self.role.value!r}; only a user shows pictures")
        if len(content) > _MAX_CONTENT:
            raise _invalid("content", f"has {len(content):,} characters; at most {_MAX_CONTENT:,} are read")
        if len(self.model) > _MAX_NAME or len(self.request_id) > _MAX_NAME:
            raise _invalid("model and request_id", f"have at most {_MAX_NAME} characters each")
        if not 0 <= self.cache.threshold <= 1:
            threshold = self.cache.threshold
            raise _invalid("cache.threshold", f"is {threshold:g}; it lies between 0 and 1, and 0 is the operator's")
        if self.role not in (Role.USER, Role.SYSTEM):
            raise _invalid("role", f"is {self.role.value!r}; user and system may speak")


def role_named(name: str) -> Role:
    """Return the role of a question; empty means the user."""
    try:
        return Role(name or "user")
    except ValueError:
        raise _invalid("role", f"is {name!r}; user and system may speak") from None


def on_disconnect_named(name: str) -> OnDisconnect:
    """Return the policy of that name; empty means detach."""
    try:
        return OnDisconnect(name or "detach")
    except ValueError:
        raise _invalid("on_disconnect", f"is {name!r}; detach and cancel are known") from None


def on_busy_named(name: str) -> OnBusy:
    """Return the policy of that name; empty means refuse."""
    try:
        return OnBusy(name or "refuse")
    except ValueError:
        raise _invalid("on_busy", f"is {name!r}; refuse and wait are known") from None


def _invalid(field: str, description: str) -> InvalidArgument:
    return InvalidArgument(
        f"{field} {description}",
        reason="STREAM_REQUEST_INVALID",
        violations=[FieldViolation(field=field, description=description)],
    )
