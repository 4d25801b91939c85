"""What is opened in a thread is closed, also when nobody waits for it any more."""

import asyncio
import gc
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from penstock_kit.opened import opened_in_thread
from penstock_testkit.waiting import HANG_SECONDS


async def test_a_file_is_open_within_the_block_and_closed_behind_it(tmp_path: Path) -> None:
    async with opened_in_thread((tmp_path / "a").open("wb").__enter__) as file:
        assert not file.closed
    assert file.closed


async def test_a_file_that_is_opened_for_a_caller_who_was_cancelled_is_closed(tmp_path: Path) -> None:
    begun, go_on, files = threading.Event(), threading.Event(), list[object]()

    def make():
        begun.set()
        assert go_on.wait(HANG_SECONDS)
        files.append((tmp_path / "a").open("wb"))
        return files[0]

    async def use() -> None:
        async with opened_in_thread(make):
            raise AssertionError("the block began")

    using = asyncio.create_task(use())
    assert await asyncio.to_thread(begun.wait, HANG_SECONDS)
    using.cancel()
    with suppress(asyncio.CancelledError):
        await using
    go_on.set()
    async with asyncio.timeout(HANG_SECONDS):
        while not (files and files[0].closed):  # noqa: ASYNC110 - a thread
            await asyncio.sleep(0.01)


async def test_what_can_not_be_opened_says_so() -> None:
    with pytest.raises(FileNotFoundError):
        async with opened_in_thread(lambda: Path("/nowhere/at/all").open("rb")):
            pass


async def test_what_can_not_be_opened_for_a_caller_who_was_cancelled_is_nobodys_error() -> None:
    begun, go_on, complaints = threading.Event(), threading.Event(), list[object]()

    def make():
        begun.set()
        assert go_on.wait(HANG_SECONDS)
        return Path("/nowhere/at/all").open("rb")

    async def use() -> None:
        async with opened_in_thread(make):
            raise AssertionError("the block began")

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    using = asyncio.create_task(use())
    assert await asyncio.to_thread(begun.wait, HANG_SECONDS)
    using.cancel()
    with suppress(asyncio.CancelledError):
        await using
    go_on.set()
    await loop.shutdown_default_executor()  # then its thread has told the loop
    for _ in range(3):
        await asyncio.sleep(0)
    gc.collect()
    assert complaints == []
