"""How many streams each tenant has under way, so that one who asks little is served beside one who asks much."""

from collections import Counter


class TenantShares:
    """Counts streams by tenant."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()

    def add(self, tenant: str) -> None:
        """Count a stream of `tenant`."""
        self._held[tenant] += 1

    def remove(self, tenant: str) -> None:
        """Count a stream of `tenant` no longer."""
        self._held[tenant] -= 1
        if not self._held[tenant]:
            del self._held[tenant]

    def has_its_share(self, tenant: str) -> bool:
        """Return whether `tenant` has as many streams as each tenant would, if all had equally many."""
        held = self._held.get(tenant, 0)
        return held >= self._held.total() / (len(self._held) + (held == 0))
