"""Failed attempts as all gateways count them together, so that many gateways allow no more guesses than one."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from google.protobuf.duration_pb2 import Duration
from penstock.cache.v1 import cache_pb2 as pb

from gateway.auth.login_attempts import AttemptLimiter
from penstock_kit.cache.outage import Outage
from penstock_kit.clock import Clock
from penstock_kit.context import SYSTEM, CallContext, use_context
from penstock_kit.errors import PenstockError, ResourceExhausted

if TYPE_CHECKING:
    from penstock.cache.v1.cache_pb2_grpc import CacheServiceAsyncStub

_TIMEOUT_SECONDS: Final = 0.25
_RETRY_SECONDS: Final = 1.0
# Seconds between two looks whether an attempt under way elsewhere has ended, and how many looks.
_PAUSE_SECONDS: Final = 0.05
_MOST_LOOKS: Final = 40


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

    @property
    def under_way_key(self) -> str:
        """Under which cache-service counts the attempts of which nobody knows yet whether they fail."""
        return f"{self.key}:under-way"


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

    @asynccontextmanager
    async def attempt(self, tallies: Sequence[Tally]) -> AsyncGenerator[None]:
        """Count an attempt under way until the block ends, so that those which come at one moment are no more than
        may fail, at however many gateways.

        Where the failures alone are too many the limiters are told, and refuse. Where it is the attempts under way,
        they are waited for: most of them are right. Raises ResourceExhausted (ATTEMPTS_LIMIT_EXCEEDED) after two
        seconds of that.
        """
        for _ in range(_MOST_LOOKS):
            if await self._admit(tallies):
                break
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            message = "too many attempts at once; wait 1 s"
            raise ResourceExhausted(message, reason="ATTEMPTS_LIMIT_EXCEEDED", retry_after=1.0)
        try:
            yield
        finally:
            await asyncio.shield(self._end(tallies))

    async def _admit(self, tallies: Sequence[Tally]) -> bool:
        """Count an attempt under way; return False, and count it no more, when it must wait for others."""
        under_way = await asyncio.gather(*(self._increment(tally, 1, tally.under_way_key) for tally in tallies))
        # Behind the attempts: one that ends as a failure meanwhile is in one of the two counts at least.
        failures = await asyncio.gather(*(self._increment(tally, 0) for tally in tallies))
        for tally, failed in zip(tallies, failures, strict=True):
            tally.limiter.raise_to(tally.subject, failed)
        counted = zip(tallies, under_way, failures, strict=True)
        if all(failed >= tally.limiter.limit or failed + now <= tally.limiter.limit for tally, now, failed in counted):
            return True
        await self._end(tallies)
        return False

    async def _end(self, tallies: Sequence[Tally]) -> None:
        """Count an attempt under way no longer."""
        await asyncio.gather(*(self._count_down(tally) for tally in tallies))

    async def _count_down(self, tally: Tally) -> None:
        left = await self._increment(tally, -1, tally.under_way_key)
        if left < 0:  # its count ended before it did
            await self._increment(tally, -left, tally.under_way_key)

    async def record_success(self, tally: Tally) -> None:
        """Forget the failures of one subject."""
        if (counted := await self._increment(tally, 0)) > 0:
            await self._increment(tally, -counted)

    async def _count(self, tally: Tally, delta: int) -> None:
        tally.limiter.raise_to(tally.subject, await self._increment(tally, delta))

    async def _increment(self, tally: Tally, delta: int, key: str = "") -> int:
        """Return the count after adding `delta`; 0 while nobody knows."""
        if not self._outage.may_call():
            return 0
        ttl = Duration(seconds=int(tally.limiter.window)) if delta else None
        request = pb.IncrementRequest(key=key or tally.key, delta=delta, ttl=ttl, partition=pb.PARTITION_SHARED)
        try:
            with use_context(CallContext(request_id="attempts", caller=SYSTEM)):
                response = await self._cache.Increment(request, timeout=_TIMEOUT_SECONDS)
        except PenstockError as error:
            self._outage.record_failure(error)
            return 0
        self._outage.record_success()
        return response.value


@asynccontextmanager
async def attempt(
    cluster: ClusterAttempts | None,
    tallies: Sequence[Tally],
    *,
    check: Callable[[], object],
    binding: Sequence[Tally] | None = None,
) -> AsyncGenerator[Callable[[], Awaitable[None]]]:
    """Have one attempt at a password within the block, which is given what notes that it failed.

    `check` raises when there were too many before. `binding` are those of `tallies` that may refuse it, all by default.
    """

    async def fail() -> None:
        for tally in tallies:
            tally.limiter.record_failure(tally.subject)
        if cluster is not None:
            await cluster.record_failure(tallies)

    counted = nullcontext() if cluster is None else cluster.attempt(tallies if binding is None else binding)
    async with counted:
        check()
        yield fail
