"""Work on large inputs beside the event loop."""

import asyncio
import threading
from contextvars import ContextVar

import pytest

from penstock_kit.aside import run_aside
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
