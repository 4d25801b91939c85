"""Work on large inputs beside the event loop."""

import asyncio
import sys
import threading
from contextvars import ContextVar

import pytest

from penstock_kit.aside import run_aside
from penstock_kit.context import CallContext, Caller, set_context
from penstock_testkit.waiting import HANG_SECONDS

LARGE = 1_000_000
word: ContextVar[str] = ContextVar("word")


async def test_others_are_served_while_a_large_input_is_worked_on() -> None:
    served = threading.Event()
    task = asyncio.create_task(run_aside(LARGE, lambda: served.wait(HANG_SECONDS)))
    await asyncio.sleep(0)
    assert not task.done()
    served.set()
    assert await task


async def test_a_small_input_is_worked_on_at_once_in_the_same_thread() -> None:
    assert await run_aside(100, threading.get_ident) == threading.get_ident()
    assert await run_aside(LARGE, threading.get_ident) != threading.get_ident()


async def test_large_inputs_take_turns() -> None:
    running, most = 0, 0
    first = threading.Event()

    def work() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        first.wait(HANG_SECONDS)
        running -= 1

    tasks = [asyncio.create_task(run_aside(LARGE, work)) for _ in range(4)]
    await asyncio.sleep(0)
    first.set()
    await asyncio.gather(*tasks)
    assert most == 1


async def test_what_the_work_raises_and_the_context_of_its_caller_are_those_of_the_caller() -> None:
    word.set("mine")
    assert await run_aside(LARGE, word.get) == "mine"
    with pytest.raises(ZeroDivisionError):
        await run_aside(LARGE, lambda: 1 // 0)


async def test_a_tenant_that_sends_much_at_once_delays_anothers_work_by_one_turn() -> None:
    go_on, order = threading.Event(), list[str]()

    async def work(tenant: str) -> None:
        set_context(CallContext(request_id="", caller=Caller(user_id="u", tenant_id=tenant)))
        await run_aside(LARGE, lambda: (go_on.wait(HANG_SECONDS), order.append(tenant)))

    tasks = [asyncio.create_task(work(tenant)) for tenant in ["much"] * 8 + ["little"]]
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(*tasks)
    assert order.index("little") == 2  # one was inside, one at the head of the queue


@pytest.mark.parametrize(("size", "is_beside"), [(128 * 1024, False), (128 * 1024 + 1, True)])
async def test_an_input_of_more_than_128_kib_is_worked_on_beside_the_loop(size: int, is_beside: bool) -> None:
    assert (await run_aside(size, threading.get_ident) != threading.get_ident()) is is_beside


@pytest.mark.parametrize(("before", "behind"), [(0.005, 0.0005), (0.0001, 0.0001)])
async def test_beside_large_work_the_loop_has_its_turn_within_half_a_millisecond(before: float, behind: float) -> None:
    usual = sys.getswitchinterval()
    try:
        sys.setswitchinterval(before)
        await run_aside(100, int)
        assert sys.getswitchinterval() == pytest.approx(before, rel=0.05)
        await run_aside(LARGE, int)
        assert sys.getswitchinterval() == pytest.approx(behind, rel=0.05)
    finally:
        sys.setswitchinterval(usual)
