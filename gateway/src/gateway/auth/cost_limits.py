"""What llm-service knows of the limits on keys."""

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Final

from penstock.llm.v1 import cost_pb2 as pb

from gateway.auth.identity import User
from penstock_kit.context import Caller
from penstock_kit.errors import PenstockError
from penstock_kit.logging import get_logger

if TYPE_CHECKING:
    from penstock.llm.v1.cost_pb2_grpc import CostServiceAsyncStub

log = get_logger(__name__)

_KEY: Final = "key"
_PAGE: Final = 1000


class CostLimits:
    """Policies and budgets of keys, asked for in the name of the current caller."""

    def __init__(self, costs: "CostServiceAsyncStub") -> None:
        self._costs = costs

    async def is_limited(self, caller: Caller) -> bool:
        """See :class:`~gateway.auth.delegation.KeyLimits`."""
        response = await self._costs.GetKeyPolicy(pb.GetKeyPolicyRequest(key_id=caller.key_id))
        policy = response.policy
        if policy.allowed_models or policy.tokens_per_minute or policy.requests_per_minute:
            return True
        return any([budget.subject == caller.key_id async for budget in self._budgets() if budget.scope == _KEY])

    async def budget(self, budget_id: str) -> pb.Budget | None:
        """Return the budget of that id, as far as the current caller sees it."""
        found = [budget async for budget in self._budgets() if budget.id == budget_id]
        return found[0] if found else None

    async def forget_key(self, key_id: str) -> None:
        """Remove the policy and the budgets of a key that is gone; while llm-service is away they stay, and harm
        nobody."""
        try:
            await self._costs.DeleteKeyPolicy(pb.DeleteKeyPolicyRequest(key_id=key_id))
        except PenstockError as error:
            log.warning("the policy of a deleted key stays behind", key=key_id, reason=error.reason)

    async def forget_user(self, user: User, key_ids: Sequence[str]) -> None:
        """Remove likewise those of a user who is gone, who had those keys."""
        request = pb.DeleteUserLimitsRequest(tenant_id=user.tenant_id, user_id=user.id, key_ids=key_ids)
        try:
            await self._costs.DeleteUserLimits(request)
        except PenstockError as error:
            log.warning("the policies of a deleted user's keys stay behind", user=user.id, reason=error.reason)

    async def _budgets(self) -> AsyncGenerator[pb.Budget]:
        token = ""
        while True:
            response = await self._costs.ListBudgets(pb.ListBudgetsRequest(page_size=_PAGE, page_token=token))
            for budget in response.budgets:
                yield budget
            token = response.next_page_token
            if not token:
                return
