"""Which errors of a tool say that its server is not well, and that only those put it out of order."""

from collections.abc import Mapping
from typing import Any

import pytest

from chat_stream_service.domain.model.tool import Arguments, ToolContext
from chat_stream_service.domain.tools.tool_breaker import BreakerTool
from penstock_kit.breaker import Breaker, ConsecutiveFailures
from penstock_kit.errors import ErrorKind, PenstockError, Unavailable
from penstock_testkit.clock import ManualClock

OUTAGES = {ErrorKind.UNAVAILABLE, ErrorKind.DEADLINE_EXCEEDED, ErrorKind.BAD_UPSTREAM, ErrorKind.INTERNAL}
ANY: Any = None


class Failing:
    """A tool whose calls fail with errors of one kind until it is mended."""

    name = "look"
    description = "looks"
    schema: Mapping[str, Any] = {"type": "object"}

    def __init__(self, kind: ErrorKind) -> None:
        self.kind: ErrorKind | None = kind
        self.calls = 0

    async def call(self, arguments: Arguments, context: ToolContext) -> str:
        self.calls += 1
        if self.kind is not None:
            raise PenstockError("it failed", kind=self.kind, reason="SOME_REASON")
        return "fine"


@pytest.mark.parametrize("kind", list(ErrorKind))
async def test_errors_of_its_server_put_a_tool_out_of_order_and_those_about_a_call_do_not(kind: ErrorKind) -> None:
    clock, inner = ManualClock(), Failing(kind)
    tool = BreakerTool(inner, Breaker(ConsecutiveFailures(failures=3, open_seconds=10), clock))
    for _ in range(4):
        with pytest.raises(PenstockError) as caught:
            await tool.call({}, ANY)
    assert (caught.value.reason == "TOOL_UNAVAILABLE") is (kind in OUTAGES)
    assert inner.calls == (3 if kind in OUTAGES else 4)


async def test_a_tool_that_is_out_of_order_says_for_how_long_and_is_tried_again_then() -> None:
    clock, inner = ManualClock(), Failing(ErrorKind.UNAVAILABLE)
    tool = BreakerTool(inner, Breaker(ConsecutiveFailures(failures=1, open_seconds=10), clock))
    with pytest.raises(PenstockError, match="it failed"):
        await tool.call({}, ANY)
    clock.advance(4)
    with pytest.raises(Unavailable, match="it is tried again in 6 s") as caught:
        await tool.call({}, ANY)
    assert caught.value.retry_after == 6
    clock.advance(6)
    inner.kind = None
    assert await tool.call({}, ANY) == "fine"
    inner.kind = ErrorKind.INVALID_ARGUMENT
    with pytest.raises(PenstockError, match="it failed"):
        await tool.call({}, ANY)
    inner.kind = None
    assert await tool.call({}, ANY) == "fine"
