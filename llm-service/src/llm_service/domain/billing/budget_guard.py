"""The budget guard: reserves what a call may cost at most before it is made, so that no budget is overspent."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import ceil
from typing import Final, Protocol

from llm_service.domain.billing.admission import Admission
from llm_service.domain.billing.budget import Budget, BudgetStore
from llm_service.domain.billing.key_policy import KeyPolicy
from llm_service.domain.billing.ledger import LedgerRow
from llm_service.domain.billing.limits_cache import LimitsCache
from llm_service.domain.billing.price import PriceBook
from llm_service.domain.billing.rate_limiter import RateLimiter
from llm_service.domain.billing.reservation import Reservation
from llm_service.domain.model.prompt_estimate import estimate_prompt
from llm_service.domain.model.request import CompletionRequest, route_of
from llm_service.domain.model.route import Candidate, Route
from llm_service.domain.model.usage import Usage
from penstock_kit.clock import Clock
from penstock_kit.context import Caller, current_context
from penstock_kit.errors import ErrorKind, FailedPrecondition, PenstockError

# Tokens; a budget that pays for fewer is used up.
_LEAST_ANSWER: Final = 8
_PROMPT_MARGIN: Final = 1.5
_PROMPT_EXTRA: Final = 32
_NOTHING: Final = Decimal(0)
_SHORTEST_ANSWER: Final = Usage(output=1)


class BudgetGuard(Protocol):
    """Decides whether a call may be made and how much it may cost."""

    async def reserve(self, request: CompletionRequest, call_id: str) -> Reservation:
        """Return what call `call_id` may ask. Raises ResourceExhausted when a budget or a rate is used up."""
        ...


class NoBudget:
    """Allows every call: no budget applies."""

    async def reserve(self, request: CompletionRequest, call_id: str) -> Reservation:
        """Return the request as it is."""
        return Reservation(request)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetGuardSettings:
    """`output_tokens`: the longest answer when the caller names none and a budget applies. `refuse_unpriced`:
    whether models without a known price may not be used at all."""

    output_tokens: int = 8192
    refuse_unpriced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateReservation:
    """Who of the candidates may be asked, and what settles the reservation at the end."""

    candidates: Sequence[Candidate]
    settle: Callable[[LedgerRow], None]


class ReservingBudgetGuard:
    """Sets aside the most a call may cost at any place its route goes to, in every budget that applies.

    When less is left the answer's length is cut to it. While the store of budgets is away calls go on and
    are counted when it is back. `ready` makes the prices of a provider available.
    """

    def __init__(
        self,
        *,
        limits: LimitsCache,
        store: BudgetStore,
        route: Callable[[CompletionRequest], Route],
        prices: PriceBook,
        ready: Callable[[str], Awaitable[None]],
        rate_limiter: RateLimiter,
        clock: Clock,
        settings: BudgetGuardSettings,
    ) -> None:
        self._limits = limits
        self._store = store
        self._route = route
        self._prices = prices
        self._ready = ready
        self._clock = clock
        self._settings = settings
        self._rate_limiter = rate_limiter

    async def reserve(self, request: CompletionRequest, call_id: str) -> Reservation:
        """Return what may be asked; ResourceExhausted (BUDGET_LIMIT_EXCEEDED) or FailedPrecondition when nothing."""
        caller = current_context().caller
        policy, budgets = self._limits.policy(caller), self._limits.budgets(caller)
        if policy is None and not budgets and not self._settings.refuse_unpriced:
            return Reservation(request)
        candidates = await self._priced(request)
        if self._settings.refuse_unpriced:
            request, candidates = self._without_unpriced(request, candidates)
        tokens = estimate_prompt(request) + (request.sampling.max_output_tokens or 0)
        with await self._admit(caller, policy, tokens) as admission:
            made = (
                await self._reserve_answer(call_id, request, candidates, budgets) if budgets else Reservation(request)
            )
            return made.with_settlement(admission.with_correction(made.settle))

    async def reserve_embedding(
        self, call_id: str, candidates: Sequence[Candidate], prompt: int
    ) -> CandidateReservation:
        """Reserve what `prompt` tokens without an answer cost at most, and return who may be asked.

        Raises what `reserve` raises.
        """
        caller = current_context().caller
        policy, budgets = self._limits.policy(caller), self._limits.budgets(caller)
        for candidate in candidates if budgets or self._settings.refuse_unpriced else ():
            await self._ready(candidate.provider)
        if self._settings.refuse_unpriced:
            candidates = self._priced_only(candidates, Usage())
        want = self._most(candidates, Usage(input=ceil(prompt * _PROMPT_MARGIN) + _PROMPT_EXTRA))
        with await self._admit(caller, policy, prompt) as admission:
            if budgets:
                await self._reserve_amount(call_id, budgets, want, want)
            settle = admission.with_correction(self._settlement(call_id, budgets))
        return CandidateReservation(candidates=candidates, settle=settle)

    async def admit_request(self) -> None:
        """Take one request without tokens from the rates of the caller's key. Raises ResourceExhausted."""
        caller = current_context().caller
        await self._admit(caller, self._limits.policy(caller), 0)

    def charge(self, row: LedgerRow) -> None:
        """Count a call that nothing was set aside for."""
        budgets = self._limits.budgets(current_context().caller)
        if budgets:
            self._store.settle("", budgets, row.cost.amount or _NOTHING, row.create_time)

    async def _priced(self, request: CompletionRequest) -> Sequence[Candidate]:
        candidates = route_of(request, self._route).candidates
        for candidate in candidates:
            await self._ready(candidate.provider)
        return candidates

    def _without_unpriced(
        self, request: CompletionRequest, candidates: Sequence[Candidate]
    ) -> tuple[CompletionRequest, Sequence[Candidate]]:
        priced = self._priced_only(candidates, _SHORTEST_ANSWER)
        if len(priced) == len(candidates):
            return request, candidates
        route = replace(route_of(request, self._route), candidates=tuple(priced))
        return replace(request, route=route), priced

    def _priced_only(self, candidates: Sequence[Candidate], usage: Usage) -> Sequence[Candidate]:
        """Return those whose price of `usage` is known; raise FailedPrecondition when there are none."""
        priced = [each for each in candidates if self._cost(each, usage) is not None]
        if not priced:
            named = ", ".join(f"{each.provider}/{each.model}" for each in candidates)
            message = f"the price of {named} is unknown and LLM_UNKNOWN_PRICE is refuse; set a price for it"
            raise FailedPrecondition(message, reason="PRICE_NOT_FOUND")
        return priced

    async def _admit(self, caller: Caller, policy: KeyPolicy | None, tokens: int) -> Admission:
        """Take one request and its `tokens` from the rates of the key."""
        admission = Admission(self._rate_limiter, caller, policy)
        await admission.take(tokens)
        return admission

    async def _reserve_answer(
        self, call_id: str, request: CompletionRequest, candidates: Sequence[Candidate], budgets: Sequence[Budget]
    ) -> Reservation:
        answers = request.sampling.n or 1
        asked = request.sampling.max_output_tokens or self._settings.output_tokens
        prompt = ceil(estimate_prompt(request) * _PROMPT_MARGIN) + _PROMPT_EXTRA
        want = self._most(candidates, Usage(input=prompt, output=asked * answers))
        least = self._most(candidates, Usage(input=prompt, output=min(asked, _LEAST_ANSWER) * answers))
        amount = await self._reserve_amount(call_id, budgets, want, least)
        tight = amount < want
        tokens = asked if not tight else self._affordable(candidates, prompt, amount, answers, asked)
        limited = replace(request, sampling=replace(request.sampling, max_output_tokens=tokens))
        settle = self._settlement(call_id, budgets)
        return Reservation(limited, tokens=tokens * answers, amount=amount, tight=tight, settle=settle)

    async def _reserve_amount(
        self, reservation_id: str, budgets: Sequence[Budget], want: Decimal, least: Decimal
    ) -> Decimal:
        """Set aside; while the store is away everything goes and is counted afterwards."""
        try:
            return await self._store.reserve(reservation_id, budgets, want=want, least=least)
        except asyncio.CancelledError:
            # The caller left; it may be set aside already.
            self._store.settle(reservation_id, budgets, _NOTHING, self._clock.now())
            raise
        except PenstockError as error:
            if error.kind is not ErrorKind.UNAVAILABLE:
                raise
            return want

    def _settlement(self, reservation_id: str, budgets: Sequence[Budget]) -> Callable[[LedgerRow], None]:
        def settle(row: LedgerRow) -> None:
            if budgets:
                self._store.settle(reservation_id, budgets, row.cost.amount or _NOTHING, row.create_time)

        return settle

    def _affordable(
        self, candidates: Sequence[Candidate], prompt: int, amount: Decimal, answers: int, asked: int
    ) -> int:
        """The longest answer that `amount` pays at every place, by halving."""
        low, high = min(asked, _LEAST_ANSWER), asked
        while low < high:
            middle = (low + high + 1) // 2
            if self._most(candidates, Usage(input=prompt, output=middle * answers)) <= amount:
                low = middle
            else:
                high = middle - 1
        return low

    def _most(self, candidates: Sequence[Candidate], usage: Usage) -> Decimal:
        return max((self._cost(each, usage) or _NOTHING for each in candidates), default=_NOTHING)

    def _cost(self, candidate: Candidate, usage: Usage) -> Decimal | None:
        return self._prices.cost(candidate.provider, candidate.model, usage).amount
