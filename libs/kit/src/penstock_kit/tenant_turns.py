"""Places that tenants share: each has its turn, and none takes them all."""

import asyncio
from collections import Counter, OrderedDict, deque


class TenantTurns:
    """Gives out `places`, at most `share` of them to one tenant at a time.

    Who waits gets a place in the order of arrival among those of the tenant, and of the tenants the one that has had
    none for the longest: one that asks a hundred times delays another's question by one turn, not by a hundred.
    """

    def __init__(self, places: int, *, share: int) -> None:
        self._free = places
        self._share = share
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._served: OrderedDict[str, None] = OrderedDict()
        """Tenants that hold or want places, the one that was given none for the longest first."""

    async def acquire(self, tenant_id: str) -> None:
        """Take a place, when it is the tenant's turn."""
        if self.take_at_once(tenant_id):
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant_id, deque()).append(place)
        try:
            await place
        except asyncio.CancelledError:
            self._leave(tenant_id, place)
            raise

    def take_at_once(self, tenant_id: str) -> bool:
        """Take a place if there is one for the tenant now; return whether there was."""
        if not self._free or self._held[tenant_id] >= self._share or tenant_id in self._waiting:
            return False
        self._take(tenant_id)
        return True

    def release(self, tenant_id: str) -> None:
        """Give a place back, and those that are free to the tenants whose turn it is."""
        self._free += 1
        self._held[tenant_id] -= 1
        if not self._held[tenant_id]:
            del self._held[tenant_id]
        while self._free and (next_one := self._next()) is not None:
            queue = self._waiting[next_one]
            place = queue.popleft()
            if not queue:
                del self._waiting[next_one]
            self._take(next_one)
            place.set_result(None)
        self._forget(tenant_id)

    def _next(self) -> str | None:
        for each in self._waiting:
            if each not in self._served:
                return each
        return next((each for each in self._served if each in self._waiting and self._held[each] < self._share), None)

    def _take(self, tenant_id: str) -> None:
        self._free -= 1
        self._held[tenant_id] += 1
        self._served[tenant_id] = None
        self._served.move_to_end(tenant_id)

    def _forget(self, tenant_id: str) -> None:
        """Remember nothing of a tenant that neither holds a place nor wants one."""
        if tenant_id not in self._held and tenant_id not in self._waiting:
            self._served.pop(tenant_id, None)

    def _leave(self, tenant_id: str, place: "asyncio.Future[None]") -> None:
        if place.done() and not place.cancelled():
            self.release(tenant_id)  # it was given at the same moment
            return
        queue = self._waiting[tenant_id]
        queue.remove(place)
        if not queue:
            del self._waiting[tenant_id]
        self._forget(tenant_id)
