"""Which budgets a caller may change: those of keys and users that it reaches."""

from gateway.auth.api_keys import ApiKeyService
from gateway.auth.cost_limits import CostLimits
from gateway.auth.delegation import Delegation
from gateway.auth.store import IdentityStore
from gateway.auth.users import UserService
from penstock_kit.context import Caller
from penstock_kit.errors import NotFound


class BudgetAccess:
    """Checks budgets before they are put or deleted. A key with limits changes none."""

    def __init__(
        self,
        *,
        limits: CostLimits,
        delegation: Delegation,
        api_keys: ApiKeyService,
        users: UserService,
        store: IdentityStore,
    ) -> None:
        self._limits = limits
        self._delegation = delegation
        self._api_keys = api_keys
        self._users = users
        self._store = store

    async def check_existing(self, caller: Caller, budget_id: str) -> None:
        """Raise unless `caller` may change the budget of that id, which need not exist. What is left of a key or user
        that was deleted is any administrator's."""
        await self._delegation.require_unlimited_key(caller)
        budget = await self._limits.budget(budget_id) if budget_id else None
        if budget is not None and await self._exists(caller, budget.scope, budget.subject):
            await self.check_subject(caller, budget.scope, budget.subject)

    async def check_subject(self, caller: Caller, scope: str, subject: str) -> None:
        """Raise NotFound or PermissionDenied unless `caller` reaches the key or user that a budget is for."""
        if scope in {"key", "user"} and not subject:
            message = (
                f"a budget of scope {scope!r} is for one {scope}: give its id as subject; GET /api/v1/{scope}s lists"
            )
            raise NotFound(message, reason="KEY_NOT_FOUND" if scope == "key" else "USER_NOT_FOUND")
        if scope == "key":
            await self._api_keys.get(caller, subject)
        elif scope == "user":
            user = await self._users.get(caller, subject)
            if user.tenant_id != caller.tenant_id:  # an operator's budgets are of the operator's own tenant too
                raise NotFound(f"there is no user {subject!r} in this tenant", reason="USER_NOT_FOUND")

    async def _exists(self, caller: Caller, scope: str, subject: str) -> bool:
        if scope == "key":
            return await self._store.key(caller.tenant_id, subject) is not None
        return await self._store.user(subject) is not None
