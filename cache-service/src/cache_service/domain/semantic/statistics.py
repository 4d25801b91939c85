"""Counts of the semantic cache since the start of the process, for each tenant and in all."""

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import Final

TENANTS: Final = 1_000


@dataclass(slots=True, kw_only=True)
class SemanticCounts:
    """Look-ups by outcome, near candidates that a guard refused, and what the rules keep out."""

    hits: int = 0
    misses: int = 0
    stores: int = 0
    evictions: int = 0
    unavailable: int = 0
    refusals: Counter[str] = field(default_factory=Counter[str])
    gated: Counter[str] = field(default_factory=Counter[str])


class SemanticStatistics:
    """Counts every event twice: in all, and for its tenant among the thousand asked last."""

    def __init__(self) -> None:
        self.total = SemanticCounts()
        self._tenants: OrderedDict[str, SemanticCounts] = OrderedDict()

    def of(self, tenant: str) -> SemanticCounts:
        """Return the counts of a tenant; none counts as zero."""
        return self._tenants.get(tenant, SemanticCounts())

    def both(self, tenant: str) -> tuple[SemanticCounts, SemanticCounts]:
        """Return what an event of a tenant is counted in."""
        counts = self._tenants.setdefault(tenant, SemanticCounts())
        self._tenants.move_to_end(tenant)
        if len(self._tenants) > TENANTS:
            self._tenants.popitem(last=False)
        return self.total, counts
