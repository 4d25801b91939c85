"""What the readers of a stream hold of it: nothing once it has ended."""

import asyncio
import gc
import weakref
from typing import Any

import pytest

from chat_stream_service.domain.model.stream_request import OnDisconnect
from chat_stream_service.domain.stream.run import StreamRun
from chat_stream_service.domain.stream.subscribers import StreamSubscribers
from penstock_testkit.waiting import HANG_SECONDS, until


class Run:
    """A stream that may be abandoned."""

    def __init__(self) -> None:
        self.abandoned = asyncio.Event()

    def abandon(self) -> None:
        self.abandoned.set()


@pytest.mark.parametrize("policy", OnDisconnect)
@pytest.mark.parametrize("elsewhere", [False, True])
async def test_readers_that_leave_after_the_end_abandon_nothing_and_hold_nothing(
    policy: OnDisconnect, elsewhere: bool
) -> None:
    run = Run()
    subscribers = StreamSubscribers(policy, detach_seconds=HANG_SECONDS, on_abandoned=run.abandon)
    subscribers.join()
    if elsewhere:
        subscribers.set_remote_readers("replica", 1)
    subscribers.close()
    subscribers.leave()
    subscribers.set_remote_readers("replica", 0)
    assert not run.abandoned.is_set()
    held = weakref.ref(run)
    del run, subscribers
    gc.collect()
    assert held() is None


@pytest.mark.parametrize("policy", OnDisconnect)
async def test_a_running_stream_is_abandoned_when_its_last_reader_left(policy: OnDisconnect) -> None:
    run = Run()
    subscribers = StreamSubscribers(policy, detach_seconds=0.01, on_abandoned=run.abandon)
    subscribers.join()
    subscribers.join()
    subscribers.leave()
    assert not run.abandoned.is_set()
    subscribers.leave()
    async with asyncio.timeout(HANG_SECONDS):
        await run.abandoned.wait()


async def test_an_ended_stream_that_was_read_leaves_its_events_and_nothing_of_its_making(chat: Any) -> None:
    for _ in range(3):
        await chat.answer(await chat.conversation())
    await until(lambda: chat.services.statistics.active_connections == 0)

    def runs() -> int:
        gc.collect()
        return sum(isinstance(each, StreamRun) for each in gc.get_objects())

    await until(lambda: runs() == 0)
