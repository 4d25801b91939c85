"""What one API key may use: models by pattern, requests and tokens per minute, the semantic cache."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol


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
        """Whether the key may use the model, by id ("openai/gpt-5"), bare name or pattern ("openai/*")."""
        names = (f"{provider}/{model}", model)
        return not self.allowed_models or any(
            fnmatchcase(name, pattern) for pattern in self.allowed_models for name in names
        )


class KeyPolicyStore(Protocol):
    """Where the policies of keys are kept."""

    async def put(self, policy: KeyPolicy) -> None:
        """Create or replace the policy of a key."""
        ...

    async def delete(self, tenant_id: str, key_id: str) -> bool:
        """Delete the policy of a key and say whether there was one."""
        ...

    async def all(self) -> Sequence[KeyPolicy]:
        """Return every policy."""
        ...
