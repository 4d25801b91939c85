"""Budgets: how much a key, a user or a tenant may spend in a day, a month or at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, Protocol

from penstock_kit.context import Caller
from penstock_kit.errors import ResourceExhausted

MAX_BUDGETS: Final = 5_000
"""Budgets of a tenant: every replica holds those of all tenants in memory and reads them anew every few seconds."""


class BudgetScope(StrEnum):
    """Whose spending is limited; TOTAL is the tenant's."""

    KEY = "key"
    USER = "user"
    TOTAL = "total"


class BudgetPeriod(StrEnum):
    """What the limit is for: a UTC day, a UTC month, or for ever."""

    DAY = "day"
    MONTH = "month"
    TOTAL = "total"

    def start(self, now: datetime) -> datetime:
        """Return when the period that `now` is in began."""
        now = now.astimezone(UTC)
        match self:
            case BudgetPeriod.DAY:
                return datetime(now.year, now.month, now.day, tzinfo=UTC)
            case BudgetPeriod.MONTH:
                return datetime(now.year, now.month, 1, tzinfo=UTC)
            case BudgetPeriod.TOTAL:
                return datetime(1970, 1, 1, tzinfo=UTC)

    def end(self, now: datetime) -> datetime | None:
        """Return when the period ends, None for never."""
        start = self.start(now)
        match self:
            case BudgetPeriod.DAY:
                return start + timedelta(days=1)
            case BudgetPeriod.MONTH:
                return datetime(start.year + start.month // 12, start.month % 12 + 1, 1, tzinfo=UTC)
            case BudgetPeriod.TOTAL:
                return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A limit in USD. `subject` is the key's or user's id, empty for the tenant."""

    id: str
    tenant_id: str
    scope: BudgetScope
    subject: str
    period: BudgetPeriod
    limit: Decimal

    def covers(self, caller: Caller) -> bool:
        """Whether spending of `caller` counts against it."""
        if caller.tenant_id != self.tenant_id:
            return False
        match self.scope:
            case BudgetScope.KEY:
                return caller.key_id == self.subject
            case BudgetScope.USER:
                return caller.user_id == self.subject
            case BudgetScope.TOTAL:
                return True


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetUse:
    """A budget with what is spent and reserved in its running period."""

    budget: Budget
    spent: Decimal
    reserved: Decimal

    @property
    def left(self) -> Decimal:
        """What may still be reserved."""
        return self.budget.limit - self.spent - self.reserved

    @property
    def share(self) -> float:
        """The share that is spent."""
        return float(self.spent / self.budget.limit) if self.budget.limit else 1.0


class BudgetStore(Protocol):
    """Where budgets and their use are kept, together for every replica."""

    async def put(self, budget: Budget) -> BudgetUse:
        """Create or replace a budget; what was spent in the running period before counts.

        Raises ResourceExhausted (BUDGETS_LIMIT_EXCEEDED) for one more than MAX_BUDGETS of its tenant.
        """
        ...

    async def delete(self, tenant_id: str, budget_id: str) -> bool:
        """Delete a budget and say whether there was one."""
        ...

    async def delete_of(self, tenant_id: str, scope: BudgetScope, subjects: Sequence[str]) -> None:
        """Delete the budgets of those keys or users."""
        ...

    async def list(
        self, tenant_id: str, *, covering: Caller | None = None, after: str = "", limit: int | None = None
    ) -> Sequence[BudgetUse]:
        """Return the tenant's budgets with their use, by id: those that cover a caller, behind an id, so many."""
        ...

    async def list_all(self) -> Sequence[BudgetUse]:
        """Return every tenant's budgets with their use, by id."""
        ...

    async def all(self) -> Sequence[Budget]:
        """Return every tenant's budgets."""
        ...

    async def reserve(
        self, reservation_id: str, budgets: Sequence[Budget], *, want: Decimal, least: Decimal
    ) -> Decimal:
        """Set aside up to `want` in all of `budgets` at once and return how much it was.

        Raises ResourceExhausted (BUDGET_LIMIT_EXCEEDED) when one of them has less than `least` left.
        """
        ...

    def settle(self, reservation_id: str, budgets: Sequence[Budget], spent: Decimal, at: datetime) -> None:
        """Give back what was set aside and count `spent`, soon. Never blocks or fails."""
        ...


def too_many_budgets() -> ResourceExhausted:
    """Return what an administrator is told whose tenant has MAX_BUDGETS already."""
    message = f"a tenant has at most {MAX_BUDGETS} budgets; delete some that are not used any more"
    return ResourceExhausted(message, reason="BUDGETS_LIMIT_EXCEEDED")


def exceeded(use: BudgetUse, now: datetime) -> ResourceExhausted:
    """Return what a caller is told whose budget is used up."""
    budget, end = use.budget, use.budget.period.end(now)
    whose = {BudgetScope.KEY: "this key", BudgetScope.USER: "this user", BudgetScope.TOTAL: "everybody"}[budget.scope]
    per = "" if end is None else f" per {budget.period.value}"
    when = "" if end is None else f"; it begins anew at {end:%Y-%m-%d %H:%M} UTC"
    left = max(use.left, Decimal(0)).normalize()
    message = f"the budget of {whose}, {budget.limit:f} USD{per}, has {left:f} USD left{when}"
    return ResourceExhausted(
        message,
        reason="BUDGET_LIMIT_EXCEEDED",
        metadata={"budget": budget.id, "scope": budget.scope.value, "period": budget.period.value},
        retry_after=None if end is None else (end - now).total_seconds(),
    )
