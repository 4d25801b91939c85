"""The port behind which the answers of the semantic cache are stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cache_service.domain.semantic.entry import SemanticEntry


class SemanticStoreAway(Exception):  # noqa: N818 - a state of the world, caught close by
    """The store does not answer now: a look-up is a miss, and nothing is stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SemanticLimits:
    """How much is held: of a partition and a tenant; in memory also bytes of a tenant's answers."""

    partition_entries: int = 20_000
    tenant_entries: int = 50_000
    tenant_partitions: int = 1_000
    tenant_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVector:
    """An entry's id, vector and place in the order of storing."""

    id: str
    sequence: int
    vector: bytes


class SemanticStore(Protocol):
    """Stores entries for their life. Every method may raise SemanticStoreAway."""

    @property
    def name(self) -> str:
        """``memory``, ``sqlite`` or ``redis``."""
        ...

    async def put(self, entry: SemanticEntry, ttl: float) -> int:
        """Store `entry` for `ttl` seconds in place of any with its id; return how many others had to go for it."""
        ...

    async def list_after(self, tenant: str, partition: str, after: int, limit: int) -> Sequence[StoredVector]:
        """Return at most `limit` entries of a partition that were stored after sequence `after`, in order.

        Entries may come again when the order of storing was not certain.
        """
        ...

    async def read(self, ids: Sequence[str]) -> Sequence[SemanticEntry | None]:
        """Return the live entries in the order of `ids`, None for those that are gone."""
        ...

    async def delete(self, tenant: str, ids: Sequence[str]) -> int:
        """Delete entries of the tenant and return how many there were."""
        ...

    async def delete_questions(self, tenant: str, prefix: str) -> int:
        """Delete entries of the tenant whose question begins so, whatever its case; an empty prefix deletes all."""
        ...

    async def close(self) -> None:
        """Give back what it holds open."""
        ...
