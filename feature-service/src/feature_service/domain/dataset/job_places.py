"""How many data sets may be built or queued at once, in all and of one tenant."""

from collections import Counter
from typing import Final

from penstock_kit.errors import ResourceExhausted

MAX_JOBS: Final = 32
MAX_JOBS_OF_TENANT: Final = 8


class JobPlaces:
    """The places of jobs. One tenant takes a quarter of them at most, so that others are not refused because of it."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()

    @property
    def free(self) -> int:
        """How many places are left."""
        return max(0, MAX_JOBS - self._held.total())

    def take(self, tenant_id: str) -> None:
        """Take a place until it is given back; raise ResourceExhausted DATASET_JOBS_LIMIT_EXCEEDED without one."""
        if self._held[tenant_id] >= MAX_JOBS_OF_TENANT:
            raise _exceeded(f"{MAX_JOBS_OF_TENANT} of your data sets are")
        if not self.free:
            raise _exceeded(f"{MAX_JOBS} data sets are")
        self.hold(tenant_id)

    def hold(self, tenant_id: str) -> None:
        """Take a place whether one is free or not: for what was begun before."""
        self._held[tenant_id] += 1

    def give_back(self, tenant_id: str) -> None:
        """Give a place back."""
        self._held[tenant_id] -= 1
        if not self._held[tenant_id]:
            del self._held[tenant_id]


def _exceeded(what: str) -> ResourceExhausted:
    message = f"{what} being built or queued; try again later"
    return ResourceExhausted(message, reason="DATASET_JOBS_LIMIT_EXCEEDED", retry_after=30.0)
