"""Work that follows an answer."""

import asyncio
from contextvars import ContextVar

import pytest

from chat_stream_service.domain.stream.background import BackgroundJobs
from penstock_testkit.waiting import HANG_SECONDS

WHO: ContextVar[str] = ContextVar("who", default="")


async def test_jobs_run_as_who_submitted_them_and_a_failing_one_stops_no_other() -> None:
    background, seen = BackgroundJobs(at_once=1), list[str]()

    async def note() -> None:
        seen.append(WHO.get())

    async def fail() -> None:
        raise ValueError("secret words")

    for who in ("ann", "bob"):
        WHO.set(who)
        assert background.submit("fail", fail)
        assert background.submit("note", note)
    await background.idle()
    assert seen == ["ann", "bob"]


async def test_a_failure_is_logged_without_what_was_said(capsys: pytest.CaptureFixture[str]) -> None:
    background = BackgroundJobs()

    async def fail() -> None:
        said = "secret words"
        raise ValueError(said)

    background.submit("fail", fail)
    await background.idle()
    logged = capsys.readouterr()
    assert "ValueError" in logged.out + logged.err
    assert "secret words" not in logged.out + logged.err


async def test_what_is_too_much_is_dropped_and_counted() -> None:
    background, go_on = BackgroundJobs(at_once=1, most_waiting=2), asyncio.Event()

    async def wait() -> None:
        await go_on.wait()

    taken = [background.submit("wait", wait) for _ in range(5)]
    assert taken == [True, True, True, False, False]
    assert background.dropped == 2
    go_on.set()
    await background.idle()


async def test_at_the_end_work_gets_its_time_and_no_more() -> None:
    background, closed = BackgroundJobs(at_once=1), list[str]()

    async def hang() -> None:
        await asyncio.Event().wait()

    async def close() -> None:
        closed.append("yes")

    background.call_on_close(close)
    background.submit("hang", hang)
    background.submit("hang", hang)
    late = asyncio.create_task(hang())
    background.add_task(late, seconds=60)
    async with asyncio.timeout(HANG_SECONDS):
        await background.close(0.05)
    assert late.cancelled()
    assert closed == ["yes"]


async def test_a_job_that_hangs_is_ended_after_its_time_and_the_next_begins() -> None:
    background, ran = BackgroundJobs(at_once=1, job_seconds=0.05), asyncio.Event()

    async def hang() -> None:
        await asyncio.Event().wait()

    async def run() -> None:
        ran.set()

    assert background.submit("hang", hang)
    assert background.submit("run", run)
    async with asyncio.timeout(HANG_SECONDS):
        await background.idle()
    assert ran.is_set()


async def test_a_task_nobody_waits_for_is_cancelled_after_its_time_or_when_there_are_too_many() -> None:
    background = BackgroundJobs(most_tasks=1)
    late, one_too_many = (asyncio.create_task(asyncio.Event().wait()) for _ in range(2))
    background.add_task(late, seconds=0.05)
    background.add_task(one_too_many, seconds=600)
    async with asyncio.timeout(HANG_SECONDS):
        await asyncio.wait([late, one_too_many])
    assert (late.cancelled(), one_too_many.cancelled()) == (True, True)
