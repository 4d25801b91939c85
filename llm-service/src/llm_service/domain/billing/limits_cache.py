"""The rules in force: budgets, policies of keys and prices set at run time, kept in memory and read anew."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from llm_service.domain.billing.budget import Budget, BudgetScope
from llm_service.domain.billing.key_policy import KeyPolicy
from penstock_kit.context import Caller
from penstock_kit.errors import PenstockError, Unavailable

_AGAIN_SECONDS: Final = 2.0
# Rules that are sorted in without a break for others: a fraction of a millisecond.
_SLICE: Final = 1_000
_Whose = tuple[str, BudgetScope, str]


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
        self._budgets: dict[_Whose, list[Budget]] = {}
        self._policies: dict[tuple[str, str], KeyPolicy] = {}
        self._were_read = False
        self._reading = asyncio.Lock()
        self._asked = 0
        self._answered = 0

    def budgets(self, caller: Caller) -> list[Budget]:
        """Return the budgets that `caller`'s spending counts against; Unavailable (LIMITS_UNAVAILABLE) before they were
        read."""
        self._check()
        if not self._budgets:
            return []
        subjects = ((BudgetScope.TOTAL, ""), (BudgetScope.USER, caller.user_id), (BudgetScope.KEY, caller.key_id))
        found = [self._budgets.get((caller.tenant_id, scope, subject), ()) for scope, subject in subjects]
        return [budget for budgets in found for budget in budgets if budget.covers(caller)]

    def policy(self, caller: Caller) -> KeyPolicy | None:
        """Return the policy of the caller's key; Unavailable (LIMITS_UNAVAILABLE) before they were read."""
        self._check()
        return self._policies.get((caller.tenant_id, caller.key_id)) if self._policies else None

    async def refresh(self) -> None:
        """Read the rules anew. Of those who ask while they are read, one reads them again for all."""
        self._asked += 1
        mine = self._asked
        async with self._reading:
            if self._answered >= mine:
                return
            answers = self._asked
            try:
                budgets, policies = await self._read_budgets(), await self._read_policies()
            except PenstockError as error:
                self._on_failure(error)
                return
            by_subject: dict[_Whose, list[Budget]] = {}
            for at, budget in enumerate(budgets):
                by_subject.setdefault((budget.tenant_id, budget.scope, budget.subject), []).append(budget)
                await _give_way(at)
            by_key: dict[tuple[str, str], KeyPolicy] = {}
            for at, policy in enumerate(policies):
                by_key[policy.tenant_id, policy.key_id] = policy
                await _give_way(at)
            self._budgets, self._policies, self._were_read = by_subject, by_key, True
            self._answered = answers

    def _check(self) -> None:
        if not self._were_read:
            message = "budgets and key policies have not been read since the start: the database is away"
            raise Unavailable(message, reason="LIMITS_UNAVAILABLE", retry_after=_AGAIN_SECONDS)


async def _give_way(at: int) -> None:
    if at % _SLICE == _SLICE - 1:
        await asyncio.sleep(0)
