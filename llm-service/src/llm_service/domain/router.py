"""The router: who could answer, arranged by a policy, and who of them may be asked now."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from llm_service.domain.completion import Completion
from llm_service.domain.key_rings import KeyRings
from llm_service.domain.policy.policy import Policy
from llm_service.domain.route import FALLBACK, Candidate, Route, RoutingTable, plan_route
from penstock_kit.errors import PermissionDenied


class Router:
    """Makes routes from the table in force. `fallback` says whether the offline provider may stand in for others,
    `allows` whether the caller may use a place at all.
    """

    def __init__(
        self,
        *,
        table: Callable[[], RoutingTable],
        policies: Mapping[str, Policy],
        rings: KeyRings,
        fallback: bool = True,
        allows: Callable[[Candidate], bool] = lambda _: True,
    ) -> None:
        self._table = table
        self._policies = policies
        self._rings = rings
        self._fallback = fallback
        self._allows = allows

    def route(self, request: Completion) -> Route:
        """Return where `request` goes.

        Raises NotFound (MODEL_NOT_FOUND), InvalidArgument (UNKNOWN_POLICY), PermissionDenied (MODEL_NOT_ALLOWED).
        """
        route = self.plan(request.model, policy=request.policy, exclude=request.exclude_providers)
        allowed = tuple(filter(self._allows, route.candidates))
        if not allowed:
            message = f"this key may not use model {request.model!r}; ask for another or have the key's policy changed"
            raise PermissionDenied(message, reason="MODEL_NOT_ALLOWED", metadata={"model": request.model})
        return route if len(allowed) == len(route.candidates) else replace(route, candidates=allowed)

    def plan(self, model: str, *, policy: str = "", exclude: Sequence[str] = ()) -> Route:
        """Return where a request for `model` goes under `policy` (empty: the operator's)."""
        route = plan_route(self._table(), model, policy=policy, exclude=exclude, stand_in=self._fallback)
        if len(route.candidates) < 2 or route.policy == "order":
            return route
        others = [candidate for candidate in route.candidates if candidate.provider != FALLBACK]
        last = [candidate for candidate in route.candidates if candidate.provider == FALLBACK]
        arranged = self._policies[route.policy].arrange(others)
        return replace(route, candidates=(*arranged, *last))

    def explain(self, model: str, *, policy: str = "") -> Route:
        """Return the same with whether each could be asked now, and if not, why."""
        route = self.plan(model, policy=policy)
        return replace(route, candidates=tuple(map(self._explained, route.candidates)))

    def _explained(self, candidate: Candidate) -> Candidate:
        ring = self._rings.of(candidate.provider)
        if ring is None or ring.has_ready():
            return candidate
        return replace(candidate, eligible=False, why=f"{candidate.why}; {ring.refusal().message}")
