"""Failed attempts as all gateways count them together, so that many gateways allow no more guesses than one."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from google.protobuf.duration_pb2 import Duration
from penstock.cache.v1 import cache_pb2 as pb

from gateway.auth.login_attempts import AttemptLimiter
from penstock_kit.cache.outage import Outage
from penstock_kit.clock import Clock
from penstock_kit.context import SYSTEM, CallContext, use_context
from penstock_kit.errors import PenstockError

if TYPE_CHECKING:
    from penstock.cache.v1.cache_pb2_grpc import CacheServiceAsyncStub

_TIMEOUT_SECONDS: Final = 0.25
_RETRY_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The failures of one `subject`: `kind` tells limiters apart, `limiter` refuses by what this gateway knows."""

    kind: str
    subject: str
    limiter: AttemptLimiter

    @property
    def key(self) -> str:
        """Under which cache-service counts it: names and addresses may be long, and are nobody's business there."""
        return f"gateway:attempts:{self.kind}:{hashlib.sha256(self.subject.encode()).hexdigest()[:32]}"


class ClusterAttempts:
    """Counts at cache-service, and tells the limiters of this gateway. While it is away each counts for itself."""

    def __init__(self, cache: "CacheServiceAsyncStub", clock: Clock) -> None:
        self._cache = cache
        self._outage = Outage(clock=clock, retry_seconds=_RETRY_SECONDS)

    async def learn(self, tallies: Sequence[Tally]) -> None:
        """Let the limiters know what was counted at other gateways."""
        await asyncio.gather(*(self._count(tally, 0) for tally in tallies))

    async def record_failure(self, tallies: Sequence[Tally]) -> None:
        """Count a failure that this gateway has counted for itself."""
        await asyncio.gather(*(self._count(tally, 1) for tally in tallies))

    async def record_success(self, tally: Tally) -> None:
        """Forget the failures of one subject."""
        if (counted := await self._increment(tally, 0)) > 0:
            await self._increment(tally, -counted)

    async def _count(self, tally: Tally, delta: int) -> None:
        tally.limiter.raise_to(tally.subject, await self._increment(tally, delta))

    async def _increment(self, tally: Tally, delta: int) -> int:
        """Return the count after adding `delta`; 0 while nobody knows."""
        if not self._outage.may_call():
            return 0
        ttl = Duration(seconds=int(tally.limiter.window)) if delta > 0 else None
        request = pb.IncrementRequest(key=tally.key, delta=delta, ttl=ttl, partition=pb.PARTITION_SHARED)
        try:
            with use_context(CallContext(request_id="attempts", caller=SYSTEM)):
                response = await self._cache.Increment(request, timeout=_TIMEOUT_SECONDS)
        except PenstockError as error:
            self._outage.record_failure(error)
            return 0
        self._outage.record_success()
        return response.value
