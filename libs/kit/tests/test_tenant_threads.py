"""Threads that tenants share."""

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any

import pytest

from penstock_kit.context import SYSTEM, CallContext, Caller, use_context
from penstock_kit.tenant_threads import TenantThreads
from penstock_testkit.waiting import HANG_SECONDS


def submit(threads: TenantThreads, tenant_id: str, work: Callable[[], Any]) -> Future[Any]:
    with use_context(CallContext(request_id="r", caller=Caller(user_id="u", tenant_id=tenant_id))):
        return threads.submit(work)


class LongWork:
    """Work that goes on until it is let go, and how much of it runs."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.running = threading.Semaphore(0)

    def __call__(self) -> str:
        self.running.release()
        assert self.go.wait(HANG_SECONDS)
        return "done"


@pytest.fixture
def long_work() -> LongWork:
    return LongWork()


def test_one_tenant_with_long_work_in_all_of_its_threads_delays_no_other(long_work: LongWork) -> None:
    with TenantThreads(4, share=2) as threads:
        busy = [submit(threads, "a", long_work) for _ in range(20)]
        assert submit(threads, "b", lambda: "b").result(HANG_SECONDS) == "b"
        assert threads.submit(lambda: "nobody's").result(HANG_SECONDS) == "nobody's"
        with use_context(CallContext(request_id="r", caller=SYSTEM)):
            assert threads.submit(lambda: "ours").result(HANG_SECONDS) == "ours"
        assert not any(future.done() for future in busy)
        long_work.go.set()
        assert {future.result(HANG_SECONDS) for future in busy} == {"done"}


def test_who_calls_without_being_known_takes_no_thread_of_the_default_tenant(long_work: LongWork) -> None:
    with TenantThreads(2, share=1) as threads:
        with use_context(CallContext(request_id="r", caller=Caller(user_id="", tenant_id="default"))):
            unknown = threads.submit(long_work)
        assert submit(threads, "default", lambda: 1).result(HANG_SECONDS) == 1
        assert not unknown.done()
        long_work.go.set()


def test_a_tenant_has_no_more_threads_than_its_share(long_work: LongWork) -> None:
    with TenantThreads(8, share=2) as threads:
        busy = [submit(threads, "a", long_work) for _ in range(4)]
        assert long_work.running.acquire(timeout=HANG_SECONDS)
        assert long_work.running.acquire(timeout=HANG_SECONDS)
        assert submit(threads, "b", lambda: 1).result(HANG_SECONDS) == 1
        assert sum(future.running() for future in busy) == 2
        long_work.go.set()


def test_tenants_that_wait_for_threads_take_turns(long_work: LongWork) -> None:
    order: list[str] = []
    with TenantThreads(1, share=1) as threads:
        submit(threads, "first", long_work)
        last = [submit(threads, name, lambda name=name: order.append(name)) for name in ("a", "a", "a", "b", "c")][2]
        long_work.go.set()
        last.result(HANG_SECONDS)
    assert order == ["a", "b", "c", "a", "a"]


def test_work_is_forgotten_when_its_caller_leaves_before_its_turn(long_work: LongWork) -> None:
    done: list[str] = []
    with TenantThreads(1, share=1) as threads:
        submit(threads, "a", long_work)
        left, stays = (submit(threads, "a", lambda name=name: done.append(name)) for name in ("left", "stays"))
        assert left.cancel()
        assert [work.future for queue in threads._waiting.values() for work in queue] == [stays]  # pyright: ignore[reportPrivateUsage]
        long_work.go.set()
        stays.result(HANG_SECONDS)
    assert done == ["stays"]


def test_what_work_raises_is_raised_and_its_thread_is_free_again() -> None:
    with TenantThreads(1, share=1) as threads:
        with pytest.raises(ZeroDivisionError):
            submit(threads, "a", lambda: 1 // 0).result(HANG_SECONDS)
        assert submit(threads, "b", lambda: 1).result(HANG_SECONDS) == 1


def test_threads_that_are_shut_end_what_runs_cancel_what_waits_and_take_no_more(long_work: LongWork) -> None:
    threads = TenantThreads(1, share=1)
    runs, waits = (submit(threads, "a", long_work) for _ in range(2))
    assert long_work.running.acquire(timeout=HANG_SECONDS)
    threads.shutdown(wait=False)
    long_work.go.set()
    threads.shutdown()
    assert runs.result() == "done"
    with pytest.raises(CancelledError):
        waits.result()
    with pytest.raises(RuntimeError):
        submit(threads, "a", long_work)


PROGRAM = """
import asyncio, threading
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.grpc import run_service

go = threading.Event()

async def as_tenant(tenant_id, work):
    with use_context(CallContext(request_id="r", caller=Caller(user_id="u", tenant_id=tenant_id))):
        await asyncio.to_thread(work)
        print(tenant_id, flush=True)

async def main(_):
    greedy = [asyncio.create_task(as_tenant("a", go.wait)) for _ in range(100)]
    await asyncio.sleep(0)
    await as_tenant("b", lambda: None)
    go.set()
    await asyncio.gather(*greedy)

run_service(main)
"""


def test_a_service_does_its_work_beside_the_loop_in_threads_that_tenants_share() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True, timeout=HANG_SECONDS, check=True
    )
    assert ended.stdout.split() == ["b", *["a"] * 100]
