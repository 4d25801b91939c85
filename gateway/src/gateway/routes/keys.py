"""API keys: make, list, rotate, delete, and what each may use."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Response
from penstock.llm.v1 import cost_pb2 as pb
from pydantic import Field

from gateway.auth.api_keys import ApiKeyService, IssuedKey, NewKeyRequest
from gateway.auth.cost_limits import CostLimits
from gateway.auth.delegation import Delegation
from gateway.auth.guard import Guard
from gateway.auth.identity import ApiKey
from gateway.auth.scope import ADMIN
from gateway.convert.cost import DECIMAL, money_to_proto
from gateway.convert.protobuf import build_message
from gateway.convert.scalar import Moment
from gateway.http.json import JsonResponse
from gateway.http.names import PlainName
from gateway.routes.router import add, api_router
from gateway.routes.strict import RequestModel
from penstock_kit.context import current_context
from penstock_kit.role import require_scope

if TYPE_CHECKING:
    from penstock.llm.v1.cost_pb2_grpc import CostServiceAsyncStub


class KeyPolicy(RequestModel):
    """What a key may use of the models. Zero and empty mean no limit."""

    allowed_models: list[Annotated[str, Field(max_length=256)]] = Field(
        default_factory=list, max_length=100, description="Models by id or pattern such as `openai/*`."
    )
    tokens_per_minute: int = Field(default=0, ge=0)
    requests_per_minute: int = Field(default=0, ge=0)
    semantic_cache: bool = Field(default=False, description="The key may use the semantic cache.")


class KeyBudget(RequestModel):
    """How much a key may spend."""

    limit: str = Field(pattern=DECIMAL, description='US dollars as a decimal string, such as "25.00".')
    period: Literal["day", "month", "total"] = "month"


class KeyCreate(RequestModel):
    """A new API key."""

    name: PlainName = Field(min_length=1, max_length=128)
    scopes: list[str] = Field(default_factory=list, description="Empty: everything you may do yourself.")
    expire_time: Moment | None = Field(default=None, description="ISO 8601; without a zone it is UTC.")
    user_id: str = Field(default="", max_length=64, description="Whose key it is; administrators only.")
    policy: KeyPolicy | None = None
    budget: KeyBudget | None = Field(default=None, description="Administrators only.")


class KeyRotate(RequestModel):
    """How to rotate."""

    grace_seconds: int = Field(
        default=86_400, ge=0, le=30 * 86_400, description="How long the old secret still counts."
    )


class KeyRoutes:
    """The routes below ``/api/v1/keys``. A key's text is in the answer that makes it, and nowhere else."""

    def __init__(
        self,
        *,
        api_keys: ApiKeyService,
        delegation: Delegation,
        costs: "CostServiceAsyncStub",
        limits: CostLimits,
        guard: Guard,
    ) -> None:
        self._limits = limits
        self._api_keys = api_keys
        self._delegation = delegation
        self._costs = costs
        self.router = api_router("keys", guard.needs())
        add(self.router, "POST /api/v1/keys", self.create_key, status_code=201)
        add(self.router, "GET /api/v1/keys", self.list_keys)
        add(self.router, "GET /api/v1/keys/{key_id}", self.get_key)
        add(self.router, "POST /api/v1/keys/{key_id}/rotate", self.rotate_key)
        add(self.router, "GET /api/v1/keys/{key_id}/policy", self.get_policy)
        add(self.router, "PUT /api/v1/keys/{key_id}/policy", self.put_policy)
        add(self.router, "DELETE /api/v1/keys/{key_id}", self.delete_key, status_code=204)

    async def create_key(self, body: KeyCreate) -> Response:
        """Make a key. `key` in the answer is shown this once."""
        caller = current_context().caller
        request = NewKeyRequest(
            name=body.name,
            scopes=frozenset(body.scopes),
            expire_time=body.expire_time,
            user_id=body.user_id,
        )
        limited: list[str] = []

        async def limit(key_id: str) -> None:
            limited.append(key_id)
            await self._limit(key_id, body)

        try:
            shown = await self._api_keys.create(caller, request, limit=limit)
        except BaseException:  # limits without their key must not stay, also when the caller left
            for key_id in limited if body.policy or body.budget else ():
                await asyncio.shield(self._limits.forget_key(key_id))
            raise
        return JsonResponse(_shown(shown), 201)

    async def list_keys(self) -> Response:
        """List your keys, or the tenant's for an administrator; never their texts, and none with a scope you lack."""
        keys = await self._api_keys.list_keys(current_context().caller)
        return JsonResponse({"keys": [_key(key) for key in keys]})

    async def get_key(self, key_id: str) -> Response:
        """Read one key."""
        return JsonResponse(_key(await self._api_keys.get(current_context().caller, key_id)))

    async def rotate_key(self, key_id: str, body: KeyRotate | None = None) -> Response:
        """Give a key a new secret; the old one still counts for `grace_seconds`."""
        grace = timedelta(seconds=(body or KeyRotate()).grace_seconds)
        return JsonResponse(_shown(await self._api_keys.rotate(current_context().caller, key_id, grace=grace)))

    async def get_policy(self, key_id: str) -> Response:
        """Read what a key may use."""
        await self._api_keys.get(current_context().caller, key_id)
        response = await self._costs.GetKeyPolicy(pb.GetKeyPolicyRequest(key_id=key_id))
        return JsonResponse(_policy(response.policy))

    async def put_policy(self, key_id: str, body: KeyPolicy) -> Response:
        """Set what a key may use; for administrators."""
        caller = current_context().caller
        require_scope(caller, ADMIN)
        await self._api_keys.get(caller, key_id)
        await self._delegation.require_unlimited_key(caller)
        return JsonResponse(_policy(await self._put(key_id, body)))

    async def delete_key(self, key_id: str) -> Response:
        """Delete a key."""
        await self._api_keys.delete(current_context().caller, key_id)
        await self._limits.forget_key(key_id)
        return Response(status_code=204)

    async def _limit(self, key_id: str, request: KeyCreate) -> None:
        if request.policy is not None:
            await self._put(key_id, request.policy)
        if request.budget is not None:
            limit = money_to_proto(request.budget.limit)
            budget = pb.Budget(scope="key", subject=key_id, period=request.budget.period, limit=limit)
            await self._costs.PutBudget(pb.PutBudgetRequest(budget=budget))

    async def _put(self, key_id: str, policy: KeyPolicy) -> pb.KeyPolicy:
        request = pb.PutKeyPolicyRequest(policy=build_message(pb.KeyPolicy, key_id=key_id, **policy.model_dump()))
        response = await self._costs.PutKeyPolicy(request)
        return response.policy


def _key(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "user_id": key.user_id,
        "tenant_id": key.tenant_id,
        "scopes": sorted(key.scopes),
        "create_time": key.create_time,
        "expire_time": key.expire_time,
        "previous_expire_time": key.previous_expire_time,
    }


def _shown(shown: IssuedKey) -> dict[str, Any]:
    return {**_key(shown.key), "key": shown.text}


def _policy(policy: pb.KeyPolicy) -> dict[str, Any]:
    return {
        "key_id": policy.key_id,
        "allowed_models": list(policy.allowed_models),
        "tokens_per_minute": policy.tokens_per_minute,
        "requests_per_minute": policy.requests_per_minute,
        "semantic_cache": policy.semantic_cache,
    }
