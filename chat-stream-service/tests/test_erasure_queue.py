"""Who is told to forget a conversation, as whom, and what waits when a memory cannot."""

from collections.abc import Sequence
from itertools import count

import pytest
from structlog.testing import capture_logs

from chat_stream_service.domain.memory.erasure import Erasure, ErasureQueue
from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.engine import EngineHealth
from chat_stream_service.domain.model.memory import Note, RememberedTurn
from chat_stream_service.domain.stream.background import BackgroundJobs
from penstock_kit.context import CallContext, Caller, current_context, use_context
from penstock_kit.errors import Unavailable
from penstock_testkit.waiting import until

ANN = Owner(tenant_id="acme", user_id="ann")
BOB = Owner(tenant_id="other", user_id="bob")


class Remembering:
    """Remembers what it was told to forget, and by whom; raises `error` while there is one."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.told: list[tuple[Owner, str]] = []
        self.callers: list[Caller] = []

    async def recall(self, owner: Owner, question: str) -> Sequence[Note]:
        return ()

    async def keep(self, turn: RememberedTurn) -> None: ...

    async def forget(self, owner: Owner, conversation_id: str) -> None:
        if self.error is not None:
            raise self.error
        self.told.append((owner, conversation_id))
        self.callers.append(current_context().caller)

    async def health(self) -> EngineHealth:
        return EngineHealth(healthy=True)


class Waiting:
    """Erasures in memory, all of conversations that are gone."""

    def __init__(self) -> None:
        self.noted: list[Erasure] = []

    async def add(self, noted: Sequence[Erasure]) -> None:
        self.noted += noted

    async def list_pending(self, *, most: int) -> Sequence[Erasure]:
        return self.noted[:most]

    async def remove(self, erasure_id: str) -> None:
        self.noted = [each for each in self.noted if each.id != erasure_id]


def queue_of(store: Waiting, **memories: Remembering) -> ErasureQueue:
    numbers = count(1)
    return ErasureQueue(
        memories, store=store, background=BackgroundJobs(), new_id=lambda prefix: f"{prefix}_{next(numbers)}"
    )


async def test_every_memory_is_noted_before_a_deletion_and_told_as_the_owner_whoever_sees_to_it() -> None:
    store, own, other = Waiting(), Remembering(), Remembering()
    queue = queue_of(store, own=own, mem0=other)
    await queue.add(ANN, "conv_1")
    await queue.add(BOB, "conv_2")
    assert [(each.id, each.memory, each.owner, each.conversation_id) for each in store.noted] == [
        ("era_1", "own", ANN, "conv_1"),
        ("era_2", "mem0", ANN, "conv_1"),
        ("era_3", "own", BOB, "conv_2"),
        ("era_4", "mem0", BOB, "conv_2"),
    ]
    assert own.told == []
    with use_context(CallContext(request_id="r", caller=Caller(user_id="root", tenant_id="t"))):
        await queue.run_pending()
    assert own.told == other.told == [(ANN, "conv_1"), (BOB, "conv_2")]
    assert [(each.tenant_id, each.user_id) for each in own.callers] == [("acme", "ann"), ("other", "bob")]
    assert store.noted == []
    await queue.run_pending()
    assert len(own.told) == 2, "what was forgotten is not asked for again"


async def test_what_a_memory_cannot_forget_waits_and_is_told_in_the_log_and_the_others_forget() -> None:
    store, down, well = Waiting(), Remembering(Unavailable("down", reason="MEM0_FAILED")), Remembering()
    queue = queue_of(store, mem0=down, own=well)
    await queue.add(ANN, "conv_1")
    with capture_logs() as logs:
        await queue.run_pending()
    assert [(each["event"], each["memory"], each["detail"]) for each in logs] == [
        ("memory could not forget, it is asked again", "mem0", "down")
    ]
    assert (well.told, [each.memory for each in store.noted]) == ([(ANN, "conv_1")], ["mem0"])
    down.error = None
    await queue.run_pending()
    assert (down.told, len(well.told), store.noted) == ([(ANN, "conv_1")], 1, [])


async def test_what_a_memory_that_is_not_there_has_to_forget_waits_for_it() -> None:
    store, own = Waiting(), Remembering()
    await queue_of(store, gone=Remembering(), own=own).add(ANN, "conv_1")
    await queue_of(store, own=own).run_pending()
    assert (own.told, [each.memory for each in store.noted]) == ([(ANN, "conv_1")], ["gone"])


async def test_a_failure_that_nobody_foresaw_keeps_what_was_to_be_forgotten() -> None:
    store = Waiting()
    queue = queue_of(store, own=Remembering(ValueError("a fault of ours")))
    await queue.add(ANN, "conv_1")
    with pytest.raises(ValueError, match="a fault of ours"):
        await queue.run_pending()
    assert len(store.noted) == 1


async def test_it_is_begun_behind_the_call_that_deletes() -> None:
    store, own = Waiting(), Remembering()
    queue = queue_of(store, own=own)
    await queue.add(ANN, "conv_1")
    await queue.begin()
    assert own.told == []
    await until(lambda: own.told == [(ANN, "conv_1")])
