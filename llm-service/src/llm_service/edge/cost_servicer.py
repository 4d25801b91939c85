"""CostService: reports of the ledger, budgets, policies of keys and prices."""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any, Final

import grpc.aio
from penstock.llm.v1 import cost_pb2, cost_pb2_grpc

from llm_service.domain.billing.budget import BudgetScope, BudgetStore, BudgetUse
from llm_service.domain.billing.key_policy import KeyPolicy, KeyPolicyStore
from llm_service.domain.billing.ledger import CostGroup, Ledger
from llm_service.domain.billing.limits_cache import LimitsCache
from llm_service.domain.billing.price_list import PriceList, PriceStore
from llm_service.edge.cost import (
    check_range,
    cost_row_to_proto,
    filter_from_proto,
    group_from_proto,
    ledger_row_to_proto,
)
from llm_service.edge.rule import (
    budget_from_proto,
    budget_to_proto,
    key_policy_from_proto,
    key_policy_to_proto,
    price_from_proto,
    price_to_proto,
)
from penstock_kit.clock import Clock
from penstock_kit.context import Caller, current_context
from penstock_kit.errors import InvalidArgument, NotFound, PermissionDenied
from penstock_kit.role import require_admin, require_operator

Context = grpc.aio.ServicerContext[Any, Any]
_DEFAULT_PAGE: Final = 100
_LARGEST_PAGE: Final = 1000


class CostServicer(cost_pb2_grpc.CostServiceServicer):
    """Answers the RPCs of penstock.llm.v1.CostService. `models` are the listed models by provider."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        budgets: BudgetStore,
        policies: KeyPolicyStore,
        price_store: PriceStore,
        prices: PriceList,
        limits: LimitsCache,
        models: Callable[[], Mapping[str, tuple[str, ...]]],
        clock: Clock,
        new_id: Callable[[str], str],
    ) -> None:
        self._ledger = ledger
        self._budgets = budgets
        self._policies = policies
        self._price_store = price_store
        self._prices = prices
        self._limits = limits
        self._models = models
        self._clock = clock
        self._new_id = new_id

    async def SummarizeCosts(  # noqa: N802
        self, request: cost_pb2.SummarizeCostsRequest, context: Context
    ) -> cost_pb2.SummarizeCostsResponse:
        """Sum up the caller's rows, an administrator's whole tenant."""
        wanted = filter_from_proto(request, current_context().caller)
        group = group_from_proto(request.group_by)
        check_range(group, wanted)
        total = await self._ledger.summarize(wanted, CostGroup.TOTAL)
        rows = await self._ledger.summarize(wanted, group) if group is not CostGroup.TOTAL else ()
        return cost_pb2.SummarizeCostsResponse(
            rows=[cost_row_to_proto(row) for row in rows], total=cost_row_to_proto(total[0])
        )

    async def ListLedger(  # noqa: N802
        self, request: cost_pb2.ListLedgerRequest, context: Context
    ) -> cost_pb2.ListLedgerResponse:
        """List rows, newest first."""
        page = await self._ledger.list_rows(
            filter_from_proto(request, current_context().caller),
            page_size=_page_size(request.page_size),
            page_token=request.page_token,
        )
        return cost_pb2.ListLedgerResponse(
            entries=[ledger_row_to_proto(row) for row in page.rows], next_page_token=page.next_page_token
        )

    async def ListPrices(self, request: cost_pb2.ListPricesRequest, context: Context) -> cost_pb2.ListPricesResponse:  # noqa: N802
        """List the operator's prices and those of the listed models."""
        models = self._models()
        for provider in models:
            await self._prices.ready(provider)
        rows = [row for row in self._prices.rows(models) if request.provider in {"", row.provider}]
        names = [f"{row.provider}/{row.model}" for row in rows]
        page, token = _page(names, request.page_token, _page_size(request.page_size))
        return cost_pb2.ListPricesResponse(prices=[price_to_proto(rows[at]) for at in page], next_page_token=token)

    async def PutPrice(self, request: cost_pb2.PutPriceRequest, context: Context) -> cost_pb2.PutPriceResponse:  # noqa: N802
        """Set an operator's price, which counts for every tenant."""
        require_operator("set prices")
        row = await self._price_store.put(request.price.provider, request.price.model, price_from_proto(request.price))
        self._prices.take(await self._price_store.all())
        return cost_pb2.PutPriceResponse(price=price_to_proto(row))

    async def PutBudget(self, request: cost_pb2.PutBudgetRequest, context: Context) -> cost_pb2.PutBudgetResponse:  # noqa: N802
        """Create or replace a budget."""
        tenant_id = self._budget_admin().tenant_id
        budget = budget_from_proto(request.budget, tenant_id=tenant_id, new_id=self._new_id)
        await self._ledger.flush()
        use = await self._budgets.put(budget)
        await self._limits.refresh()
        return cost_pb2.PutBudgetResponse(budget=budget_to_proto(use, self._clock.now()))

    async def ListBudgets(  # noqa: N802
        self, request: cost_pb2.ListBudgetsRequest, context: Context
    ) -> cost_pb2.ListBudgetsResponse:
        """List the tenant's budgets; others than administrators see those that cover them, operators all on demand."""
        ratio = request.min_spent_ratio
        if not (ratio >= 0 and isfinite(ratio)):
            message = f"min_spent_ratio is {ratio:g}; it is a share such as 0.8, or 0 for all budgets"
            raise InvalidArgument(message, reason="RULE_INVALID")
        size = _page_size(request.page_size)
        # One more than the page tells that there is another; of a share all have to be looked at.
        uses = await self._listed_budgets(request, limit=None if ratio else size + 1)
        uses = [use for use in uses if use.share >= ratio]
        token = uses[size - 1].budget.id if len(uses) > size else ""
        now = self._clock.now()
        return cost_pb2.ListBudgetsResponse(
            budgets=[budget_to_proto(use, now) for use in uses[:size]], next_page_token=token
        )

    async def _listed_budgets(self, request: cost_pb2.ListBudgetsRequest, *, limit: int | None) -> Sequence[BudgetUse]:
        """Return the budgets behind the page's token."""
        if request.all_tenants:
            require_operator("list the budgets of every tenant")
            return [use for use in await self._budgets.list_all() if use.budget.id > request.page_token]
        caller = current_context().caller
        covering = None if caller.is_admin else caller
        return await self._budgets.list(caller.tenant_id, covering=covering, after=request.page_token, limit=limit)

    async def DeleteBudget(  # noqa: N802
        self, request: cost_pb2.DeleteBudgetRequest, context: Context
    ) -> cost_pb2.DeleteBudgetResponse:
        """Delete a budget of the tenant."""
        if not await self._budgets.delete(self._budget_admin().tenant_id, request.id):
            raise NotFound(f"there is no budget {request.id!r}", reason="BUDGET_NOT_FOUND")
        await self._limits.refresh()
        return cost_pb2.DeleteBudgetResponse()

    async def PutKeyPolicy(  # noqa: N802
        self, request: cost_pb2.PutKeyPolicyRequest, context: Context
    ) -> cost_pb2.PutKeyPolicyResponse:
        """Create or replace what a key may use. Nobody gives their own key more than it has."""
        caller = current_context().caller
        policy = key_policy_from_proto(request.policy, tenant_id=caller.tenant_id)
        if not caller.is_admin and caller.key_id:
            raise PermissionDenied("a key can't change what keys may use", reason="ADMIN_REQUIRED")
        self._check_unlimited(caller)
        await self._policies.put(policy)
        await self._limits.refresh()
        return cost_pb2.PutKeyPolicyResponse(policy=key_policy_to_proto(policy))

    async def GetKeyPolicy(  # noqa: N802
        self, request: cost_pb2.GetKeyPolicyRequest, context: Context
    ) -> cost_pb2.GetKeyPolicyResponse:
        """Read what a key may use; a key without a policy may use everything."""
        tenant_id = current_context().caller.tenant_id
        policy = self._limits.policy(Caller(user_id="", tenant_id=tenant_id, key_id=request.key_id))
        return cost_pb2.GetKeyPolicyResponse(
            policy=key_policy_to_proto(policy or KeyPolicy(tenant_id=tenant_id, key_id=request.key_id))
        )

    async def DeleteKeyPolicy(  # noqa: N802
        self, request: cost_pb2.DeleteKeyPolicyRequest, context: Context
    ) -> cost_pb2.DeleteKeyPolicyResponse:
        """Remove a key's policy and budgets; that there were none is no error. A key may remove its own."""
        caller = current_context().caller
        if not caller.is_admin and caller.key_id not in {"", request.key_id}:
            raise PermissionDenied("a key can't change what keys may use", reason="ADMIN_REQUIRED")
        await self._delete_of_keys(caller.tenant_id, (request.key_id,))
        await self._limits.refresh()
        return cost_pb2.DeleteKeyPolicyResponse()

    async def DeleteUserLimits(  # noqa: N802
        self, request: cost_pb2.DeleteUserLimitsRequest, context: Context
    ) -> cost_pb2.DeleteUserLimitsResponse:
        """Remove what limited a user and the user's keys; that there was nothing is no error."""
        caller = require_admin("remove the limits of users")
        tenant_id = request.tenant_id or caller.tenant_id
        if tenant_id != caller.tenant_id:
            require_operator("remove the limits of other tenants' users")
        await self._delete_of_keys(tenant_id, request.key_ids)
        await self._budgets.delete_of(tenant_id, BudgetScope.USER, (request.user_id,))
        await self._limits.refresh()
        return cost_pb2.DeleteUserLimitsResponse()

    async def _delete_of_keys(self, tenant_id: str, key_ids: Sequence[str]) -> None:
        await self._policies.delete(tenant_id, key_ids)
        await self._budgets.delete_of(tenant_id, BudgetScope.KEY, key_ids)

    def _budget_admin(self) -> Caller:
        caller = require_admin("change budgets")
        self._check_unlimited(caller)
        return caller

    def _check_unlimited(self, caller: Caller) -> None:
        """Raise PermissionDenied (KEY_LIMITS_DENIED) for a key that has limits: it would lift them."""
        policy = self._limits.policy(caller) if caller.key_id else None
        budgets = self._limits.budgets(caller) if caller.key_id else ()
        if (policy is not None and policy.limits) or any(budget.scope is BudgetScope.KEY for budget in budgets):
            message = "a key with a policy or a budget cannot change policies or budgets; log in instead"
            raise PermissionDenied(message, reason="KEY_LIMITS_DENIED")


def _page_size(asked: int) -> int:
    if asked < 0:
        message = f"page_size is {asked}; it must be from 1 to {_LARGEST_PAGE}, or 0 for {_DEFAULT_PAGE}"
        raise InvalidArgument(message, reason="PAGE_SIZE_INVALID")
    return min(asked, _LARGEST_PAGE) if asked > 0 else _DEFAULT_PAGE


def _page(names: list[str], token: str, size: int) -> tuple[list[int], str]:
    """Indices of the sorted `names` after `token`, and the token of the next page."""
    after = [at for at, name in enumerate(names) if name > token]
    return after[:size], names[after[size - 1]] if len(after) > size else ""
