"""Which tickets were used before: at this gateway, and at all of them."""

from typing import TYPE_CHECKING, Final, Protocol

from google.protobuf.duration_pb2 import Duration
from penstock.cache.v1 import cache_pb2 as pb

from penstock_kit.cache.outage import Outage
from penstock_kit.clock import Clock
from penstock_kit.errors import PenstockError

if TYPE_CHECKING:
    from penstock.cache.v1.cache_pb2_grpc import CacheServiceAsyncStub

_TIMEOUT_SECONDS: Final = 0.25
_RETRY_SECONDS: Final = 1.0
_MOST: Final = 100_000


class UsedTickets(Protocol):
    """Remembers which tickets were used."""

    async def mark_used(self, ticket_id: str, seconds: float) -> bool:
        """Mark a ticket used, for `seconds` at least; return False when it already was."""
        ...


class LocalUsedTickets:
    """The tickets used at this gateway; the newest 100,000."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends: dict[str, float] = {}

    async def mark_used(self, ticket_id: str, seconds: float) -> bool:
        """See :class:`UsedTickets`."""
        now = self._clock.monotonic()
        self._drop_old(now)
        if ticket_id in self._ends:
            return False
        self._ends[ticket_id] = now + seconds
        return True

    def _drop_old(self, now: float) -> None:
        """Tickets of one life are kept in the order of their ends, so the old ones are in front."""
        while self._ends:
            oldest = next(iter(self._ends))
            if self._ends[oldest] > now and len(self._ends) < _MOST:
                return
            del self._ends[oldest]


class ClusterUsedTickets:
    """The tickets used at any gateway, as cache-service knows them.

    While the service doesn't answer within `timeout` seconds, a ticket works once at each gateway.
    """

    def __init__(self, cache: "CacheServiceAsyncStub", clock: Clock, *, timeout: float = _TIMEOUT_SECONDS) -> None:
        self._cache = cache
        self._timeout = timeout
        self._local = LocalUsedTickets(clock)
        self._outage = Outage(clock=clock, retry_seconds=_RETRY_SECONDS)

    async def mark_used(self, ticket_id: str, seconds: float) -> bool:
        """See :class:`UsedTickets`."""
        return await self._local.mark_used(ticket_id, seconds) and await self._mark_everywhere(ticket_id, seconds)

    async def _mark_everywhere(self, ticket_id: str, seconds: float) -> bool:
        if not self._outage.may_call():
            return True
        entry = pb.Entry(key=f"gateway:claim:{ticket_id}", value=b"1", ttl=Duration(seconds=int(seconds) + 1))
        request = pb.SetRequest(entry=entry, partition=pb.PARTITION_SHARED, only_if_absent=True)
        try:
            response = await self._cache.Set(request, timeout=self._timeout)
        except PenstockError as error:
            self._outage.record_failure(error)
            return True
        self._outage.record_success()
        return response.written
