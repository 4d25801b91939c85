"""The wrappers of a completion, outermost last: README.md draws them, a test compares both."""

from collections.abc import Callable, Sequence

from llm_service.adapters.response_cache import CacheServiceResponses
from llm_service.composition.selection import Selection
from llm_service.composition.spending import Spending
from llm_service.domain.billing.budget_guard import ReservingBudgetGuard
from llm_service.domain.billing.call_journal import CallJournal
from llm_service.domain.billing.ledger import LedgerRow
from llm_service.domain.billing.meter import Meter
from llm_service.domain.billing.metering import Metering
from llm_service.domain.model.provider_pool import ProviderPool
from llm_service.domain.reuse.response_cache import ResponseCaching
from llm_service.domain.routing.failover import Failover, Retries
from llm_service.domain.routing.hedging import Hedging
from llm_service.domain.routing.retry_budget import RetryBudget
from llm_service.settings import LlmSettings
from penstock_kit.clock import Clock
from penstock_kit.ids import new_id


def build_answering(
    settings: LlmSettings,
    selection: Selection,
    spending: Spending,
    *,
    pool: ProviderPool,
    budget_guard: ReservingBudgetGuard,
    clock: Clock,
) -> Hedging:
    """Return what answers questions: failover over the router's candidates, raced when the policy says so."""
    failover = Failover(
        pool=pool,
        monitor=selection.monitor,
        clock=clock,
        route=selection.router.route,
        budget=RetryBudget(clock),
        retries=Retries(times=settings.retries),
    )
    settle = _settlement(spending, budget_guard)
    return Hedging(
        failover,
        route=selection.router.route,
        monitor=selection.monitor,
        meter=lambda request: Meter(request, clock, spending.prices, new_id("call")),
        settle=lambda meter: settle(meter.billed_rows()),
        delay=settings.hedge_delay,
    )


def build_metered(
    settings: LlmSettings,
    answering: Hedging,
    *,
    selection: Selection,
    spending: Spending,
    responses: CacheServiceResponses,
    budget_guard: ReservingBudgetGuard,
    journal: CallJournal,
    clock: Clock,
) -> Metering:
    """Return `answering` behind the response cache, its budget reserved and its rows written."""
    cached = ResponseCaching(
        answering,
        cache=responses,
        route=selection.router.route,
        allows_semantic=spending.allows_semantic_cache,
        exact_for_all=settings.exact_cache,
    )
    return Metering(
        cached,
        ledger=spending.ledger,
        prices=spending.prices,
        clock=clock,
        new_id=new_id,
        route=selection.router.route,
        budget_guard=budget_guard,
        journal=journal,
    )


def _settlement(spending: Spending, budget_guard: ReservingBudgetGuard) -> Callable[[Sequence[LedgerRow]], None]:
    """Return what writes rows that no reservation was for, and charges them to their budgets."""

    def settle(rows: Sequence[LedgerRow]) -> None:
        for row in rows:
            spending.ledger.record(row)
            budget_guard.charge(row)

    return settle
