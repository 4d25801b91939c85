"""The hits of late, for a person to look over."""

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

HITS_A_TENANT: Final = 1_000
TENANTS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SemanticHit:
    """An answer that was given: to which question, although it was an answer to which other."""

    number: int
    asked: str
    stored: str
    similarity: float
    entry_id: str
    partition: str
    model: str
    create_time: datetime


class HitLog:
    """The last thousand hits of each tenant that did not ask in the very words of the stored question."""

    def __init__(self) -> None:
        self._hits: OrderedDict[str, deque[SemanticHit]] = OrderedDict()
        self._next = 1

    def add(
        self,
        tenant: str,
        *,
        asked: str,
        stored: str,
        similarity: float,
        entry_id: str,
        partition: str,
        model: str,
        at: datetime,
    ) -> None:
        """Note a hit."""
        hit = SemanticHit(
            number=self._next, asked=asked, stored=stored, similarity=similarity, entry_id=entry_id,
            partition=partition, model=model, create_time=at,
        )  # fmt: skip
        self._next += 1
        self._hits.setdefault(tenant, deque(maxlen=HITS_A_TENANT)).append(hit)
        self._hits.move_to_end(tenant)
        if len(self._hits) > TENANTS:
            self._hits.popitem(last=False)

    def page(self, tenant: str, size: int, before: int = 0) -> Sequence[SemanticHit]:
        """Return at most `size` hits of a tenant, the newest first; with `before` those older than that number."""
        hits = (hit for hit in reversed(self._hits.get(tenant, ())) if not before or hit.number < before)
        return [hit for _, hit in zip(range(size), hits, strict=False)]

    def of_entry(self, tenant: str, entry_id: str) -> Sequence[SemanticHit]:
        """Return the hits that gave one stored answer."""
        return [hit for hit in self._hits.get(tenant, ()) if hit.entry_id == entry_id]

    def forget(self, tenant: str, entry_ids: frozenset[str] | None) -> None:
        """Forget the hits of entries, of all of the tenant's for None: what is purged is nowhere any more."""
        if entry_ids is None:
            self._hits.pop(tenant, None)
        elif tenant in self._hits:
            kept = (hit for hit in self._hits[tenant] if hit.entry_id not in entry_ids)
            self._hits[tenant] = deque(kept, maxlen=HITS_A_TENANT)
