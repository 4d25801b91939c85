"""Turns that a memory failed to keep are tried again, in bounds."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from chat_stream_service.domain.memory.retried_memory import RetriedMemory
from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.engine import EngineHealth
from chat_stream_service.domain.model.memory import Note, RememberedTurn
from chat_stream_service.domain.stream.background import BackgroundJobs
from penstock_kit.errors import Unavailable

ANN = Owner(tenant_id="acme", user_id="ann")


def turn(number: int, conversation: str = "c") -> RememberedTurn:
    return RememberedTurn(
        owner=ANN,
        conversation_id=conversation,
        stream_id=f"s{number}",
        question=f"q{number}",
        answer="a",
        create_time=datetime(2026, 3, 1, tzinfo=UTC),
    )


class Flaky:
    """A memory that is down as long as it is told."""

    def __init__(self) -> None:
        self.down = True
        self.kept: list[str] = []
        self.tries = 0

    async def recall(self, owner: Owner, question: str) -> Sequence[Note]:
        return ()

    async def keep(self, turn: RememberedTurn) -> None:
        self.tries += 1
        if self.down:
            raise Unavailable("down", reason="MEM0_FAILED")
        self.kept.append(turn.question)

    async def forget(self, owner: Owner, conversation_id: str) -> None:
        pass

    async def health(self) -> EngineHealth:
        return EngineHealth(healthy=True)


async def failed(memory: RetriedMemory, *turns: RememberedTurn) -> None:
    for each in turns:
        with pytest.raises(Unavailable):
            await memory.keep(each)


async def test_what_failed_is_kept_later_in_its_order_and_health_says_how_much_waits() -> None:
    inner, background = Flaky(), BackgroundJobs()
    memory = RetriedMemory(inner, background=background)
    await failed(memory, turn(1), turn(2))
    health = await memory.health()
    assert (health.healthy, health.detail) == (False, "2 exchanges wait to be remembered")
    await memory.retry_soon()
    await background.idle()
    assert inner.tries == 3, "while it is down one is tried, not all"
    inner.down = False
    await memory.retry_soon()
    await background.idle()
    assert inner.kept == ["q1", "q2"]
    assert await memory.health() == EngineHealth(healthy=True)


async def test_an_exchange_is_given_up_after_some_attempts_and_that_is_told() -> None:
    inner, background = Flaky(), BackgroundJobs()
    memory = RetriedMemory(inner, background=background)
    await failed(memory, turn(1))
    for _ in range(20):
        await memory.retry_soon()
        await background.idle()
    assert inner.tries == 10
    assert (await memory.health()).detail == "1 were given up"


async def test_what_waits_is_bounded_and_a_deleted_conversation_waits_no_more() -> None:
    inner, background = Flaky(), BackgroundJobs()
    memory = RetriedMemory(inner, background=background)
    await failed(memory, *(turn(number) for number in range(205)))
    assert (await memory.health()).detail == "200 exchanges wait to be remembered; 5 were given up"
    await failed(memory, turn(900, "other"))
    await memory.forget(ANN, "c")
    inner.down = False
    await memory.retry_soon()
    await background.idle()
    assert inner.kept == ["q900"]
