"""Warm-up: the owners of cached values read them through the cache, at their start and when an operator asks."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from penstock.common.v1 import warmup_pb2, warmup_pb2_grpc

from penstock_kit.cache.client import CacheClient
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.errors import PenstockError
from penstock_kit.ids import new_id
from penstock_kit.logging import get_logger
from penstock_kit.role import require_operator

# How long a start waits for the cache; all services of an installation start at once.
_WAIT_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.25

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmupReport:
    """How many values were read, and the sources that failed with the reason."""

    loaded: int
    failures: Mapping[str, str]


class Warmup:
    """What a service can fill the cache from: by name, a function that reads the values and returns their number."""

    def __init__(self, sources: Mapping[str, Callable[[], Awaitable[int]]]) -> None:
        self._sources = sources

    @property
    def sources(self) -> Collection[str]:
        """The names of the sources."""
        return self._sources.keys()

    async def run(self, names: Collection[str] = ()) -> WarmupReport:
        """Fill the cache from the sources named, from all without; those of other owners are left out."""
        loaded, failures = 0, dict[str, str]()
        for name, load in self._sources.items():
            if names and name not in names:
                continue
            try:
                loaded += await load()
            except PenstockError as error:
                failures[name] = error.message
        return WarmupReport(loaded=loaded, failures=failures)

    @asynccontextmanager
    async def start(self, cache: CacheClient) -> AsyncGenerator[None]:
        """Fill the cache beside the block as soon as it answers; without one for half a minute do nothing."""
        task = asyncio.create_task(self._run_at_start(cache))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run_at_start(self, cache: CacheClient) -> None:
        end = asyncio.get_running_loop().time() + _WAIT_SECONDS
        while asyncio.get_running_loop().time() < end:
            await cache.get("warmup")
            if not cache.is_away:
                report = await self.run()
                log.info("the cache is warm", values=report.loaded, failures=dict(report.failures))
                return
            await asyncio.sleep(_LOOK_SECONDS)


@contextmanager
def as_tenant(service: str, tenant_id: str) -> Generator[None]:
    """Let calls inside the block be `service`'s own on behalf of a tenant, whose partition they use."""
    with use_context(CallContext(request_id=new_id("req"), caller=Caller(user_id=service, tenant_id=tenant_id))):
        yield


class WarmupServicer(warmup_pb2_grpc.WarmupServiceServicer):
    """penstock.common.v1.WarmupService over a Warmup."""

    def __init__(self, warmup: Warmup) -> None:
        self._warmup = warmup

    async def WarmUp(self, request: warmup_pb2.WarmUpRequest, context: Any) -> warmup_pb2.WarmUpResponse:  # noqa: N802
        """Fill the cache from the sources named."""
        require_operator("warm the cache up")
        report = await self._warmup.run(request.sources)
        return warmup_pb2.WarmUpResponse(loaded=report.loaded, failures=report.failures, sources=self._warmup.sources)
