"""The semantic cache, for administrators of a tenant: what it answered, its statistics, and purging."""

from typing import TYPE_CHECKING, Annotated

from fastapi import Query, Response
from penstock.cache.v1 import cache_pb2 as pb

from gateway.auth.guard import Guard
from gateway.auth.scope import ADMIN
from gateway.convert.protobuf import build_message
from gateway.http.json import JsonResponse
from gateway.routes.listing import listing
from gateway.routes.router import add, api_router

if TYPE_CHECKING:
    from penstock.cache.v1.cache_pb2_grpc import CacheServiceAsyncStub

Tenant = Annotated[str, Query(max_length=200, description="Another tenant than your own; for operators.")]


class SemanticCacheRoutes:
    """The routes below ``/api/v1/cache/semantic``."""

    def __init__(self, *, cache: "CacheServiceAsyncStub", guard: Guard) -> None:
        self._cache = cache
        self.router = api_router("cache", guard.needs(ADMIN))
        add(self.router, "GET /api/v1/cache/semantic/hits", self.semantic_hits)
        add(self.router, "GET /api/v1/cache/semantic/stats", self.semantic_stats)
        add(self.router, "DELETE /api/v1/cache/semantic", self.purge_semantic)

    async def semantic_hits(
        self,
        page_size: Annotated[int, Query(ge=1, le=200)] = 50,
        page_token: Annotated[str, Query(max_length=40)] = "",
        tenant_id: Tenant = "",
    ) -> Response:
        """List answers that were given to questions in other words, the newest first, to be looked over."""
        request = build_message(
            pb.ListSemanticHitsRequest, page_size=page_size, page_token=page_token, tenant_id=tenant_id
        )
        response = await self._cache.ListSemanticHits(request)
        hits = [_hit(hit) for hit in response.hits]
        return JsonResponse(listing("hits", hits, response.next_page_token))

    async def semantic_stats(
        self, all_tenants: Annotated[bool, Query(description="Of all tenants; for operators.")] = False
    ) -> Response:
        """Return hits, misses and refusals since the start of the replica that answers."""
        stats = await self._cache.GetSemanticStats(pb.GetSemanticStatsRequest(all_tenants=all_tenants))
        figures: dict[str, object] = {
            "store": stats.store,
            "hits": stats.hits,
            "misses": stats.misses,
            "stores": stats.stores,
            "evictions": stats.evictions,
            "refusals": dict(stats.refusals),
            "gated": dict(stats.gated),
        }
        if all_tenants:
            figures |= {"vectors": stats.vectors, "partitions": stats.partitions}
        return JsonResponse(figures)

    async def purge_semantic(
        self,
        id: Annotated[str, Query(max_length=200, description="One stored answer.")] = "",
        prefix: Annotated[str, Query(max_length=512, description="Answers to questions that begin so.")] = "",
        all: Annotated[bool, Query(description="Every answer of the tenant.")] = False,
        tenant_id: Tenant = "",
    ) -> Response:
        """Delete stored answers: exactly one of id, prefix and all."""
        request = pb.SemanticPurgeRequest(id=id, prefix=prefix, all=all, tenant_id=tenant_id)
        return JsonResponse({"deleted": (await self._cache.SemanticPurge(request)).deleted})


def _hit(hit: pb.SemanticHit) -> dict[str, object]:
    return {
        "id": hit.entry_id,
        "asked": hit.asked,
        "stored": hit.stored,
        "similarity": round(hit.similarity, 4),
        "model": hit.model,
        "create_time": hit.create_time.ToJsonString(),
    }
