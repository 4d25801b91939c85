"""What a call may cost: the ledger, prices, budgets and the policies of keys."""

import asyncio
from dataclasses import dataclass

from llm_service.adapters.genai_prices import GenaiPrices
from llm_service.adapters.sql_budget import SqlBudgets
from llm_service.adapters.sql_key_policy import SqlKeyPolicies
from llm_service.adapters.sql_price import SqlPrices
from llm_service.composition.stores import Stores
from llm_service.configuration.live import LiveConfiguration
from llm_service.domain.billing.ledger import Ledger
from llm_service.domain.billing.limits_cache import LimitsCache
from llm_service.domain.billing.price_list import PriceList
from llm_service.domain.model.route import FALLBACK, Candidate
from penstock_kit.context import current_context
from penstock_kit.errors import PenstockError
from penstock_kit.logging import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """The stores and what is known of them in memory."""

    ledger: Ledger
    budgets: SqlBudgets
    policies: SqlKeyPolicies
    price_store: SqlPrices
    prices: PriceList
    limits: LimitsCache

    def allows(self, candidate: Candidate) -> bool:
        """Whether the current caller's key may use `candidate`."""
        policy = self.limits.policy(current_context().caller)
        return policy is None or policy.allows(candidate.provider, candidate.model)

    def allows_semantic_cache(self) -> bool:
        """Whether the current caller's key may use the semantic cache."""
        policy = self.limits.policy(current_context().caller)
        return policy is None or policy.semantic_cache

    async def refresh(self) -> None:
        """Read budgets, policies and prices anew; what can't be read stays as it was."""
        await self.limits.refresh()
        try:
            self.prices.take(await self.price_store.all())
        except PenstockError as error:
            _complain(error)

    async def follow(self, seconds: float) -> None:
        """Refresh every `seconds`, for ever."""
        while True:
            await asyncio.sleep(seconds)
            await self.refresh()


def build_spending(stores: Stores, ledger: Ledger, live: LiveConfiguration) -> Spending:
    """Return what decides over spending, over `stores`; the configuration file's prices follow the file."""

    def base_url(provider: str) -> str:
        return next((each.base_url for each in live.current.profiles if each.name == provider), "")

    prices = PriceList(GenaiPrices(base_url=base_url), free=frozenset({FALLBACK}))
    live.subscribe(lambda configuration: prices.configure(configuration.prices))
    return Spending(
        ledger=ledger,
        budgets=stores.budgets,
        policies=stores.policies,
        price_store=stores.prices,
        prices=prices,
        limits=LimitsCache(read_budgets=stores.budgets.all, read_policies=stores.policies.all, on_failure=_complain),
    )


def _complain(error: PenstockError) -> None:
    log.warning("budgets, key policies and prices can't be read, the last ones stay", detail=error.message)
