"""Personalities and prompt templates: how the assistant speaks, and questions with places to fill."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeVar

from chat_stream_service.domain.model.conversation import Owner, Page
from chat_stream_service.domain.model.engine import PersonaSettings
from penstock_kit.errors import FieldViolation, InvalidArgument

_PLACE: Final = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_MAX_NAME: Final = 200
_MAX_DESCRIPTION: Final = 2_000
_MAX_TEXT: Final = 100_000
_MAX_FILLED: Final = 200_000
_MAX_TEMPERATURE: Final = 2.0
_MAX_TOOLS: Final = 1_000
_MAX_TOOL_NAME: Final = 200
MAX_PERSONALITIES: Final = 1_000
"""Personalities of a tenant: each may be 100 kB, and all lie in the database that every tenant's chats are in."""
MAX_TEMPLATES: Final = 1_000
"""Prompt templates of a tenant, likewise."""
DEFAULT_PAGE: Final = 50
"""Items of a list that is asked for without a size."""
# The place of what the user wrote himself.
_CONTENT: Final = "content"


@dataclass(frozen=True, slots=True, kw_only=True)
class Personality:
    """A system prompt with its temperature and the tools it may use (empty: all)."""

    id: str
    name: str
    prompt: str
    create_time: datetime
    update_time: datetime
    description: str = ""
    temperature: float | None = None
    tools: tuple[str, ...] = ()

    def check(self) -> "Personality":
        """Return it; InvalidArgument naming the field that is wrong."""
        _check_texts(name=self.name, text=self.prompt, field="prompt", description=self.description)
        if self.temperature is not None and not 0 <= self.temperature <= _MAX_TEMPERATURE:
            raise _invalid("temperature", f"is {self.temperature:g}; it lies between 0 and 2")
        if len(self.tools) > _MAX_TOOLS:
            raise _invalid("tools", f"names {len(self.tools):,} tools; at most {_MAX_TOOLS:,} are kept")
        longest = max(map(len, self.tools), default=0)
        if longest > _MAX_TOOL_NAME:
            raise _invalid("tools", f"has a name of {longest:,} characters; at most {_MAX_TOOL_NAME} are kept")
        return self

    @property
    def settings(self) -> PersonaSettings:
        """How an engine speaks with it."""
        return PersonaSettings(prompt=self.prompt, temperature=self.temperature, tools=self.tools)


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A question with places such as ``{{device}}``."""

    id: str
    name: str
    content: str
    create_time: datetime
    update_time: datetime
    description: str = ""

    def check(self) -> "Template":
        """Return it; InvalidArgument naming the field that is wrong."""
        _check_texts(name=self.name, text=self.content, field="content", description=self.description)
        return self

    def filled(self, content: str, values: Mapping[str, str]) -> str:
        """Return the question with its places filled, ``{{content}}`` with `content` unless `values` has it.

        InvalidArgument (TEMPLATE_VALUES_INVALID) names the places without a value, the values without a place, and a
        question that would be too long.
        """
        places = _PLACE.findall(self.content)
        known = {_CONTENT: content, **values}
        self._check_values(set(places), set(values), set(known))
        length = len(self.content) + sum(len(known[place]) for place in places)
        if length > _MAX_FILLED:
            raise _wrong_values(f"make a question of some {length:,} characters; at most {_MAX_FILLED:,} are taken")
        return _PLACE.sub(lambda place: known[place[1]], self.content)

    def _check_values(self, places: set[str], given: set[str], known: set[str]) -> None:
        missing, needless = sorted(places - known), sorted(given - places)
        if missing:
            raise _wrong_values(f"lacks {', '.join(missing)}, which the template {self.name!r} needs")
        if needless:
            needed = ", ".join(sorted(places - {_CONTENT})) or "none"
            raise _wrong_values(f"has {', '.join(needless)}; the places of the template {self.name!r} are {needed}")


Item = TypeVar("Item", Personality, Template)


class TenantStore(Protocol[Item]):
    """Items of a tenant, shared by its users."""

    async def create(self, owner: Owner, item: Item) -> None:
        """Store a new one; ResourceExhausted (PERSONALITIES_LIMIT_EXCEEDED, TEMPLATES_LIMIT_EXCEEDED) when the tenant
        has as many as it may."""
        ...

    async def get(self, owner: Owner, item_id: str) -> Item:
        """Return one; NotFound (PERSONALITY_NOT_FOUND, TEMPLATE_NOT_FOUND) otherwise."""
        ...

    async def get_stored(self, owner: Owner, item_id: str) -> Item:
        """Return one as it is stored now, past every cache: for who changes it. NotFound as `get`."""
        ...

    async def list_page(self, owner: Owner, *, size: int, token: str) -> Page[Item]:
        """Return them, oldest first."""
        ...

    async def replace(self, owner: Owner, item: Item) -> None:
        """Store a changed one; NotFound when there is none of its id."""
        ...

    async def delete(self, owner: Owner, item_id: str) -> None:
        """Delete one; NotFound when there is none."""
        ...

    async def tenants(self) -> Sequence[str]:
        """Return the tenants that have any."""
        ...


PersonalityStore = TenantStore[Personality]
TemplateStore = TenantStore[Template]


def _check_texts(*, name: str, text: str, field: str, description: str) -> None:
    if not name.strip() or len(name) > _MAX_NAME:
        raise _invalid("name", f"is {name[:40]!r}; it must have 1 to {_MAX_NAME} characters")
    if not text.strip() or len(text) > _MAX_TEXT:
        raise _invalid(field, f"has {len(text):,} characters; it must have 1 to {_MAX_TEXT:,}")
    if len(description) > _MAX_DESCRIPTION:
        raise _invalid("description", f"has {len(description):,} characters; at most {_MAX_DESCRIPTION:,} are kept")


def _wrong_values(description: str) -> InvalidArgument:
    return InvalidArgument(
        f"template_values {description}",
        reason="TEMPLATE_VALUES_INVALID",
        violations=[FieldViolation(field="template_values", description=description)],
    )


def _invalid(field: str, description: str) -> InvalidArgument:
    return InvalidArgument(
        f"{field} {description}",
        reason="PERSONALITY_INVALID",
        violations=[FieldViolation(field=field, description=description)],
    )
