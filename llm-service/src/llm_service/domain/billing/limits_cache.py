"""The rules in force: budgets, policies of keys and prices set at run time, kept in memory and read anew."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from llm_service.domain.billing.budget import Budget
from llm_service.domain.billing.key_policy import KeyPolicy
from penstock_kit.context import Caller
from penstock_kit.errors import PenstockError, Unavailable

_AGAIN_SECONDS: Final = 2.0


class LimitsCache:
    """Answers from memory, so that callers without limits cost nothing.

    `read_budgets` and `read_policies` ask the stores, `on_failure` is told when they can't; the rules read
    last stay then. Before they were read at all nobody is let through: a key could do what it must not, and spend
    what it does not have.
    """

    def __init__(
        self,
        *,
        read_budgets: Callable[[], Awaitable[Sequence[Budget]]],
        read_policies: Callable[[], Awaitable[Sequence[KeyPolicy]]],
        on_failure: Callable[[PenstockError], None],
    ) -> None:
        self._read_budgets = read_budgets
        self._read_policies = read_policies
        self._on_failure = on_failure
        self._budgets: dict[str, list[Budget]] = {}
        self._policies: dict[tuple[str, str], KeyPolicy] = {}
        self._were_read = False

    def budgets(self, caller: Caller) -> list[Budget]:
        """Return the budgets that `caller`'s spending counts against; Unavailable (LIMITS_UNAVAILABLE) before they were
        read."""
        self._check()
        return [budget for budget in self._budgets.get(caller.tenant_id, ()) if budget.covers(caller)]

    def policy(self, caller: Caller) -> KeyPolicy | None:
        """Return the policy of the caller's key; Unavailable (LIMITS_UNAVAILABLE) before they were read."""
        self._check()
        return self._policies.get((caller.tenant_id, caller.key_id)) if self._policies else None

    async def refresh(self) -> None:
        """Read the rules anew."""
        try:
            budgets, policies = await self._read_budgets(), await self._read_policies()
        except PenstockError as error:
            self._on_failure(error)
            return
        by_tenant: dict[str, list[Budget]] = {}
        for budget in budgets:
            by_tenant.setdefault(budget.tenant_id, []).append(budget)
        self._were_read = True
        self._budgets = by_tenant
        self._policies = {(policy.tenant_id, policy.key_id): policy for policy in policies}

    def _check(self) -> None:
        if not self._were_read:
            message = "budgets and key policies have not been read since the start: the database is away"
            raise Unavailable(message, reason="LIMITS_UNAVAILABLE", retry_after=_AGAIN_SECONDS)
