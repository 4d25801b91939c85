"""The queue is flushed with the asynchronous client as with the other: in order, each message once."""

import asyncio
from pathlib import Path

import pytest
from fake_gateway import FakeGateway

from penstock_client import AsyncPenstock, OfflineQueue


async def test_everything_goes_in_order_and_once(tmp_path: Path) -> None:
    queue = OfflineQueue(tmp_path)
    keys = [queue.add(f"conv_{number % 3}", f"m{number}").id for number in range(12)]
    with FakeGateway() as gateway:
        async with AsyncPenstock(gateway.url) as client:
            report = await queue.flush_async(client)
            again = await queue.flush_async(client)
    assert (report.sent, report.left, report.stopped_by) == (12, 0, "")
    assert again.sent == 0
    assert [asked.key for asked in gateway.asked] == keys
    assert report.answers[keys[0]].content == "yes"  # type: ignore[union-attr]


async def test_a_message_without_a_conversation_gets_one_of_its_own(tmp_path: Path) -> None:
    queue = OfflineQueue(tmp_path)
    entry = queue.add("", "hello")
    with FakeGateway() as gateway:
        async with AsyncPenstock(gateway.url) as client:
            await queue.flush_async(client)
    assert gateway.created == [f"{entry.id}-conversation"]
    assert [asked.conversation for asked in gateway.asked] == ["conv_new"]


async def test_a_refusal_holds_up_its_conversation_alone_and_a_busy_gateway_ends_the_flush(tmp_path: Path) -> None:
    queue = OfflineQueue(tmp_path)
    for conversation, content in (("a", "bad"), ("a", "after bad"), ("b", "good"), ("c", "busy"), ("d", "later")):
        queue.add(conversation, content)
    with FakeGateway() as gateway:
        gateway.refuse("bad", 422)
        gateway.refuse("busy", 429, retry_after="7")
        async with AsyncPenstock(gateway.url, max_retries=0) as client:
            report = await queue.flush_async(client)
    assert [asked.content for asked in gateway.asked] == ["good"]
    assert [entry.message["content"] for entry in report.refused] == ["bad"]
    assert (report.left, report.retry_after) == (4, 7.0)


async def test_no_gateway_leaves_all_where_it_was(tmp_path: Path) -> None:
    queue = OfflineQueue(tmp_path)
    queue.add("c", "hello")
    async with AsyncPenstock("http://127.0.0.1:9", max_retries=0) as client:
        report = await queue.flush_async(client)
    assert (report.sent, report.left) == (0, 1)
    assert "can't be reached" in report.stopped_by


async def test_of_two_flushes_at_once_one_works(tmp_path: Path) -> None:
    queue = OfflineQueue(tmp_path)
    for number in range(5):
        queue.add("c", f"m{number}")
    with FakeGateway() as gateway:
        async with AsyncPenstock(gateway.url) as client:
            one, other = await asyncio.gather(queue.flush_async(client), queue.flush_async(client))
    assert sorted([one.sent, other.sent]) == [0, 5]
    assert "another flush is under way" in {one.stopped_by, other.stopped_by}
    assert len(gateway.asked) == 5


async def test_a_flush_that_is_cancelled_keeps_the_message_and_gives_its_turn_back(tmp_path: Path) -> None:
    queue = OfflineQueue(tmp_path)
    entry = queue.add("c", "hello")
    with FakeGateway() as gateway:
        gateway.hold.clear()
        async with AsyncPenstock(gateway.url) as client:
            flushing = asyncio.create_task(queue.flush_async(client))
            await asyncio.to_thread(gateway.arrived.wait, 60)
            flushing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await flushing
            assert [each.id for each in queue.entries()] == [entry.id]
            gateway.hold.set()
            report = await queue.flush_async(client)
    assert report.sent == 1
    assert {asked.key for asked in gateway.asked} == {entry.id}
    assert gateway.stored == [entry.id]
