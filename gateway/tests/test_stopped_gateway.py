"""What a gateway of a test leaves behind when it was stopped."""

import gc
import weakref
from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")

STOPPED: list[weakref.ref[Any]] = []


@pytest.mark.parametrize("turn", ["the first", "the second"])
async def test_a_gateway_that_was_stopped_is_gone_when_the_next_one_starts(start_gateway: Any, turn: str) -> None:
    gc.collect()
    assert [stopped() for stopped in STOPPED if stopped() is not None] == [], turn
    STOPPED.append(weakref.ref((await start_gateway()).store))
