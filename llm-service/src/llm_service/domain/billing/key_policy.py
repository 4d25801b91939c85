"""What one API key may use: models by pattern, requests and tokens per minute, the semantic cache."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, Protocol

MAX_PATTERNS: Final = 100
MAX_PATTERN: Final = 256
"""Characters of a pattern or a name: what takes a pattern apart takes the square of them, before every call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPolicy:
    """Limits of 0 are none; no pattern allows every model."""

    tenant_id: str
    key_id: str
    allowed_models: tuple[str, ...] = ()
    tokens_per_minute: int = 0
    requests_per_minute: int = 0
    semantic_cache: bool = False

    @property
    def limits(self) -> bool:
        """Whether the policy forbids anything."""
        return bool(self.allowed_models or self.tokens_per_minute or self.requests_per_minute)

    def allows(self, provider: str, model: str) -> bool:
        """Whether the key may use the model, by id ("openai/gpt-5"), bare name or pattern ("openai/*").

        A pattern beyond the bounds, as one that was stored before there were any, allows nothing, and no pattern
        allows a name that is longer.
        """
        names = [name for name in (f"{provider}/{model}", model) if len(name) <= MAX_PATTERN]
        patterns = [pattern for pattern in self.allowed_models[:MAX_PATTERNS] if len(pattern) <= MAX_PATTERN]
        return not self.allowed_models or any(fnmatchcase(name, pattern) for pattern in patterns for name in names)


class KeyPolicyStore(Protocol):
    """Where the policies of keys are kept."""

    async def put(self, policy: KeyPolicy) -> None:
        """Create or replace the policy of a key."""
        ...

    async def delete(self, tenant_id: str, key_ids: Sequence[str]) -> int:
        """Delete the policies of those keys and say how many there were."""
        ...

    async def all(self) -> Sequence[KeyPolicy]:
        """Return every policy."""
        ...
