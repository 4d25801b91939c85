"""The shared cache, for operators."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from fastapi import Query, Response
from penstock.cache.v1 import cache_pb2 as pb
from penstock.common.v1.warmup_pb2 import WarmUpRequest, WarmUpResponse
from pydantic import Field

from gateway.auth.guard import Guard
from gateway.auth.scope import OPERATOR
from gateway.convert.scalar import milliseconds
from gateway.http.json import JsonResponse
from gateway.routes.router import add, api_router
from gateway.routes.strict import RequestModel
from penstock_kit.errors import FieldViolation, InvalidArgument, PenstockError

if TYPE_CHECKING:
    from penstock.cache.v1.cache_pb2_grpc import CacheServiceAsyncStub
    from penstock.common.v1.warmup_pb2_grpc import WarmupServiceAsyncStub

Prefix = Annotated[str, Query(max_length=512, description="Every key that begins so.")]
Tag = Annotated[str, Query(max_length=512, description="Every key with this tag.")]
Shared = Annotated[bool, Query(description="The partition of all tenants instead of your own.")]


class Warmup(RequestModel):
    """Which sources to fill the cache from."""

    sources: list[str] = Field(
        default_factory=list, description="Such as models, fields, personalities, templates. Empty: all."
    )


class CacheRoutes:
    """The routes below ``/api/v1/cache``."""

    def __init__(
        self, *, cache: "CacheServiceAsyncStub", owners: "Mapping[str, WarmupServiceAsyncStub]", guard: Guard
    ) -> None:
        self._cache = cache
        self._owners = owners
        self.router = api_router("cache", guard.needs(OPERATOR))
        add(self.router, "GET /api/v1/cache/stats", self.cache_stats)
        add(self.router, "DELETE /api/v1/cache", self.invalidate)
        add(self.router, "POST /api/v1/cache/warmup", self.warm_up)

    async def cache_stats(self) -> Response:
        """Return hit rates of the last ten minutes, sizes and the state of the backend; null without a read."""
        return JsonResponse(_stats(await self._cache.GetStats(pb.GetStatsRequest())))

    async def invalidate(self, prefix: Prefix = "", tag: Tag = "", shared: Shared = False) -> Response:
        """Delete by prefix, tag or both."""
        if not prefix and not tag:
            violation = FieldViolation(field="prefix", description="give a prefix, a tag or both")
            message = "nothing to delete: give ?prefix= or ?tag="
            raise InvalidArgument(message, reason="REQUEST_INVALID", violations=[violation])
        partition = pb.PARTITION_SHARED if shared else pb.PARTITION_TENANT
        response = await self._cache.Invalidate(pb.InvalidateRequest(prefix=prefix, tag=tag, partition=partition))
        return JsonResponse({"deleted": response.deleted})

    async def warm_up(self, body: Warmup | None = None) -> Response:
        """Have the services that own cached values read them anew, each from its sources.

        A service that does not answer and a source that failed are `failures` with the reason.
        """
        asked = (body or Warmup()).sources
        answers = await asyncio.gather(*(_warm(name, owner, asked) for name, owner in self._owners.items()))
        known = {source for answer in answers for source in answer.sources}
        failures = {name: reason for answer in answers for name, reason in answer.failures.items()}
        if all(answer.sources for answer in answers):
            unknown = f"there is no such source; there are {', '.join(sorted(known))}"
            failures |= {name: unknown for name in asked if name not in known}
        return JsonResponse({"loaded": sum(answer.loaded for answer in answers), "failures": failures})


async def _warm(name: str, owner: "WarmupServiceAsyncStub", sources: Sequence[str]) -> WarmUpResponse:
    try:
        return await owner.WarmUp(WarmUpRequest(sources=sources))
    except PenstockError as error:
        return WarmUpResponse(failures={name: error.message})


def _stats(stats: pb.GetStatsResponse) -> dict[str, object]:
    return {
        "backend": stats.backend,
        "hits": stats.hits,
        "misses": stats.misses,
        "hit_rate": stats.recent_hit_rate if stats.HasField("recent_hit_rate") else None,
        "hit_rates": dict(stats.recent_hit_rates),
        "sets": stats.sets,
        "deletes": stats.deletes,
        "evictions": stats.evictions,
        "expirations": stats.expirations,
        "errors": stats.errors,
        "entries": stats.entries,
        "bytes": stats.bytes,
        "max_entries": stats.max_entries,
        "max_bytes": stats.max_bytes,
        "breaker_state": stats.breaker_state,
        "uptime_ms": milliseconds(stats, "uptime"),
        "prefixes": {entry.prefix: {"hits": entry.hits, "misses": entry.misses} for entry in stats.prefixes},
    }
