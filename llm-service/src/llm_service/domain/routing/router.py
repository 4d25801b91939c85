"""The router: who could answer, arranged by a policy, and who of them may be asked now."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

from llm_service.domain.keys.key_pools import ApiKeyPools
from llm_service.domain.model.request import CompletionRequest
from llm_service.domain.model.route import FALLBACK, Candidate, Route, RoutingTable, plan_route
from llm_service.domain.routing.policy import Policy
from penstock_kit.errors import PermissionDenied

# Callers may name any model of a provider, so the plans that are kept are bounded.
_KEPT_PLANS: Final = 256


class Router:
    """Makes routes from the table in force. `fallback` says whether the offline provider may stand in for others,
    `allows` whether the caller may use a place at all.
    """

    def __init__(
        self,
        *,
        table: Callable[[], RoutingTable],
        policies: Mapping[str, Policy],
        key_pools: ApiKeyPools,
        fallback: bool = True,
        allows: Callable[[Candidate], bool] = lambda _: True,
    ) -> None:
        self._table = table
        self._policies = policies
        self._key_pools = key_pools
        self._fallback = fallback
        self._allows = allows
        self._planner = _Planner(table(), offline_fallback=fallback)

    def route(self, request: CompletionRequest) -> Route:
        """Return where `request` goes.

        Raises NotFound (MODEL_NOT_FOUND), InvalidArgument (POLICY_INVALID), PermissionDenied (MODEL_DENIED).
        """
        route = self.plan(request.model, policy=request.policy, exclude=request.exclude_providers)
        allowed = tuple(filter(self._allows, route.candidates))
        if not allowed:
            message = f"this key may not use model {request.model!r}; ask for another or have the key's policy changed"
            raise PermissionDenied(message, reason="MODEL_DENIED", metadata={"model": request.model})
        return route if len(allowed) == len(route.candidates) else replace(route, candidates=allowed)

    def plan(self, model: str, *, policy: str = "", exclude: Sequence[str] = ()) -> Route:
        """Return where a request for `model` goes under `policy` (empty: the operator's)."""
        route = self._plan(model, policy, tuple(exclude))
        if len(route.candidates) < 2 or route.policy == "order":
            return route
        others = [candidate for candidate in route.candidates if candidate.provider != FALLBACK]
        last = [candidate for candidate in route.candidates if candidate.provider == FALLBACK]
        arranged = self._policies[route.policy].arrange(others)
        return replace(route, candidates=(*arranged, *last))

    def _plan(self, model: str, policy: str, exclude: tuple[str, ...]) -> Route:
        table = self._table()
        if table is not self._planner.table:
            self._planner = _Planner(table, offline_fallback=self._fallback)
        return self._planner.plan(model, policy, exclude)

    def explain(self, model: str, *, policy: str = "") -> Route:
        """Return the same with whether each could be asked now, and if not, why."""
        route = self.plan(model, policy=policy)
        return replace(route, candidates=tuple(map(self._explained, route.candidates)))

    def _explained(self, candidate: Candidate) -> Candidate:
        key_pool = self._key_pools.get(candidate.provider)
        if key_pool is None or key_pool.has_ready(model=candidate.model):
            return candidate
        return replace(
            candidate, eligible=False, why=f"{candidate.why}; {key_pool.unavailable_error(candidate.model).message}"
        )


class _Planner:
    """Plans over one table, which does not change: what was planned last is kept."""

    def __init__(self, table: RoutingTable, *, offline_fallback: bool) -> None:
        self.table = table
        self._offline_fallback = offline_fallback
        self._kept = lru_cache(_KEPT_PLANS)(self._build)

    def plan(self, model: str, policy: str, exclude: tuple[str, ...]) -> Route:
        return (self._build if exclude else self._kept)(model, policy, exclude)

    def _build(self, model: str, policy: str, exclude: tuple[str, ...]) -> Route:
        return plan_route(self.table, model, policy=policy, exclude=exclude, offline_fallback=self._offline_fallback)
