"""Who was first to use something that may be used once: in this process, and over all gateways."""

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


class Claims(Protocol):
    """Gives every name away once."""

    async def claim(self, name: str, seconds: float) -> bool:
        """Return whether the caller is the first to claim `name`; it stays claimed for `seconds` at least."""
        ...


class LocalClaims:
    """What was claimed in this process; the newest 100,000."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._claimed: dict[str, float] = {}

    async def claim(self, name: str, seconds: float) -> bool:
        """See :class:`Claims`."""
        now = self._clock.monotonic()
        self._drop_old(now)
        if name in self._claimed:
            return False
        self._claimed[name] = now + seconds
        return True

    def _drop_old(self, now: float) -> None:
        """Claims of one life are kept in the order of their ends, so the old ones are in front."""
        while self._claimed:
            oldest = next(iter(self._claimed))
            if self._claimed[oldest] > now and len(self._claimed) < _MOST:
                return
            del self._claimed[oldest]


class CacheClaims:
    """What was claimed at any gateway, as cache-service knows it.

    While the service doesn't answer, a name is claimed once in this process: at most once for each gateway.
    """

    def __init__(self, cache: "CacheServiceAsyncStub", clock: Clock) -> None:
        self._cache = cache
        self._local = LocalClaims(clock)
        self._outage = Outage(clock=clock, retry_seconds=_RETRY_SECONDS)

    async def claim(self, name: str, seconds: float) -> bool:
        """See :class:`Claims`."""
        return await self._local.claim(name, seconds) and await self._claim_everywhere(name, seconds)

    async def _claim_everywhere(self, name: str, seconds: float) -> bool:
        if not self._outage.may_call():
            return True
        entry = pb.Entry(key=f"gateway:claim:{name}", value=b"1", ttl=Duration(seconds=int(seconds) + 1))
        request = pb.SetRequest(entry=entry, partition=pb.PARTITION_SHARED, only_if_absent=True)
        try:
            response = await self._cache.Set(request, timeout=_TIMEOUT_SECONDS)
        except PenstockError as error:
            self._outage.record_failure(error)
            return True
        self._outage.record_success()
        return response.written
