"""Counting the tokens of a prompt: by the vendor that would answer it, or by rule."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.prompt_estimate import estimate_prompt
from llm_service.domain.model.provider import TokenCounter
from llm_service.domain.model.request import CompletionRequest, route_of
from llm_service.domain.model.route import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCount:
    """Tokens of a prompt; `estimated` when no vendor counted them."""

    tokens: int
    estimated: bool


class Counters(Protocol):
    """Who counts, by the provider's name."""

    async def counter(self, name: str) -> TokenCounter | None:
        """Return the counter of the provider, None when its vendor counts nothing. Raises ProviderError."""
        ...


class TokenCounting:
    """Asks the first provider of the route, for `seconds` at most; whatever hinders it, there is the rule.

    A count is a request as any other to the rates of the caller's key: `admit` takes it.
    """

    def __init__(
        self,
        counters: Counters,
        route: Callable[[CompletionRequest], Route],
        *,
        admit: Callable[[], Awaitable[None]],
        seconds: float = 5.0,
    ) -> None:
        self._counters = counters
        self._route = route
        self._admit = admit
        self._seconds = seconds

    async def count(self, request: CompletionRequest) -> TokenCount:
        """Return the count.

        Raises NotFound for a model nobody has, ProviderError for a prompt that is refused, and what `admit` raises of a
        caller whose rate of requests is used up.
        """
        first = route_of(request, self._route).candidates[0]
        await self._admit()
        counted = await self._ask_vendor(first.provider, replace(request, model=first.model))
        if counted is None:
            return TokenCount(tokens=estimate_prompt(request), estimated=True)
        return TokenCount(tokens=counted, estimated=False)

    async def _ask_vendor(self, provider: str, request: CompletionRequest) -> int | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._seconds):
                try:
                    counter = await self._counters.counter(provider)
                    return None if counter is None else await counter.count_tokens(request)
                except ProviderError as error:
                    if error.failure is FailureKind.BAD_REQUEST:
                        raise
        return None
