"""Tokens are counted by the vendor that would answer, or by rule."""

import asyncio
from dataclasses import dataclass

import pytest

from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.prompt_estimate import estimate_prompt
from llm_service.domain.model.provider import TokenCounter
from llm_service.domain.model.request import CompletionRequest
from llm_service.domain.model.route import Candidate, Route
from llm_service.domain.routing.token_count import TokenCount, TokenCounting
from llm_service.testing import question
from penstock_kit.errors import ResourceExhausted


@dataclass
class Vendor:
    """Counts 42, fails, or never answers; it remembers the model it was asked for."""

    failure: FailureKind | None = None
    hangs: bool = False
    asked: str = ""

    async def count_tokens(self, request: CompletionRequest) -> int:
        self.asked = request.model
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure:
            raise ProviderError("no", provider="p", failure=self.failure)
        return 42


@dataclass
class Counters:
    vendor: Vendor | None

    async def counter(self, name: str) -> TokenCounter | None:
        assert name == "p"
        return self.vendor


async def admit() -> None:
    """Admit everybody."""


def counting(vendor: Vendor | None) -> TokenCounting:
    route = Route(policy="order", candidates=(Candidate(provider="p", model="m1", why="first"),))
    return TokenCounting(Counters(vendor), lambda _: route, admit=admit, seconds=0.05)


async def test_the_vendor_counts_for_the_model_of_the_route() -> None:
    vendor = Vendor()
    assert await counting(vendor).count(question(model="p/m1")) == TokenCount(tokens=42, estimated=False)
    assert vendor.asked == "m1"


@pytest.mark.parametrize("vendor", [None, Vendor(hangs=True), Vendor(failure=FailureKind.AUTH)])
async def test_without_the_vendor_the_rule_counts(vendor: Vendor | None) -> None:
    asked = question("how many tokens is this?")
    assert await counting(vendor).count(asked) == TokenCount(tokens=estimate_prompt(asked), estimated=True)


async def test_a_prompt_the_vendor_refuses_is_refused() -> None:
    with pytest.raises(ProviderError):
        await counting(Vendor(failure=FailureKind.BAD_REQUEST)).count(question())


async def test_a_caller_whose_rate_is_used_up_is_refused_and_no_vendor_asked() -> None:
    vendor = Vendor()
    route = Route(policy="order", candidates=(Candidate(provider="p", model="m1", why="first"),))

    async def refuse() -> None:
        raise ResourceExhausted("slower", reason="KEY_RATE_LIMIT_EXCEEDED")

    with pytest.raises(ResourceExhausted):
        await TokenCounting(Counters(vendor), lambda _: route, admit=refuse).count(question(model="p/m1"))
    assert vendor.asked == ""
