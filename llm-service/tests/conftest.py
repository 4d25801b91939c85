"""What the tests of llm-service share: time and ids that stand still, a fake vendor and a profile of it."""

from collections.abc import AsyncIterator, Callable
from itertools import count

import pytest

from llm_service.domain.model.profile import ProviderProfile, Quirks, ThinkingKnob
from penstock_testkit.clock import ManualClock
from penstock_testkit.vendors.openai_server import OpenAiServer


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def new_id() -> Callable[[str], str]:
    numbers = count(1)
    return lambda prefix: f"{prefix}_{next(numbers):06d}"


@pytest.fixture
async def vendor() -> AsyncIterator[OpenAiServer]:
    async with OpenAiServer() as server:
        yield server


@pytest.fixture
def profile(vendor: OpenAiServer) -> ProviderProfile:
    """The fake vendor as a configured provider with OpenAI's own quirks."""
    return ProviderProfile(
        name="openai",
        dialect="openai",
        models=("m1",),
        base_url=vendor.base_url,
        keys=("sk-test-0001-abcd",),
        quirks=Quirks(
            max_tokens="max_completion_tokens",
            thinking=ThinkingKnob.EFFORT,
            lacks=frozenset({"top_k"}),
            passes=frozenset({"metadata", "user"}),
        ),
    )
