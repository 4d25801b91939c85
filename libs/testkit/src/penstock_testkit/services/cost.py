"""A cost service that keeps what it is given and reports what it is told to."""

from typing import Any

from penstock.llm.v1 import cost_pb2 as pb
from penstock.llm.v1.cost_pb2_grpc import CostServiceServicer

from penstock_kit.errors import NotFound
from penstock_kit.role import require_admin, require_operator


class FakeCosts(CostServiceServicer):
    """Keeps budgets, policies and prices; answers reports with `summary` and `ledger`. `requests` holds what came."""

    def __init__(self) -> None:
        self.budgets: dict[str, pb.Budget] = {}
        self.policies: dict[str, pb.KeyPolicy] = {}
        self.prices: dict[str, pb.Price] = {}
        self.summary = pb.SummarizeCostsResponse()
        self.ledger = pb.ListLedgerResponse()
        self.requests: list[Any] = []
        self.most_listed = 1000

    async def SummarizeCosts(  # noqa: N802 - the RPC's name
        self, request: pb.SummarizeCostsRequest, context: Any
    ) -> pb.SummarizeCostsResponse:
        """Answer with `summary`."""
        self.requests.append(request)
        return self.summary

    async def ListLedger(self, request: pb.ListLedgerRequest, context: Any) -> pb.ListLedgerResponse:  # noqa: N802
        """Answer with `ledger`."""
        self.requests.append(request)
        return self.ledger

    async def PutBudget(self, request: pb.PutBudgetRequest, context: Any) -> pb.PutBudgetResponse:  # noqa: N802
        """Keep a budget; for administrators, as the real one."""
        require_admin("change budgets")
        budget = request.budget
        budget.id = budget.id or f"bud_{len(self.budgets) + 1}"
        self.budgets[budget.id] = budget
        return pb.PutBudgetResponse(budget=budget)

    async def ListBudgets(self, request: pb.ListBudgetsRequest, context: Any) -> pb.ListBudgetsResponse:  # noqa: N802
        """List the budgets kept, `most_listed` at a time."""
        kept, begin = list(self.budgets.values()), int(request.page_token or 0)
        end = begin + min(request.page_size or self.most_listed, self.most_listed)
        token = str(end) if end < len(kept) else ""
        return pb.ListBudgetsResponse(budgets=kept[begin:end], next_page_token=token)

    async def DeleteBudget(self, request: pb.DeleteBudgetRequest, context: Any) -> pb.DeleteBudgetResponse:  # noqa: N802
        """Drop a budget."""
        if self.budgets.pop(request.id, None) is None:
            raise NotFound(f"there is no budget {request.id!r}", reason="BUDGET_NOT_FOUND")
        return pb.DeleteBudgetResponse()

    async def PutKeyPolicy(self, request: pb.PutKeyPolicyRequest, context: Any) -> pb.PutKeyPolicyResponse:  # noqa: N802
        """Keep a policy."""
        self.policies[request.policy.key_id] = request.policy
        return pb.PutKeyPolicyResponse(policy=request.policy)

    async def GetKeyPolicy(self, request: pb.GetKeyPolicyRequest, context: Any) -> pb.GetKeyPolicyResponse:  # noqa: N802
        """Read a policy; a key without one may use everything."""
        empty = pb.KeyPolicy(key_id=request.key_id)
        return pb.GetKeyPolicyResponse(policy=self.policies.get(request.key_id, empty))

    async def DeleteKeyPolicy(  # noqa: N802
        self, request: pb.DeleteKeyPolicyRequest, context: Any
    ) -> pb.DeleteKeyPolicyResponse:
        """Drop a key's policy and budgets."""
        self._drop(request.key_id)
        return pb.DeleteKeyPolicyResponse()

    async def DeleteUserLimits(  # noqa: N802
        self, request: pb.DeleteUserLimitsRequest, context: Any
    ) -> pb.DeleteUserLimitsResponse:
        """Drop policies and budgets; for administrators, as the real one."""
        require_admin("remove the limits of users")
        self.requests.append(request)
        for key_id in request.key_ids:
            self._drop(key_id)
        self.budgets = {each.id: each for each in self.budgets.values() if each.subject != request.user_id}
        return pb.DeleteUserLimitsResponse()

    def _drop(self, key_id: str) -> None:
        self.policies.pop(key_id, None)
        self.budgets = {each.id: each for each in self.budgets.values() if each.subject != key_id}

    async def ListPrices(self, request: pb.ListPricesRequest, context: Any) -> pb.ListPricesResponse:  # noqa: N802
        """List the prices kept."""
        return pb.ListPricesResponse(prices=self.prices.values())

    async def PutPrice(self, request: pb.PutPriceRequest, context: Any) -> pb.PutPriceResponse:  # noqa: N802
        """Keep a price; for operators, as the real one."""
        require_operator("set prices")
        price = request.price
        price.source = "operator"
        self.prices[f"{price.provider}/{price.model}"] = price
        return pb.PutPriceResponse(price=price)
